"""The example applications, by the words of their pages: tenants of all four models, and requests that go on whatever is done to one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.cloud import ports
from local.home import CLONE
from tests import programs, readme

pytestmark = pytest.mark.engine

MODELS = {"florist": "rls", "bakery": "schema", "brewery": "database", "cinema": "instance"}
FASTAPI = CLONE / "examples" / "fastapi" / "README.md"
BEGIN = 'eval "$(.venv/bin/tenantry local env)"\n'
"""What the first block has done to the shell that the later ones are written for."""


@pytest.fixture(scope="module")
def clone(sandbox) -> Path:
    """A clone, of which the commands of a page change the revisions and the declarations."""
    root = sandbox.root / "clone"
    root.mkdir()
    for name in ("examples", "migrations"):
        shutil.copytree(CLONE / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "__main__.py", "components", "stacks", "tenantry", ".venv"):
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


class Visitors(threading.Thread):
    """Read and write at a tenant's host without a pause; ``met`` is what they were answered, ``kept`` the titles that were taken."""

    def __init__(self, port: str, slug: str) -> None:
        super().__init__(daemon=True)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Host": f"{slug}.tenantry.example"}, timeout=60)
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
                if self._note(self.client.post("/projects/1/tasks", json={"title": f"{number}"})).status_code == 201:
                    self.kept.append(str(number))
                time.sleep(0.01)
        except BaseException as error:
            self.fault = error

    def _note(self, answer: httpx.Response) -> httpx.Response:
        retry = answer.headers.get("Retry-After", "")
        self.met.append((answer.status_code, f"retry after {retry}" if retry else answer.text[:200]))
        return answer

    def end(self) -> None:
        self._end.set()
        self.join(60)
        assert self.fault is None, self.fault

    def refused(self, since: int) -> Counter[tuple[int, str]]:
        """What was answered in the page's place, from that request on."""
        return Counter(answer for answer in self.met[since:] if answer[0] >= 400)


def test_the_fastapi_example_serves_all_four_models_whatever_is_done_to_one(sandbox, clone):
    """By its page's words; while its tenant moves, is shut and opened and restored, it meets nothing but 503 to be tried again."""
    programs.find("curl", package="curl")
    tables, tenants, serve, ask, life = readme.blocks(FASTAPI)
    readme.run(tables, clone, sandbox.environment)
    readme.run(BEGIN + tenants, clone, sandbox.environment)
    with served(serve, clone, sandbox.environment):
        told = [json.loads(line) for line in _lines(readme.run(ask, clone, sandbox.environment))]
        assert {answer["tenant"]: answer["model"] for answer in told[::4]} == MODELS
        assert [[project["name"] for project in projects] for projects in told[3::4]] == [[f"of {slug}"] for slug in MODELS]
        port = sandbox.environment["PORT"]
        bakery, brewery = Visitors(port, "bakery"), Visitors(port, "brewery")
        assert bakery.client.get("/report").json() == {"of bakery": 1}
        assert bakery.client.get("/", headers={"Host": "nobody.tenantry.example"}).status_code == 404
        for visitors in (bakery, brewery):
            visitors.start()
        for command in filter(None, life.splitlines()):
            before, kept = len(bakery.met), len(bakery.kept)
            readme.run(BEGIN + command, clone, sandbox.environment)
            what = command.split()[1]
            status = bakery.client.get("/projects").status_code
            met = bakery.refused(before)
            print(f"{command.partition('#')[0].strip()}: {len(bakery.met) - before} requests, {dict(met)}")
            assert status == (403 if what == "suspend" else 200)
            assert {code for code, _ in met} <= ({503, 403} if what in ("suspend", "reactivate") else {503}), met
            assert all(text.startswith("retry after") for code, text in met if code == 503), met
            if what == "config":
                assert bakery.client.get("/report").status_code == 403
            if what == "move":
                assert bakery.client.get("/").json()["model"] == "database"
                assert len(bakery.kept) > kept
                written = set(bakery.kept[kept:])
        for visitors in (bakery, brewery):
            visitors.end()
        assert brewery.refused(0) == Counter()
        assert len(brewery.kept) > 100
    with sandbox.as_tenant("bakery") as connection:
        assert written <= {title for (title,) in connection.execute("SELECT title FROM tasks").fetchall()}


def _lines(output: str) -> list[str]:
    """Answers come without a line's end."""
    return output.replace("}{", "}\n{").replace("}[", "}\n[").replace("]{", "]\n{").splitlines()
