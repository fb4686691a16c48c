"""A worker that is killed in the middle of a change of many tenants: the next one goes on, no cell twice and none left out."""

from __future__ import annotations

import json

import pytest

from local.env import process_environment
from tenantry.control.database import transaction
from tenantry.operations import configure
from tenantry.postgres.server import Server
from tenantry.work import queue
from tests.commands import Command
from tests.waiting import wait_for

from .conftest import content

pytestmark = pytest.mark.service

KEY = "limits.users"


def query(text, *parameters):
    with transaction() as connection:
        return connection.execute(text, parameters).fetchall()


def waits_for_the_lock():
    # As the administrator: nobody else is shown what another role's session does.
    with Server.from_environment().connect() as admin:
        return admin.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE tenant_configurations%'"
        ).fetchone()


def test_a_killed_run_goes_on_at_its_cell_and_can_be_undone_as_one(control, make):
    """SIGKILL while the second of three cells waits for a lock: the first stays as it is, the run ends with all three, once each."""
    slugs = [f"t{cell}{number}" for cell in (1, 2, 3) for number in range(3)]
    for slug in slugs:
        make(slug, cell=f"c{slug[1]}")
    before = content()
    queue.client().destroy()  # makes DBOS's tables, which waits for every transaction that is open
    queue.client.cache_clear()
    with transaction() as holder:
        holder.execute(
            "SELECT 1 FROM tenant_configurations WHERE config_key = %s AND tenant_id = %s FOR UPDATE", [KEY, make("t20", cell="c2")]
        )
        worker = Command(process_environment(control.home), "config", "bulk", KEY, "25", "--apply")
        wait_for(lambda: query("SELECT 1 FROM configuration_run_parts WHERE cell = 'c1'"))
        wait_for(waits_for_the_lock)
        worker.kill()
    (run,) = query("SELECT id, state FROM runs")
    assert run["state"] == "running"
    assert content()["t10", KEY] == (25, "runtime")
    assert content()["t30", KEY] == (10, "declaration")
    done = control.tenantry("resume", str(run["id"]), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [step["state"] for step in json.loads(done.stdout)[0]["steps"]] == ["done"] * 3
    for slug in slugs:
        assert [row.run_id for row in configure.history(slug, KEY)] == [run["id"], None]
    assert control.tenantry("config", "undo", str(run["id"])).returncode == 0
    assert content() == before
