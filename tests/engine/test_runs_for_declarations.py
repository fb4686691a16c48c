"""Two merges of one tenant, and workers whose checkouts are at different commits: "done" is said of what was asked for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.engine.conftest import Sandbox
from tests.engine.provisioning import control, full_speed, is_lingering, mails_to, runs_of, slow_down
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

FIRST, SECOND, THIRD = "#102030", "#405060", "#708090"


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Sandbox:
    git(sandbox.tenants, "init", "-q", "-b", "main")
    return sandbox


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def merge(platform: Sandbox, slug: str, colour: str) -> str:
    """The tenant in that colour, as a commit; its id, as logs have it."""
    platform.declare(slug, theme={"primary": colour})
    git(platform.tenants, "add", "-A")
    git(platform.tenants, "commit", "-qm", f"{slug} {colour}")
    return git(platform.tenants, "rev-parse", "HEAD")[:10]


def colour(platform: Sandbox, slug: str) -> str:
    with control(platform) as registry:
        row = registry.execute(
            "SELECT config_value FROM tenant_configurations JOIN tenants t ON t.id = tenant_id"
            " WHERE slug = %s AND config_key = 'theme.primary'",
            [slug],
        ).fetchone()
    return str(row["config_value"])


@contextmanager
def worker(platform: Sandbox, tenants: Path) -> Iterator[None]:
    """A standing worker whose declarations are in that folder."""
    process = commands.Command({**platform.environment, "TENANTRY_TENANTS": str(tenants)}, "worker")
    try:
        wait_for(lambda: str(process.pid) in _at_work(platform))
        yield
    finally:
        platform.kill(process)


def _at_work(platform: Sandbox) -> set[str]:
    with control(platform) as journal:
        return {str(row["pid"]) for row in journal.execute("SELECT pid FROM workers")}


def run(platform: Sandbox, run_id: str) -> dict[str, Any]:
    with control(platform) as journal:
        row = journal.execute("SELECT * FROM runs WHERE id = %s", [run_id]).fetchone()
    assert row is not None
    return row


def test_a_second_merge_is_not_answered_with_the_first_ones_run(platform):
    """The first one's engine is at work; the second merge's run comes after it. Who is told that it is done has what he merged."""
    first = merge(platform, "rowan", FIRST)
    slow_down(platform, 3, "running", 4)
    begun = platform.start("provision", "rowan")
    try:
        wait_for(lambda: is_lingering(platform))
        second = merge(platform, "rowan", SECOND)
        platform.tenantry("provision", "rowan")
        assert colour(platform, "rowan") == SECOND
        assert begun.wait(60) == 0
    finally:
        full_speed(platform)
        platform.kill(begun)
    found = runs_of(platform, "rowan")
    assert [(each["state"], each["commit"][:10]) for each in found] == [("done", first), ("done", second)]
    assert len(mails_to(platform, "ada@rowan.example")) == 1


def test_a_run_that_failed_is_begun_again_for_the_next_merge(platform):
    """It failed at its sixth step, with the engine's done: the engine is run once more, the log says who asked for it again."""
    merge(platform, "sorbus", FIRST)
    with control(platform) as registry:
        registry.execute(
            "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;"
            " CREATE TRIGGER fails BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION public.full()"
        )
        try:
            assert "no room" in platform.tenantry("provision", "sorbus", check=False, TENANTRY_ACTOR="ann").stderr
        finally:
            registry.execute("DROP TRIGGER fails ON outbox")
    (failed,) = runs_of(platform, "sorbus")
    assert [step["state"] for step in failed["steps"]][-1:] == ["failed"]
    assert len(failed["steps"]) == 6
    second = merge(platform, "sorbus", SECOND)
    done = platform.tenantry("provision", "sorbus", TENANTRY_ACTOR="bob")
    assert colour(platform, "sorbus") == SECOND
    (again,) = runs_of(platform, "sorbus")
    assert (again["id"], again["state"], again["commit"][:10]) == (failed["id"], "done", second)
    assert "sorbus: restarts, for what is declared now, the run that ann asked for at " in done.stderr
    assert "renewed by bob, " in platform.tenantry("log", "sorbus").stdout
    assert len(mails_to(platform, "ada@sorbus.example")) == 1


def test_a_worker_that_is_a_merge_behind_gives_the_run_back(platform):
    """It says at which commit it is, and a worker that has the files does the run; where there is none, whoever waits for it does."""
    behind = platform.root / "behind"
    first = merge(platform, "service-tree", FIRST)
    subprocess.run(["git", "clone", "-q", str(platform.tenants), str(behind)], check=True)
    second = merge(platform, "service-tree", SECOND)
    with worker(platform, behind):
        (run_id,) = platform.tenantry("provision", "service-tree", "--detach").stdout.split()
        wait_for(lambda: run(platform, run_id)["progress"])
        said = f"gave back at commit {first}: service-tree was asked for with commit {second}"
        assert run(platform, run_id)["progress"] == said
        assert said in platform.tenantry("log", "service-tree").stdout
        with worker(platform, platform.tenants):
            wait_for(lambda: run(platform, run_id)["state"] == "done")
        assert colour(platform, "service-tree") == SECOND
        merge(platform, "service-tree", THIRD)
        done = platform.tenantry("provision", "service-tree")
        assert f"gave back at commit {first}" in done.stderr
        assert colour(platform, "service-tree") == THIRD


def test_a_worker_that_is_a_merge_ahead_makes_what_is_newer_and_says_so(platform):
    """Two merges, and only the first one's was asked for: nothing older is put over the files that the worker has."""
    asked = platform.root / "asked"
    first = merge(platform, "wild-pear", FIRST)
    subprocess.run(["git", "clone", "-q", str(platform.tenants), str(asked)], check=True)
    (run_id,) = platform.tenantry("provision", "wild-pear", "--detach", TENANTRY_TENANTS=str(asked)).stdout.split()
    second = merge(platform, "wild-pear", SECOND)
    with worker(platform, platform.tenants):
        wait_for(lambda: run(platform, run_id)["state"] == "done")
    assert colour(platform, "wild-pear") == SECOND
    assert f"made from newer files: commit {second} contains {first}, which was asked for" in platform.tenantry("log", run_id).stdout
