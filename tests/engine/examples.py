"""What the tests of the examples share: a clone for a page's commands, the application that a page starts, and its visitors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

from local.cloud import ports
from local.home import CLONE
from tests import programs, readme
from tests.engine.conftest import Sandbox

BEGIN = 'eval "$(.venv/bin/tenantry local env)"\n'
"""What the first block has done to the shell that the later ones are written for."""
REFUSALS: Final[Mapping[str, set[int]]] = {"suspend": {403, 503}, "reactivate": {403, 503}, "credentials": set()}


def cloned(sandbox: Sandbox) -> Path:
    """A clone, of which the commands of a page change the revisions, the declarations and the settings."""
    root = sandbox.root / "clone"
    root.mkdir()
    for name in ("examples", "migrations"):
        shutil.copytree(CLONE / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "Pulumi.yaml", root)
    for name in ("__main__.py", "components", "stacks", "tenantry", ".venv"):
        (root / name).symlink_to(CLONE / name)
    (root / "tenants").symlink_to(sandbox.tenants)
    sandbox.extra |= {
        "TENANTRY_LOCAL_HOME": str(sandbox.cloud.home.root), "TENANTRY_MIGRATIONS": str(root / "migrations"), "PORT": str(ports.choose()),
    }  # fmt: skip
    return root


@contextmanager
def served(block: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """The application that a block starts, until its end."""
    log = folder / "served.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", block], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 60
        while not ports.answers(int(environment["PORT"])):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()


@contextmanager
def by_its_page(page: Path, sandbox: Sandbox, models: Mapping[str, str]) -> Iterator[tuple[list[Any], Life]]:
    """An example as its page says: tables, tenants of these models, the application, questions. Its answers, and the last block."""
    programs.find("curl", package="curl")
    clone = cloned(sandbox)
    tables, tenants, serve, ask, life = readme.blocks(page)
    readme.run(tables, clone, sandbox.environment)
    readme.run(BEGIN + tenants, clone, sandbox.environment)
    with served(serve, clone, sandbox.environment):
        told = answers(readme.run(ask, clone, sandbox.environment))
        assert {answer["tenant"]: answer["model"] for answer in told[::4]} == models
        yield told, Life(life, clone, sandbox.environment)


class Visitors(threading.Thread):
    """Read and write at a tenant's host, again and again; ``met`` is what they were answered, ``kept`` the titles that were taken."""

    def __init__(self, port: str, slug: str, tasks: str) -> None:
        super().__init__(daemon=True)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Host": f"{slug}.tenantry.example"},
            timeout=60,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self.tasks = tasks
        self.met: list[tuple[int, str]] = []
        self.kept: list[str] = []
        self.fault: BaseException | None = None
        self._end = threading.Event()

    def run(self) -> None:
        number = 0
        try:
            while not self._end.is_set():
                number += 1
                self._note(self.client.get("/projects"))
                if self._note(self.client.post(self.tasks, json={"title": f"{number}"})).status_code == 201:
                    self.kept.append(str(number))
                time.sleep(0.05)
        except BaseException as error:
            self.fault = error

    def _note(self, answer: httpx.Response) -> httpx.Response:
        retry = answer.headers.get("Retry-After", "")
        self.met.append((answer.status_code, f"retry after {retry}" if retry else answer.text[:200]))
        return answer

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join(60)
        assert self.fault is None, self.fault

    def refused(self, since: int) -> Counter[tuple[int, str]]:
        """What was answered in the page's place, from that request on."""
        return Counter(answer for answer in self.met[since:] if answer[0] >= 400)


@dataclass(frozen=True)
class Life:
    """A block of commands that do something to one tenant, each."""

    block: str
    folder: Path
    environment: Mapping[str, str]

    def lived(self, visitors: Visitors) -> Iterator[str]:
        """Runs the commands one by one while the visitors come. After each, its first word: they met nothing but 503 to be tried again,
        403 of a tenant that is shut, and nothing at all when a password is renewed."""
        for command in filter(None, self.block.splitlines()):
            before, began = len(visitors.met), time.monotonic()
            readme.run(BEGIN + command, self.folder, self.environment)
            what = command.split()[1]
            status = visitors.client.get("/projects").status_code
            met = visitors.refused(before)
            print(
                f"{command.partition('#')[0].strip()}: {time.monotonic() - began:.1f} s, {len(visitors.met) - before} requests, {dict(met)}"
            )
            assert status == (403 if what == "suspend" else 200)
            assert {code for code, _ in met} <= REFUSALS.get(what, {503}), met
            assert all(text.startswith("retry after") for code, text in met if code == 503), met
            yield what


def answers(output: str) -> list[Any]:
    """What was told, one after the other: answers come without a line's end."""
    return [json.loads(line) for line in output.replace("}{", "}\n{").replace("}[", "}\n[").replace("]{", "]\n{").splitlines()]
