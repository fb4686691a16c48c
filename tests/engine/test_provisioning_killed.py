"""A worker killed before and after every step and in the middle of the engine's run: the next one goes on, and nothing is there twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

import psutil
import psycopg
import pytest

from local.home import CLONE
from tests.engine.provisioning import (
    STEPS,
    check_provisioned_once,
    control,
    full_speed,
    is_lingering,
    runs_of,
    slow_down,
    steps_at_work_twice,
    watch_steps,
)
from tests.engine.test_killed_runs import check_nothing_is_double_or_left
from tests.volume import volume
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

SEED = 20261124
PARTS = range(2, 6)  # the steps that are one run of the engine


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.up("--stack", "shared")
    watch_steps(sandbox)
    return sandbox


def provision_until(sandbox, slug, reached):
    """Starts `provision SLUG` with its own worker and kills all of it once ``reached()``; whether it was still at work then."""
    process = sandbox.start("provision", slug)
    end = time.monotonic() + 90
    while process.poll() is None and not reached():
        assert time.monotonic() < end, "the point was never reached"
        time.sleep(0.01)
    running = process.poll() is None
    sandbox.kill(process)
    return running


def killed_in_the_engine_run(sandbox, slug, moment):
    """Kills `provision SLUG` that long after its engine began, in seconds; whether the engine was at work then.

    The run may be an earlier tenant's, which goes first in the queue of the stack: it makes this one's resources too.
    """
    process = sandbox.start("provision", slug)
    try:
        wait_for(lambda: engine_at_work(process) or process.poll() is not None, seconds=90)
        time.sleep(moment)
        return engine_at_work(process)
    finally:
        sandbox.kill(process)


def engine_at_work(process):
    """Whether a `pulumi up` lives below the process."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return any(child.name() == "pulumi" and "up" in child.cmdline() for child in below)
    except psutil.NoSuchProcess:
        return False


def points():
    """Tenant → the points at which it is killed, one after the other.

    In the full volume each step is met in a tenant of its own. A chain is shorter, but has only the first part of the engine's run: they
    begin in any order, and what it has made once does not begin again.
    """
    numbers = range(1, len(STEPS) + 1)
    alone = volume(PARTS[1:], numbers)
    if chained := [number for number in numbers if number not in alone]:
        # The beginning of a step after the engine's is the end of the one before it.
        yield "maple", [(n, state) for n in chained for state in ("running", "done") if state == "done" or n <= PARTS.start]
    for number in alone:
        yield f"maple{number}", [(number, "running"), (number, "done")]


@pytest.mark.volume
def test_killed_before_and_after_every_step(platform):
    """Provisionings that are killed as each of the eight steps begins and as it ends: every start goes on in the step it was in."""
    slugs = []
    for slug, killed_at in points():
        slugs.append(slug)
        platform.declare(slug, isolation="schema", domains=[f"www.{slug}.example"])
        for number, state in killed_at:
            slow_down(platform, number, state, 30)
            assert provision_until(platform, slug, lambda: is_lingering(platform)), f"not killed at {state} of step {number}"
            with platform.sql() as admin:
                # The killed worker's backend would sleep on, holding its row.
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
            full_speed(platform)
    platform.tenantry("provision", *slugs)
    for slug in slugs:
        check_provisioned_once(platform, slug)
    check_nothing_is_double_or_left(platform, ["shared"])


@pytest.mark.volume
def test_killed_at_random_moments_of_the_engine_run(platform):
    """Tenant after tenant, killed while the engine is at work, again and again: the last `provision` of all of them ends every one."""
    chance = random.Random(SEED)  # noqa: S311
    slugs: list[str] = []
    hit, wanted = 0, volume(5, 20)
    while hit < wanted:
        slug = f"oak{len(slugs):02}"
        platform.declare(slug, isolation="schema" if len(slugs) % 2 else "rls", domains=[f"www.{slug}.example"])
        slugs.append(slug)
        assert len(slugs) <= wanted + 20, f"the engine was at work at {hit} kills only"
        hit += killed_in_the_engine_run(platform, slug, chance.uniform(0, 2.5))
    platform.tenantry("provision", *slugs)
    for slug in slugs:
        check_provisioned_once(platform, slug, asked_again=True)
    check_nothing_is_double_or_left(platform, ["shared"])
    assert platform.up("--stack", "shared") == {"shared": {}}


def test_a_dead_workers_runs_go_to_the_other(platform):
    """Two workers; the one at work is killed: the other takes its run on, and no step was ever at work with both alive."""
    platform.declare("pine", isolation="schema")
    slow_down(platform, 1, "done", 3)
    two = [platform.start("worker") for _ in range(2)]
    try:
        wait_for(lambda: len(_workers(platform)) == 2, seconds=120)
        (run_id,) = platform.tenantry("provision", "pine", "--detach").stdout.split()
        wait_for(lambda: is_lingering(platform), seconds=120)
        with control(platform) as journal:
            worker = journal.execute("SELECT worker FROM runs WHERE id = %s", [run_id]).fetchone()["worker"]
        pid = int(worker.split(":")[1])
        (victim,) = [process for process in two if process.pid == pid]
        platform.kill(victim)
        full_speed(platform)
        wait_for(lambda: runs_of(platform, "pine")[0]["state"] == "done", seconds=120)
        (run,) = runs_of(platform, "pine")
        assert run["worker"] != worker
        check_provisioned_once(platform, "pine")
    finally:
        full_speed(platform)
        for process in two:
            platform.kill(process)


