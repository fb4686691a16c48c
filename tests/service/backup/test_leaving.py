"""A command ends when what it asked for has ended, whatever else its worker has in hand; nothing of that is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest
from psycopg import sql

from tenantry.actor import Actor
from tenantry.control import runs, runs_at_work
from tenantry.errors import TransientError
from tenantry.operations.backup import run
from tenantry.work import perform
from tenantry.work.step import Patience, Step
from tests import commands
from tests.service.backup.conftest import Platform, at_work, started
from tests.waiting import wait_for

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with started(stay=True) as (made, _):
        yield made


def test_a_command_does_not_wait_for_another_run_that_is_tried_again(platform):
    """The other's table is locked for as long as it is tried; the command's own tenant is backed up, and the command is over."""
    held, own = platform.tenant("held", "schema", 3), platform.tenant("own", "rls", 3)
    with held.acting(held.owner) as locking:
        locking.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier("users")))
        other = run.request(held.slug, "test", actor=Actor("test"))
        command = commands.Command(platform.environment, "backup", "create", own.slug)
        wait_for(lambda: _waiting(other), seconds=60)
        began = time.monotonic()
        assert command.wait(60) == 0
        # Its attempts take two minutes in all.
        assert time.monotonic() - began < 30
        assert runs.read(other)["state"] == "running"
    ended = commands.run(platform.environment, "backup", "create", own.slug)
    assert ended.returncode == 0, ended.stdout
    wait_for(lambda: _gone_on(platform, other), seconds=60)


def _waiting(run_id):
    return any(step["state"] == "waiting" for step in runs.read(run_id)["steps"])


def _gone_on(platform, run_id):
    """Whoever comes next takes the run on."""
    if runs.read(run_id)["state"] == "done":
        return True
    commands.run(platform.environment, "backup", "create", "own")
    return runs.read(run_id)["state"] == "done"


def test_a_step_that_waits_for_another_attempt_is_left_at_once(platform):
    """And one that fails for good, or has had its attempts, ends as it always did."""
    store = platform.tenant("waits", "rls", 1)
    calls: list[float] = []

    def work(_):
        calls.append(time.monotonic())
        raise TransientError("the road is closed", "wait")

    wanted = runs.Request("backup", store.slug, tenant_id=store.id, actor=Actor("test"))
    leaving, left = Event(), []

    def attempts():
        try:
            perform._attempts(at_work(wanted), Step("road", work, Patience(10, 60.0)), 1, leaving)
        except perform.LetGo as error:
            left.append(error)

    thread = Thread(target=attempts)
    thread.start()
    wait_for(lambda: calls, seconds=30)
    leaving.set()
    thread.join(30)
    assert len(left) == len(calls) == 1
    again = at_work(wanted)
    assert _waiting(again.id)
    with pytest.raises(perform.StepFailed):
        perform._attempts(again, Step("road", work, Patience(3, 0.01)), 1, Event())
    assert len(calls) == 4
    (step,) = runs.read(again.id)["steps"]
    assert (step["state"], step["cause"], step["attempts"]) == ("failed", "the road is closed", 4)
    runs_at_work.finish(again.id, "test", "failed", "the road is closed", "wait")
