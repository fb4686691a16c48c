"""Plays histories on a platform, and looks after each act whether what was said, merged and typed is so."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psutil

from local.cloud.record import Record
from local.home import CLONE
from tenantry.declaration import Declarations, fingerprint
from tenantry.settings import PlatformSettings
from tests import commands
from tests.driving import judging
from tests.driving.acts import AWAY
from tests.driving.choosing import stack_of
from tests.driving.observing import Observed, Observer
from tests.histories import choosing, model, script, telling
from tests.histories.acts import PENDING, Act, Away, Fate, Job, Killed, Merge, MergeLine, Overlap, Revert, Typed, Workers
from tests.histories.merging import Merging
from tests.histories.model import Checkout, File, World
from tests.histories.repositories import CLONES, Repositories
from tests.killing import lay
from tests.waiting import wait_for

LIMIT = 300
"""Seconds that a command may take."""
PATIENCE = 6
"""Seconds after which a job that waits for what does not answer is ended."""
WORKED = 45
"""Seconds that workers have for what they are asked for. What they gave back is left to the next act."""

LEADS: Mapping[str, tuple[str, ...]] = {
    "suspend": ("suspended",),
    "reactivate": ("active",),
    "offboard": ("offboarding",),
    "undelete": ("active", "suspended"),  # what it was before
}


class Wrong(AssertionError):
    """What was seen that may not be, and how to see it again."""


@dataclass
class Ran:
    """What was run in an act: in which commits, and what was called done of it."""

    checkouts: list[Checkout] = field(default_factory=list)
    done: list[tuple[Checkout, frozenset[str]]] = field(default_factory=list)
    """A commit, and of whom it was said."""
    typed: Typed | None = None
    said_done: bool = False
    """Of the command."""
    calm: bool = True
    """Everything that was begun has ended, and well."""


class Player:
    """A platform and its repository, as they are at the beginning of a history. They are to be made anew after each."""

    def __init__(self, sandbox: Any, repositories: Repositories) -> None:
        self.sandbox, self.git, self.merging = sandbox, repositories, Merging(repositories)
        self.settings = PlatformSettings.from_project(CLONE)
        self.observer = Observer(sandbox)
        self._said: list[str] = []
        self._declared: dict[str, Declarations] = {}
        self._contents: dict[str, tuple[str, str]] = {}
        self._asked: list[Checkout] = []
        self._unended: dict[str, tuple[str, ...]] = {}
        self.git.lines.clear()
        first = self._checkout(self.git.main())
        self.worlds = {slug: {World(file.state, first.commit, file.state, file.content)} for slug, file in first.files.items()}
        self._sure = set(self.worlds)
        self._never = set(self.worlds)
        self._owners: dict[str, set[str]] = {}
        self._made_by_up: set[str] = set()
        self.seen: Observed = self.observer.observe()
        self.books = telling.read(sandbox)

    def close(self) -> None:
        self.observer.close()

    # --- playing

    def play(self, number: int, acts: Iterable[Act] | None = None) -> None:
        """Raises ``Wrong`` where something does not hold."""
        try:
            for act in choosing.history(number) if acts is None else acts:
                self._say(f"# {act}")
                self.judge(self._do(act))
            self._end()
        except AssertionError as error:
            text = script.of(f"History {number} (seed {choosing.SEED}).", _start(), CLONES[1:], self.git.lines)
            raise Wrong("\n".join([str(error), "", *self._said, "", text])) from error

    def _say(self, line: str) -> None:
        self._said.append(line)
        if line.startswith("#"):
            self.git.lines += ["", line]

    def _do(self, act: Act) -> Ran | None:
        match act:
            case Merge():
                return self.merging.merge(act)
            case Revert(back):
                return self.merging.revert(back)
            case MergeLine():
                return self.merging.merge_line()
            case Job():
                return self._job(act)
            case Typed():
                return self._typed(act)
            case Overlap(first, second):
                return self._overlap(first, second)
            case Workers():
                return self._workers(act)

    def _end(self) -> None:
        """Once more, at the head of main: then everything is as that and the commands say."""
        self._say("# at the end, with the files that were gone and had to be there")
        self._bring_back()
        head = self.git.main()
        ran = self._job(Job(PENDING))
        checkout = ran.checkouts[0]
        assert ran.done, "the last run did not end well"
        self.judge(ran)
        declared = self._tree(head)
        faults = []
        for slug, file in checkout.files.items():
            state = self.books.states.get(slug)
            if state in ("deleted", "archived"):
                continue
            if state is None:
                faults.append(f"{slug} was never made")
            elif not any(model.refused(slug, world, checkout, self.git.contains) for world in self.worlds[slug]):
                faults += self._not_as(slug, head, state)
                if state != file.state and all(world.state == file.state for world in self.worlds[slug]):
                    faults.append(f"{slug} is {state}, and its file says {file.state}")
        faults += telling.unwelcomed(self.books, self._always_active(declared))
        if set(declared) == {slug for slug, state in self.books.states.items() if state not in ("deleted", "archived")}:
            faults += judging.left(declared, self.seen, set(declared), self._owners)
        assert not faults, "\n".join(faults)

    def _always_active(self, declared: Declarations) -> Iterator[str]:
        """Who came with a merge, and whom no commit that was looked at calls anything but active. No command is typed about them. Whom
        `tenantry up` makes it does not welcome: it says who has no link yet."""
        for slug in set(declared) - self._made_by_up:
            if slug not in choosing.BASE and all(slug not in tree or tree[slug].state == "active" for tree in self._declared.values()):
                yield slug

    def _bring_back(self) -> None:
        files = self._checkout(self.git.main()).files
        self.git.git("author", "checkout", "-q", "-f", "main")
        for slug, worlds in sorted(self.worlds.items()):
            for world in worlds:
                if slug not in files and slug in self.books.states and not world.gone and world.commit:
                    self.git.write(f"{slug}.yaml", (self.git.tree(world.commit) / f"{slug}.yaml").read_text(encoding="utf-8"))
                    break
        if self.git.commit("Bring back what was gone"):
            self.git.git("author", "push", "-q", "origin", "main")

    # --- running

    def _tree(self, commit: str) -> Declarations:
        if commit not in self._declared:
            self._declared[commit] = self.git.declared(commit)
        return self._declared[commit]

    def _checkout(self, commit: str) -> Checkout:
        files = {}
        for slug, declaration in self._tree(commit).items():
            content = fingerprint.content(declaration, self.git.tree(commit))
            files[slug] = File(declaration.state, content)
            self._contents[content] = (slug, commit)
        return Checkout(commit, files)

    def _at(self, clone: str, back: int) -> Checkout:
        return self._checkout(self.git.have(clone, back))

    def _environment(self, clone: str, fate: Fate = None) -> dict[str, str]:
        away = AWAY[fate.what] if isinstance(fate, Away) else {}
        return {**self.sandbox.environment, "TENANTRY_TENANTS": str(self.git.tenants(clone)), "TENANTRY_ACTOR": clone, **away}

    def _line(self, clone: str, arguments: Iterable[str], fate: Fate, behind: str = "") -> None:
        words = ["at", clone]
        if isinstance(fate, Killed):
            words += ["killed_at", shlex.quote(fate.point), str(fate.call)]
        if isinstance(fate, Away):
            words += ["env", *(f"{name}={value}" for name, value in AWAY[fate.what].items()), f"timeout -s KILL {PATIENCE}"]
        self.git.lines.append(" ".join((*words, "tenantry", *arguments)) + behind)

    def _start(self, clone: str, arguments: tuple[str, ...], fate: Fate = None) -> commands.Command:
        before = partial(lay, fate.point, fate.call) if isinstance(fate, Killed) else None
        return commands.Command(self._environment(clone, fate), *arguments, before=before)

    def _finish(self, command: commands.Command, clone: str, limit: float = LIMIT) -> int:
        try:
            command.wait(limit)
        except Exception:
            command.kill()
            assert limit != LIMIT, f"{' '.join(command.args)} has not ended after {LIMIT} seconds: {command.stdout.read()}"
        said = command.stdout.read()
        code = command.wait(30)
        if code < 0:
            self._plugins_have_ended()
        self._said += [f"{clone}$ {' '.join(command.args)}: {code}", *(f"    {line}" for line in said.splitlines()[-25:])]
        return code

    def _plugins_have_ended(self) -> None:
        # A plugin outlives its engine by a moment, and may be at work until then.
        host = psutil.Process(Record.load(self.sandbox.cloud.home).processes["plugins"].pid)
        wait_for(lambda: not host.children())

    def _job(self, job: Job) -> Ran:
        checkout = self._at(job.clone, job.back)
        self._line(job.clone, job.ask, job.fate)
        command = self._start(job.clone, job.ask, job.fate)
        code = self._finish(command, job.clone, PATIENCE if isinstance(job.fate, Away) else LIMIT)
        if job.ask[0] == "up":
            self._made_by_up |= telling.read(self.sandbox).states.keys() - self.books.states.keys()
        return self._came_to(job, checkout, code)

    def _came_to(self, job: Job, checkout: Checkout, code: int) -> Ran:
        ran = Ran([checkout], calm=False)
        if job.only_asks:
            self._asked.append(checkout)
            return ran
        if job.ask[0] == "provision" and not job.asks_for_all:
            self._never.discard(job.ask[1])
        refused = [
            slug for slug, worlds in self.worlds.items() if any(model.refused(slug, it, checkout, self.git.contains) for it in worlds)
        ]
        if job.asks_for_all and (code == 0 or (code == 2 and refused)):
            # Where a file is gone that has to be there, its whole stack waits.
            waits = {stack_of(slug) for slug in refused if slug not in checkout.files}
            ran.done.append((checkout, frozenset(slug for slug in checkout.files if stack_of(slug) not in waits)))
        elif job.ask[0] == "provision" and code == 0:
            ran.done.append((checkout, frozenset(job.ask[1:2])))
        assert code != 2 or refused or job.fate is not None or not job.asks_for_all, (
            f"{' '.join(job.ask)} gave 2, and nobody had to be refused"
        )
        ran.calm = bool(ran.done) and job.asks_for_all
        return ran

    def _typed(self, act: Typed) -> Ran:
        checkout = self._at("operator", act.back)
        arguments = (act.command, act.slug)
        self._line("operator", arguments, act.fate)
        code = self._finish(self._start("operator", arguments, act.fate), "operator")
        ran = Ran([checkout], typed=act, said_done=code == 0, calm=False)
        if act.line != "lost":
            self.merging.commit_line(act.line)
        return ran

    def _overlap(self, first: Job, second: Job) -> Ran:
        checkouts = [self._at(job.clone, job.back) for job in (first, second)]
        self._line(first.clone, first.ask, None, " & sleep 3")
        one = self._start(first.clone, first.ask)
        wait_for(lambda: _engine_at_work(one) or one.poll() is not None, LIMIT)
        self._line(second.clone, second.ask, None)
        other = self._start(second.clone, second.ask)
        self.git.lines.append("wait")
        codes = [self._finish(one, first.clone), self._finish(other, second.clone)]
        came = [self._came_to(job, checkout, code) for job, checkout, code in zip((first, second), checkouts, codes, strict=True)]
        return Ran(checkouts, [done for each in came for done in each.done], calm=all(each.calm for each in came))

    def _workers(self, act: Workers) -> Ran:
        ran = Ran(calm=False)
        with ExitStack() as running:
            for clone, back, fate in zip(("one", "two"), act.backs, (act.fate, None), strict=True):
                ran.checkouts.append(self._at(clone, back))
                running.enter_context(self._worker(clone, fate))
            for job in act.jobs:
                ran.checkouts += self._job(job).checkouts
            end = time.monotonic() + WORKED
            self.git.lines.append(f"sleep {WORKED}")
            while telling.read(self.sandbox).at_work and time.monotonic() < end:
                time.sleep(0.3)
        return ran

    @contextmanager
    def _worker(self, clone: str, fate: Killed | None) -> Iterator[None]:
        self._line(clone, ("worker",), fate, f" & {clone}=$!")
        command = self._start(clone, ("worker",), fate)
        try:
            wait_for(lambda: "is at work" in command.stdout.readline() or command.poll() is not None)
            yield
        finally:
            self.git.lines.append(f"kill ${clone}; wait ${clone}")
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGTERM)
            self._finish(command, clone)

    # --- judging

    def judge(self, ran: Ran | None) -> None:
        """Raises ``AssertionError`` for all that does not hold now."""
        if ran is None:
            return
        was, seen, books = self.seen, self.observer.observe(), telling.read(self.sandbox)
        checkouts = [*ran.checkouts, *self._asked]
        for checkout in checkouts:
            for slug, declaration in self._tree(checkout.commit).items():
                for host in declaration.domains:
                    self._owners.setdefault(host, set()).add(slug)
        faults: list[str] = []
        for slug in sorted({*self.worlds, *books.states, *(slug for checkout in checkouts for slug in checkout.files)}):
            faults += self._judge(slug, ran, checkouts, seen, books)
        faults += telling.welcomed(books, self._never)
        faults += judging.lost(was, seen, {}, (), ())
        faults += judging.shut_out(seen, ())
        self.seen, self.books = seen, books
        faults += self._called_applied()
        assert not faults, "\n".join(faults)
        if not books.open_runs:
            self._asked.clear()

    def _judge(self, slug: str, ran: Ran, checkouts: list[Checkout], seen: Observed, books: telling.Books) -> Iterator[str]:
        contains = self.git.contains
        before = self.worlds.get(slug, {model.UNKNOWN})
        typed = ran.typed if ran.typed is not None and ran.typed.slug == slug else None
        targets = (*(LEADS[typed.command] if typed else ()), *self._unended.get(slug, ()))
        if typed:
            self._unended[slug] = () if ran.said_done else targets
        worlds = model.reached(slug, before, checkouts, contains, targets)
        if typed and ran.said_done:
            worlds = {world for world in worlds if world.state in LEADS[typed.command]}
        said = False
        for checkout, whom in ran.done:
            if slug in whom:
                worlds, said = model.settled(slug, worlds, checkout, contains), True
        yield from telling.let_in(slug, worlds, books, seen, held=not self._unended.get(slug))
        state = books.states.get(slug)
        left = {world for world in worlds if world.state == state or (state == "provisioning" and world.state in ("active", None))}
        self.worlds[slug] = left or worlds
        sure = (said and ran.calm) or (slug in self._sure and worlds == before)
        if state is not None and state not in ("deleted", "archived") and (sure or said) and left:
            found = {world: self._content(slug, world, state, seen) for world in left}
            matching = {world for world, faults in found.items() if not faults}
            if not matching:
                yield from (f"called done: {fault}" for fault in min(found.values(), key=len))
            else:
                self.worlds[slug] = matching
        (self._sure.add if sure else self._sure.discard)(slug)

    def _content(self, slug: str, world: World, state: str, seen: Observed) -> list[str]:
        _, commit = self._contents[world.content]
        return self._not_as(slug, commit, state, seen)

    def _not_as(self, slug: str, commit: str, state: str, seen: Observed | None = None) -> list[str]:
        declaration = self._tree(commit)[slug].model_copy(update={"state": state})
        return list(judging.not_as_declared(declaration, seen or self.seen, self.settings, self.git.tree(commit)))

    def _called_applied(self) -> Iterator[str]:
        """What `tenantry status` says in a clone at the head of main."""
        head = self._at("judge", 0)
        self.git.lines.pop()
        done = commands.run(self._environment("judge"), "status", "--json")
        assert done.returncode == 0, f"tenantry status gave {done.returncode}: {done.stdout}{done.stderr}"
        for row in json.loads(done.stdout):
            slug, state = row["slug"], self.books.states.get(row["slug"])
            if not row["applied"] or slug not in head.files or state is None:
                continue
            if any(model.refused(slug, world, head, self.git.contains) for world in self.worlds.get(slug, ())):
                continue
            yield from (f"called applied: {fault}" for fault in self._not_as(slug, head.commit, state))


def _engine_at_work(command: commands.Command) -> bool:
    try:
        below = psutil.Process(command.pid).children(recursive=True)
        return any(child.name() == "pulumi" and "up" in child.cmdline() for child in below)
    except psutil.NoSuchProcess:
        return False


def _start() -> Iterator[str]:
    from tests.driving.choosing import base

    for line in base().script():
        yield line.replace("$TENANTRY_TENANTS", "$W/author/tenants")


def files() -> Mapping[str, str | None]:
    """Those of the first commit."""
    from tests.driving.choosing import base

    return base().files