@pytest.mark.volume
def test_fifty_calls_for_few_tenants_over_four_workers(platform):
    """Each tenant is provisioned once, and no stack ever had two runs at one time, whoever was at work."""
    slugs = [f"ash{number}" for number in range(volume(6, 10))]
    for number, slug in enumerate(slugs):
        platform.declare(slug, isolation=("rls", "schema", "database")[number % 3], tier="starter")
    workers = [platform.start("worker") for _ in range(4)]
    try:
        wait_for(lambda: len(_workers(platform)) == 4, seconds=120)
        code = (
            "import sys; from concurrent.futures import ThreadPoolExecutor as Pool\n"
            "from tenantry.actor import Actor; from tenantry.operations import provision\n"
            "list(Pool(13).map(lambda slug: provision.request(slug, actor=Actor('test')), sys.argv[1:]))"
        )
        calls = [slugs[(start + step) % len(slugs)] for start in range(4) for step in range(13)][:50]
        asking = [
            subprocess.Popen(
                [sys.executable, "-c", code, *calls[part::4]], env=platform.environment, cwd=CLONE, text=True, stderr=subprocess.PIPE
            )
            for part in range(4)
        ]
        for process in asking:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
        wait_for(lambda: all(run["state"] == "done" for slug in slugs for run in runs_of(platform, slug)), seconds=180)
    finally:
        for process in workers:
            platform.kill(process)
    for slug in slugs:
        check_provisioned_once(platform, slug)
    with control(platform) as journal:
        overlapping = journal.execute(
            """
            SELECT a.subject, b.subject FROM runs a JOIN runs b ON a.stack = b.stack AND a.id < b.id
            WHERE a.subject LIKE 'ash%' AND b.subject LIKE 'ash%'
              AND tstzrange(a.started_at, a.finished_at) && tstzrange(b.started_at, b.finished_at)
            """
        ).fetchall()
    assert overlapping == []
    assert steps_at_work_twice(platform, killed=_all_but_these(platform)) == []


@pytest.mark.volume
def test_postgresql_restarted_during_many_provisionings(platform):
    """The database goes away again and again while steps are at work: every run ends, none is lost, and each tenant is there once."""
    count, between = volume((16, 2), (100, 8))
    slugs = [f"yew{number:03}" for number in range(count)]
    for number, slug in enumerate(slugs):
        platform.declare(slug, cell="main" if number % 2 else "far")
    workers = [platform.start("worker") for _ in range(2)]
    restarts = 0
    try:
        wait_for(lambda: len(_workers(platform)) >= 2, seconds=120)
        asked = json.loads(platform.tenantry("provision", *slugs, "--detach", "--json").stdout)
        assert len({run["id"] for run in asked}) == count
        end, next_restart = time.monotonic() + volume(400, 900), count
        while (left := _open_runs(platform)) != 0:
            assert time.monotonic() < end, f"some runs never ended: {_left(platform)}"
            assert not _failed_runs(platform), f"a restart ended some runs: {_left(platform)}"
            # Not by the clock: on a busy machine no step would ever come to its end.
            if left is not None and left <= next_restart and _steps_at_work(platform):
                platform.restart_postgres()
                restarts += 1
                next_restart = left - between
            time.sleep(0.2)
    finally:
        for process in workers:
            platform.kill(process)
    assert restarts >= 2
    met = [step for slug in slugs for run in runs_of(platform, slug) for step in run["steps"] if step["attempts"] > 1]
    assert met, "no restart met a step at work"
    for slug in slugs:
        check_provisioned_once(platform, slug)


def _open_runs(sandbox):
    """How many have not ended; None where the database cannot say."""
    return _runs_where(sandbox, "state <> 'done'")


def _failed_runs(sandbox):
    """How many ended without having done their work; None where the database cannot say."""
    return _runs_where(sandbox, "state = 'failed'")


def _runs_where(sandbox, condition):
    try:
        with control(sandbox) as journal:
            return journal.execute(f"SELECT count(*) AS n FROM runs WHERE subject LIKE 'yew%' AND {condition}").fetchone()["n"]
    except psycopg.OperationalError:
        return None


def _left(sandbox):
    """What is known of the runs that have not ended, and of those who could do them."""
    with control(sandbox) as journal:
        runs = journal.execute(
            "SELECT r.subject, r.state, r.worker, s.name, s.state AS step, s.attempts, s.cause FROM runs r"
            " LEFT JOIN run_steps s ON s.run_id = r.id AND s.state NOT IN ('done', 'skipped')"
            " WHERE r.subject LIKE 'yew%' AND r.state <> 'done'"
        ).fetchall()
        return runs, _workers(sandbox)


def _steps_at_work(sandbox):
    try:
        with control(sandbox) as journal:
            return journal.execute(
                "SELECT count(*) AS n FROM run_steps s JOIN runs r ON r.id = s.run_id WHERE r.subject LIKE 'yew%' AND s.state = 'running'"
            ).fetchone()["n"]
    except psycopg.OperationalError:
        return 0


def _workers(sandbox):
    with control(sandbox) as journal:
        return [row["id"] for row in journal.execute("SELECT id FROM workers WHERE seen_at > now() - interval '10 seconds'")]


def _all_but_these(sandbox):
    """Workers that earlier tests have killed: what they had at work was rightly begun again."""
    with sandbox.sql("tenantry") as journal:
        rows = journal.execute(
            "SELECT DISTINCT w.worker FROM step_watch w JOIN control.runs r ON r.id = w.run_id WHERE r.subject NOT LIKE 'ash%'"
        )
        return {row[0] for row in rows}
