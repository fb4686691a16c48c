"""A slot is begun once however many workers there are, finished when one of them dies, and after a downtime as its task says."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tenantry.work.tasks import perform
from tests.service.tasks.conftest import rows
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def told(notes: Path, task: str) -> list[list[str]]:
    return [line.split() for line in notes.read_text().splitlines() if line.startswith(f"{task} ")]


def test_two_workers_begin_each_slot_once(control, tenants, worker, notes):
    """Six seconds of a task that is due each second: one run for each, begun by either."""
    tenants(1)
    both = [worker(TENANTRY_CRON_TICKS="* * * * * *") for _ in range(2)]
    wait_for(lambda: len(told(notes, "ticks")) >= 6)
    for each in both:
        each.end()
    slots = Counter(line[1] for line in told(notes, "ticks"))
    assert set(slots.values()) == {1}
    journal = rows("SELECT * FROM task_runs WHERE task = 'ticks' AND state = 'done'")
    assert {row["slot"].isoformat() for row in journal} == set(slots)
    assert {row["attempts"] for row in journal} == {1}
    listed = {row["task"]: row for row in json.loads(control.tenantry("cron", "list", "--json").stdout)}
    assert listed["ticks"]["last"]["slot"] >= max(slots).replace("T", " ")


def test_the_run_of_a_killed_worker_is_done_by_another(control, tenants, worker, notes):
    """The process of the dead worker ends with it, before the other begins."""
    (slug,) = tenants(1)
    first = worker()
    (run_id,) = control.tenantry("cron", "run", "slow", slug, "--detach").stdout.split()
    wait_for(lambda: told(notes, "slow"))
    second = worker()
    old = int(told(notes, "slow")[0][3])
    first.kill()
    wait_for(lambda: len(told(notes, "slow")) == 2)
    assert not psutil.pid_exists(old)
    Path(os.environ["TEST_GO"]).touch()
    wait_for(lambda: rows("SELECT 1 FROM task_runs WHERE id = %s AND state = 'done'", uuid.UUID(run_id)))
    assert rows("SELECT attempts, worker FROM task_runs") == [{"attempts": 2, "worker": second.id}]
    assert [line[4] for line in told(notes, "slow")] == ["begin", "begin", "end"]


def test_a_worker_that_is_told_to_stop_finishes_the_task_in_hand(control, tenants, worker, notes):
    """A signal to its whole group, as a service manager may send it, does not reach the task."""
    (slug,) = tenants(1)
    told_to_stop = worker()
    control.tenantry("cron", "run", "slow", slug, "--detach")
    wait_for(lambda: told(notes, "slow"))
    os.killpg(told_to_stop.process.pid, signal.SIGTERM)
    wait_for(lambda: "in hand are finished" in told_to_stop.process.stdout.readline())
    Path(os.environ["TEST_GO"]).touch()
    assert told_to_stop.process.wait(60) == 0
    assert rows("SELECT state, attempts, summary FROM task_runs") == [{"state": "done", "attempts": 1, "summary": "slept"}]


def test_a_tenant_never_meets_itself(control, tenants, worker, notes):
    """One run is at work, and of two that are asked for meanwhile only the last is done after it."""
    (slug,) = tenants(1)
    worker(TENANTRY_TASK_CONCURRENCY="8")
    control.tenantry("cron", "run", "slow", slug, "--detach")
    wait_for(lambda: told(notes, "slow"))
    for _ in range(2):
        control.tenantry("cron", "run", "slow", slug, "--detach")
    # The one that is overtaken may have heard of that already.
    states = sorted(row["state"] for row in rows("SELECT state FROM task_runs"))
    assert states in (["queued", "queued", "running"], ["queued", "running", "skipped"])
    Path(os.environ["TEST_GO"]).touch()
    wait_for(lambda: not rows("SELECT 1 FROM task_runs WHERE state IN ('queued', 'running')"))
    assert [line[4] for line in told(notes, "slow")] == ["begin", "end", "begin", "end"]
    assert [row["cause"] for row in rows("SELECT cause FROM task_runs WHERE state = 'skipped'")] == ["a later one waits"]


def test_after_a_downtime_what_was_missed_is_done_once_or_left_out(control, tenants, worker, notes):
    """Three days without a worker: one run of the task that catches up, for the last day; none of the other."""
    tenants(1)
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    daily = {name: f"{due.minute} {due.hour} * * *" for name in ("TENANTRY_CRON_CAUGHT_UP", "TENANTRY_CRON_LEFT_OUT")}
    worker(**daily).end()
    assert told(notes, "caught-up") == []
    rows(
        "UPDATE dbos.workflow_schedules SET last_fired_at = %s WHERE schedule_name IN ('task:caught-up', 'task:left-out') RETURNING 1",
        (due - timedelta(days=3)).isoformat(),
    )
    again = worker(**daily)
    wait_for(lambda: told(notes, "caught-up"))
    wait_for(lambda: len(rows("SELECT 1 FROM task_slots WHERE task = 'caught-up'")) == 3)
    again.end()
    assert [line[1] for line in told(notes, "caught-up")] == [due.isoformat()]
    assert rows("SELECT slot, decision FROM task_slots WHERE task = 'caught-up' ORDER BY slot") == [
        {"slot": due - timedelta(days=2), "decision": "superseded"},
        {"slot": due - timedelta(days=1), "decision": "superseded"},
        {"slot": due, "decision": "run"},
    ]
    assert told(notes, "left-out") == []


def test_a_slot_that_passed_while_postgresql_was_away_is_caught_up_by_the_worker_that_runs(control, tenants, worker, notes):
    """No restart is needed; what the scheduler could not write down is found to be missing, and done once."""
    tenants(1)
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=90)
    worker(TENANTRY_CRON_CAUGHT_UP=f"{due.minute} {due.hour} * * *")
    rows(
        "UPDATE dbos.workflow_schedules SET last_fired_at = %s WHERE schedule_name = 'task:caught-up' RETURNING 1",
        (due - timedelta(days=1)).isoformat(),
    )
    wait_for(lambda: told(notes, "caught-up"))
    assert [line[1] for line in told(notes, "caught-up")] == [due.isoformat()]
    assert rows("SELECT slot, decision FROM task_slots WHERE task = 'caught-up'") == [{"slot": due, "decision": "run"}]


def test_a_task_that_is_switched_off_loses_its_schedule(control, tenants, worker, notes):
    """It is gone from DBOS's scheduler, and comes back with the next worker that knows it."""
    tenants(1)

    def scheduled() -> bool:
        return bool(rows("SELECT 1 FROM dbos.workflow_schedules WHERE schedule_name = 'task:usage'"))

    worker().end()
    assert scheduled()
    worker(TENANTRY_CRON_USAGE="off").end()
    assert not scheduled()
    worker().end()
    assert scheduled()


