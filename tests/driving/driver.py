"""Plays sequences on a platform: after each act, whoever is called applied is, nothing is lost, and who was let in gets in; then rest."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from local.cloud.record import Record
from local.home import CLONE
from tenantry.declaration import TenantDeclaration, load
from tenantry.settings import PlatformSettings
from tests import commands
from tests.driving import choosing, judging, script
from tests.driving.acts import AWAY, PROGRESS, Act, Command, Edit, EndHold, WrongBackend
from tests.driving.observing import Observed, Observer
from tests.engine.offboarding import end_hold
from tests.volume import volume
from tests.waiting import wait_for

TYPED_AT_MOST = 2
LIMIT = 120
"""Seconds that a command may take."""


class Wrong(AssertionError):
    """What was seen that may not be, and how to see it again."""


class Driver:
    """A platform that is driven, sequence after sequence. After a ``Wrong`` it is not to be driven on."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.observer = Observer(sandbox)
        self.settings = PlatformSettings.from_project(CLONE)
        self._said: list[str] = []
        self._refusal, self._failed = "", False
        self._deleted: set[str] = set()
        self._owners: dict[str, set[str]] = {}
        for path, text in choosing.base().files.items():
            self._write(path, text)
        sandbox.up()
        self._seen = self.observer.observe()

    def play(self, number: int, acts: Iterable[Act] | None = None) -> None:
        """Raises ``Wrong`` where something does not hold. ``acts``: those of the sequence of that number."""
        acts = list(choosing.sequence(number) if acts is None else acts)
        start = Edit("the tenants", {str(path.relative_to(self.sandbox.tenants)): path.read_text() for path in self._files()})
        begin = self._begin()
        played: list[Act] = [begin] if begin.files else []
        typed: list[str] = []
        self._said, self._failed = [], False
        takes: set[str] = set()
        try:
            self._edit(begin)
            for act in acts:
                played.append(act)
                ran = self._do(act)
                if isinstance(act, Command):
                    takes |= act.takes
                    self._deleted |= {act.deletes} if act.deletes and act.deletes not in self._declared() else set()
                self._compare(self.observer.observe() if ran else self._seen, takes)
            self._rest(typed, touched(played))
        except AssertionError as error:
            text = script.of(f"Sequence {number} of the random driving (seed {choosing.SEED}).", start, played, typed=typed)
            raise Wrong("\n".join([str(error), "", *self._said, "", text])) from error

    def _files(self) -> Iterator[Path]:
        """The declarations and pictures, not the tiers and what git keeps."""
        for path in sorted(self.sandbox.tenants.rglob("*")):
            if path.is_file() and not {"defaults", ".git"} & {*path.relative_to(self.sandbox.tenants).parts}:
                yield path

    def _begin(self) -> Edit:
        """The files as each sequence begins: those of the base; of tenants that earlier ones have added, without the base's host names."""
        files: dict[str, str | None] = {}
        hosts = {host for it in choosing.BASE.values() for host in it["domains"]}
        for path in self.sandbox.tenants.glob("*.yaml"):
            it = yaml.safe_load(path.read_text(encoding="utf-8"))
            if path.stem not in choosing.BASE and hosts & {*it.get("domains", ())}:
                it["domains"] = [host for host in it["domains"] if host not in hosts]
                files[path.name] = yaml.safe_dump(it, sort_keys=False)
        for name, text in choosing.base().files.items():
            path = self.sandbox.tenants / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                files[name] = text
        return Edit("the tenants as each sequence begins", files)

    def _write(self, path: str, text: str | None) -> None:
        file = self.sandbox.tenants / path
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def _edit(self, edit: Edit) -> None:
        for path, text in edit.files.items():
            self._write(path, text)
        for slug, declaration in self._declared().items():
            for host in declaration.domains:
                self._owners.setdefault(host, set()).add(slug)

    def _declared(self) -> Mapping[str, TenantDeclaration]:
        return load(self.sandbox.tenants)

    def _do(self, act: Act) -> bool:
        """Whether anything ran: where only files are others, what there is, is as it was seen."""
        match act:
            case Edit():
                self._edit(act)
                return False
            case EndHold(slug):
                end_hold(self.sandbox, slug)
                return False
            case WrongBackend(stack):
                self._in_wrong_backend(stack)
                return True
            case Command():
                return self._command(act)

    def _in_wrong_backend(self, stack: str) -> None:
        with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as project:
            (Path(project) / "Pulumi.yaml").write_text("name: tenantry\nruntime: python\n")
            wrong = {**self.sandbox.environment, "PULUMI_BACKEND_URL": Path(empty).as_uri()}
            own = {name: value for name, value in wrong.items() if name != "PULUMI_OPTION_CONFIG_FILE"}
            self._run(("pulumi", "stack", "init", stack), own, cwd=Path(project))
            for _ in range(2):
                self._run(("pulumi", "up", "-s", stack, "--yes", "--skip-preview"), wrong)

    def _command(self, act: Command) -> bool:
        arguments = tuple(self._urn(argument) for argument in act.arguments)
        if None in arguments:
            self._said.append(f"$ {' '.join(act.arguments)}: there is no such resource")
            return False
        environment = {**self.sandbox.environment, **(AWAY[act.away] if act.away else {})}
        self._run(arguments, environment, killed_after=act.killed_after)  # type: ignore[arg-type]
        return True

    def _urn(self, argument: str) -> str | None:
        if not argument.startswith("urn:"):
            return argument
        _, stack, name = argument.split(":")
        resources = self.sandbox.state(stack).get("resources", []) if self.sandbox.state_file(stack).exists() else []
        return next((it["urn"] for it in resources if it["urn"].endswith(f"::{name}")), None)

    def _run(
        self,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        killed_after: int | None = None,
        cwd: Path = CLONE,
        quiet: bool = False,
    ) -> tuple[int, str]:
        """Runs it to its end, or kills it; its exit code and what it said."""
        process: Any
        if arguments[0] == "tenantry":
            process = commands.Command(environment, *arguments[1:])
        else:
            process = subprocess.Popen(
                [*arguments, "--non-interactive"],
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        if killed_after is not None:
            said = self._until(process, killed_after)
        else:
            try:
                said, _ = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"{' '.join(arguments)} has not ended after {LIMIT} seconds") from None
        code = process.wait(timeout=30)
        if quiet:
            return code, said
        self._failed |= code != 0
        self._said += [f"$ {' '.join(arguments)}: {code}", *(f"    {line}" for line in said.splitlines()[-25:])]
        return code, said

    def _until(self, process: Any, lines: int) -> str:
        said = []
        for line in process.stdout:
            said.append(line)
            if sum(1 for each in said if re.search(PROGRESS, each.rstrip())) >= lines:
                break
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        # A plugin outlives its engine by a moment, and may be at work until then.
        host = psutil.Process(Record.load(self.sandbox.cloud.home).processes["plugins"].pid)
        wait_for(lambda: not host.children())
        return "".join(said)

    def _applied(self, declared: Mapping[str, TenantDeclaration]) -> frozenset[str]:
        """Whom Tenantry calls applied."""
        code, said = self._run(("tenantry", "status", "--json"), self.sandbox.environment, quiet=True)
        assert code == 0, f"tenantry status gave {code}: {said}"
        return frozenset(row["slug"] for row in json.loads(said) if row["applied"] and row["slug"] in declared)

    def judge(self, takes: Collection[str] = ()) -> frozenset[str]:
        """Raises ``AssertionError`` for all that does not hold now; who is applied."""
        return self._compare(self.observer.observe(), takes)

    def _compare(self, now: Observed, takes: Collection[str]) -> frozenset[str]:
        declared = self._declared()
        applied = self._applied(declared)
        faults = [
            f"called applied: {fault}"
            for slug in sorted(applied)
            for fault in judging.not_as_declared(declared[slug], now, self.settings, self.sandbox.tenants)
        ]
        faults += judging.left(declared, now, applied, self._owners)
        faults += judging.lost(self._seen, now, declared, takes, self._deleted)
        faults += judging.shut_out(now, takes)
        self._seen = now
        assert not faults, "\n".join(faults)
        return applied

    def _rest(self, typed: list[str], touched: Collection[str]) -> None:
        """Types what the messages say, and looks whether that was enough. ``touched``: the stacks that can be other than at rest."""
        # Where every command ended well nobody would ask what is the matter.
        hints = self._doctor() if self._failed else []
        while not self._at_rest(hints, typed, touched):
            assert len(typed) < TYPED_AT_MOST, f"after {' and '.join(typed)} it is not at rest: {hints or 'changes are left'}"
            everything = f"tenantry up --stack {next(iter(touched))}" if len(touched) == 1 else "tenantry up --all"
            if any("take these host names out of the files" in hint for hint in hints):
                self._one_after_the_other(typed)
                hints = []
            command = next((found for hint in hints if (found := _named(hint))), tuple(everything.split()))
            if typed and any(hint.endswith("then this") for hint in hints):
                # Refused before anything, with the order that works: those are the two.
                refused = typed.pop()
                typed.append(shlex.join(command))
                self._run(command, self.sandbox.environment)
                command = tuple(shlex.split(refused))
            typed.append(shlex.join(command))
            code, said = self._run(command, self.sandbox.environment)
            self._refusal = said
            hints = [said.rstrip().rsplit("\n", 1)[-1]] if code else self._doctor() if self._failed or volume(False, True) else []
        declared, applied = self._declared(), self.judge()
        missing = sorted({slug for slug, it in declared.items() if not it.gone} - applied)
        assert not missing, f"not called applied, and nothing is left to do: {missing}"
        faults = [fault for slug in sorted(self._deleted) for fault in judging.remains(slug, self._seen)]
        assert not faults, "\n".join(faults)

    def _one_after_the_other(self, typed: list[str]) -> None:
        """What the message says that stacks do which exchange host names: both let go of them first; then the files are as they were."""
        before = {path: path.read_text(encoding="utf-8") for path in self._files() if path.suffix == ".yaml"}
        hosts = set(re.findall(r"[a-z0-9.-]+\.example", self._refusal))
        for path, text in before.items():
            it = yaml.safe_load(text)
            if hosts & {*it.get("domains", ())}:
                it["domains"] = [host for host in it["domains"] if host not in hosts]
                path.write_text(yaml.safe_dump(it, sort_keys=False), encoding="utf-8")
        typed[-1] = f"# without {' and '.join(sorted(hosts))}: tenantry up --all; then with them again:"
        self._run(("tenantry", "up", "--all"), self.sandbox.environment)
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")

    def _at_rest(self, hints: list[str], typed: list[str], touched: Collection[str]) -> bool:
        """Whether no stack has a change to come, and doctor finds all well: in `make test` it is asked of what had failed, and the stacks
        that can be other than at rest; in `make test-volume` of all."""
        if hints or not typed:
            return False
        if volume(True, False) and len(touched) < 3:
            return all(self._previewed("--stack", stack) for stack in touched)
        return self._previewed("--all")

    def _previewed(self, *which: str) -> bool:
        code, said = self._run(("tenantry", "preview", *which, "--json"), self.sandbox.environment)
        report = json.JSONDecoder().raw_decode(said, said.index("{"))[0] if "{" in said else {}  # an error may stand below it
        return code == 0 and all(entry["ok"] and not entry["changes"] for entry in report["stacks"])

    def _doctor(self) -> list[str]:
        """The hints, or where there is none what was found, of what is not well."""
        _, said = self._run(("tenantry", "doctor", "--json"), self.sandbox.environment)
        return [check["hint"] or check["found"] for check in json.loads(said[said.index("[") :]) if not check["ok"]]


def _named(hint: str) -> tuple[str, ...] | None:
    """The first command that a hint names, as it is to be typed."""
    engine = re.search(r"pulumi (?:state untaint|cancel|stack rename) [^;,]*", hint)
    if engine:
        return tuple(shlex.split(engine[0].partition(" takes that back")[0]))
    ours = re.search(
        r"tenantry (?:up|provision|state adopt)(?: (?:--(?:all|refresh)\b|--stack [a-z0-9-]+|(?!and\b|then\b)[a-z0-9-]+\b))", hint
    )
    return tuple(ours[0].split()) if ours else None


def touched(acts: Iterable[Act]) -> list[str]:
    """The stacks that the acts are about."""
    found: dict[str, None] = {}
    for act in acts:
        match act:
            case Edit(files=files):
                found |= dict.fromkeys(choosing.stack_of(Path(path).stem) for path in files if path.endswith(".yaml"))
            case WrongBackend(stack) | Command(stack=str(stack)):
                found[stack] = None
            case Command(arguments=arguments):
                found |= dict.fromkeys(choosing.stack_of(slug) for slug in arguments if slug in choosing.BASE)
    return list(found)
