"""The journal of others after a deletion: rows that name the tenant lose the name, and no other row changes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg import Rollback
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.control.database import transaction
from tenantry.operations.lifecycle.scrub import NOBODY, Names, scrub
from tests.service import control_database

pytestmark = pytest.mark.service

GONE, LIVING = "north-wind", "north-wind-storage"


@pytest.fixture
def journal(in_cloud):
    """A transaction in the control database that leaves nothing."""
    control_database.make()
    with transaction() as connection:
        yield connection
        raise Rollback


def run(connection, subject, state="done", **more):
    row = {"arguments": {}, "notes": {}, "progress": None, "error": None, "hint": None, **more}
    run_id = uuid4()
    connection.execute(
        "INSERT INTO runs (id, kind, subject, requested_by, via, state, arguments, notes, progress, error, hint)"
        " VALUES (%s, 'test', %s, 'test', 'cli', %s, %s, %s, %s, %s, %s)",
        [run_id, subject, state, Jsonb(row["arguments"]), Jsonb(row["notes"]), row["progress"], row["error"], row["hint"]],
    )
    return run_id


def test_only_what_names_the_tenant_changes(journal):
    """An open run of a tenant whose slug begins alike is byte for byte what it was."""
    alike = run(journal, LIVING, "queued", notes={"existed": {"rows": {"users": 3}}}, progress=f"{LIVING}-db-app", error=f"t_{LIVING}: x")
    fleet = run(journal, GONE, "failed", arguments={"slugs": [GONE, LIVING]}, notes={"failed": {GONE: "x"}}, error=f"{GONE}: no server")
    own = run(journal, GONE, "running")
    for number, summary in enumerate((f"cell_main.{naming.tenant_schema(GONE)}", f"{LIVING} done", None), 1):
        journal.execute(
            "INSERT INTO run_steps (run_id, number, name, state, summary) VALUES (%s, %s, 'x', 'done', %s)", [fleet, number, summary]
        )
    task = uuid4()
    journal.execute(
        "INSERT INTO task_runs (id, task, slot, requested_by, summary) VALUES (%s, 'moves', now(), 'schedule', %s)", [task, f"{GONE} goes"]
    )
    before = journal.execute("SELECT r::text FROM runs r WHERE id IN (%s, %s) ORDER BY 1", [alike, own]).fetchall()
    scrub(journal, Names.of(GONE, [], "tenantry-dev", [LIVING]), own)
    assert journal.execute("SELECT r::text FROM runs r WHERE id IN (%s, %s) ORDER BY 1", [alike, own]).fetchall() == before
    row = journal.execute("SELECT subject, arguments, notes, error FROM runs WHERE id = %s", [fleet]).fetchone()
    assert row == {
        "subject": NOBODY,
        "arguments": {"slugs": [NOBODY, LIVING]},
        "notes": {"failed": {NOBODY: "x"}},
        "error": f"{NOBODY}: no server",
    }
    steps = journal.execute("SELECT summary FROM run_steps WHERE run_id = %s ORDER BY number", [fleet]).fetchall()
    assert [step["summary"] for step in steps] == [f"cell_main.{NOBODY}", f"{LIVING} done", None]
    assert journal.execute("SELECT summary FROM task_runs WHERE id = %s", [task]).fetchone() == {"summary": f"{NOBODY} goes"}
