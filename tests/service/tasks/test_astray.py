"""A run that the queue gave to a worker which never heard of it is not lost."""

from __future__ import annotations

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.work import queue
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def test_what_a_living_worker_was_given_and_never_got_goes_back_to_the_queue(control, worker):
    """As after a server that went away when it had committed the taking: no other worker takes what a living one has."""
    given = worker()
    wanted = runs.Request("backup", "astray", tenant_id=naming.tenant_id("astray"), arguments={"reason": "test"}, actor=Actor("test"))

    def ask(connection):
        run_id = queue.enqueue(connection, runs.request(connection, wanted))
        connection.execute(
            "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = %s WHERE workflow_uuid LIKE %s", [given.id, f"{run_id}:%"]
        )
        return run_id

    run_id = queue.asked(ask)
    try:
        wait_for(lambda: runs.read(run_id)["state"] == "failed", seconds=90)
        assert runs.read(run_id)["error"] == "no tenant astray"
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM audit_log WHERE tenant_id = %s", [wanted.tenant_id])
            connection.execute("DELETE FROM runs WHERE tenant_id = %s", [wanted.tenant_id])
