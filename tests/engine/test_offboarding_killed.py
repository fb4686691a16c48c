"""A deletion killed before and after every step: the same command goes on where it was, and leaves one record and nothing else."""

from __future__ import annotations

import time

import pytest

from tenantry.declaration import naming
from tests.engine.offboarding import checksums, end_hold, found, plant
from tests.engine.provisioning import full_speed, is_lingering, slow_down
from tests.volume import volume

pytestmark = pytest.mark.engine

STEPS = 17
PARTS = range(7, 12)
"""Of one engine run: they begin together and end together, and what it has removed once does not begin again."""

ALL = [
    (number, state)
    for number in range(1, STEPS + 1)
    for state in ("running", "done")
    if state == "done" or number not in PARTS or number == PARTS.start
]
# The beginning of a step is the end of the one before it, and the parts of the engine's run end one right after the other.
FEW = [(number, state) for number, state in ALL if (number not in PARTS[1:-1] if state == "done" else number in (1, PARTS.start))]


@pytest.mark.volume
def test_killed_before_and_after_every_step(sandbox):
    """All of the worker, engine and plugins is killed at each point in turn; other tenants keep every byte."""
    slug, other = "hazel-nut", "stay-here"
    for name in (slug, other):
        sandbox.declare(name, isolation="schema", domains=[f"portal.{name}.example"])
    sandbox.up()
    plant(sandbox, other)
    words = plant(sandbox, slug)
    before = checksums(sandbox, [other])
    sandbox.tenantry("offboard", slug)
    end_hold(sandbox, slug)
    command = ("offboard", slug, "--delete", "--yes-delete", slug)
    for number, state in volume(FEW, ALL):
        slow_down(sandbox, number, state, 60)
        process = sandbox.start(*command)
        end = time.monotonic() + 120
        while process.poll() is None and not is_lingering(sandbox):
            assert time.monotonic() < end, f"{state} of step {number} was never reached"
            time.sleep(0.02)
        assert process.poll() is None, f"not killed at {state} of step {number}: {process.communicate()[0]}"
        sandbox.kill(process)
        with sandbox.sql() as admin:
            # The killed worker's backend would sleep on, holding its row.
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        full_speed(sandbox)
    sandbox.tenantry(*command)
    assert found(sandbox, words) == []
    assert checksums(sandbox, [other]) == before
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        assert control.execute("SELECT slug FROM control.deletion_records").fetchall() == [(slug,)]
        assert control.execute("SELECT state FROM control.runs WHERE kind = 'delete'").fetchall() == [("done",)]
        assert control.execute("SELECT count(*) FROM control.backups WHERE reason = 'final' AND state = 'done'").fetchone()[0] >= 1
    assert sandbox.up() == {"shared": {}}, "nothing is left to do"