def test_a_task_makes_way_for_durable_work_on_its_tenant(control, tenants, worker, notes):
    """While a move is under way the run goes back into the queue; afterwards it is done."""
    (slug,) = tenants(1)
    move = uuid.uuid4()
    rows(
        "INSERT INTO runs (id, kind, tenant_id, subject, requested_by, via, state)"
        " SELECT %s, 'move', id, slug, 'a test', 'cli', 'running' FROM tenants WHERE slug = %s RETURNING 1",
        move,
        slug,
    )
    at_work = worker()
    (run_id,) = map(uuid.UUID, control.tenantry("cron", "run", "yields", slug, "--detach").stdout.split())
    wait_for(lambda: rows("SELECT 1 FROM task_runs WHERE deferred = 1"))
    assert rows("SELECT state, cause FROM task_runs") == [{"state": "queued", "cause": "waits for the move of the tenant"}]
    wait_for(lambda: rows("SELECT 1 FROM dbos.workflow_status WHERE workflow_uuid = %s AND status = 'DELAYED'", f"{run_id}:1"))
    at_work.end()
    rows("DELETE FROM runs WHERE id = %s RETURNING 1", move)
    assert perform.perform(run_id, "this test") is False
    assert rows("SELECT state, summary, cause FROM task_runs") == [{"state": "done", "summary": "noted", "cause": None}]
    assert len(told(notes, "yields")) == 1
