"""`tenantry migrate` and the engine's runs live together: the roll-out migrates, the next `up` writes down that it did."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.engine.conftest import CLONE
from tests.revisions import BESIDE

pytestmark = pytest.mark.engine


def guards(sandbox, database, schema):
    with sandbox.sql(database) as connection:
        return connection.execute(
            "SELECT c.relname, pg_get_userbyid(c.relowner), c.relforcerowsecurity, count(p.*) FROM pg_class c"
            " LEFT JOIN pg_policy p ON p.polrelid = c.oid WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' GROUP BY 1, 2, 3",
            [schema],
        ).fetchall()


def test_a_new_revision_goes_through_the_fleet_and_then_through_the_engine(sandbox, tmp_path):
    """No run replaces or copies anything again; a tenant made before it catches up, on a server of its own as well; one made after it
    starts at the head."""
    sandbox.declare("ash")
    sandbox.declare("birch", isolation="schema")
    sandbox.declare("cedar", isolation="database")
    sandbox.declare("elm", isolation="instance")
    sandbox.up()
    with sandbox.sql("t_cedar") as connection:
        oid = connection.execute("SELECT oid FROM pg_database WHERE datname = 't_cedar'").fetchone()
    before = guards(sandbox, "t_cedar", "tenant")
    assert {row[1] for row in before} == {"t_cedar__owner"}, "nothing is left with the template's owner"

    root = tmp_path / "migrations"
    shutil.copytree(CLONE / "migrations", root)
    (root / "tenant" / "0002_notes.py").write_text(BESIDE.format(revision="0002", before="0001"))
    (root / "tenant" / "0002_notes.sql").write_text("CREATE TABLE notes (tenant_id uuid PRIMARY KEY, note text);")
    sandbox.extra["TENANTRY_MIGRATIONS"] = str(root)
    done = json.loads(sandbox.tenantry("migrate", "birch", "--json").stdout)
    assert (done["state"], done["migrated"]) == ("done", 1)
    plan = json.loads(sandbox.tenantry("migrate", "--plan", "--json").stdout)
    assert [entry["tenants"] for entry in plan["rest"]] == [["cedar"], ["elm"], ["ash"]], "who lags, in the plan's order"
    done = json.loads(sandbox.tenantry("migrate", "--json").stdout)
    assert (done["state"], done["migrated"]) == ("done", 3)
    again = sandbox.tenantry("migrate")
    assert "nothing to do: 4 at 0002" in again.stderr

    preview = sandbox.tenantry("preview", "--all", "--refresh").stdout.splitlines()
    assert sorted(line.partition(" would ")[2] for line in preview if " would " in line) == [
        "change birch-db-tables (tenantry:Store)",
        "change cedar-db-tables (tenantry:Store)",
        "change elm-db-tables (tenantry:Store)",
        "change platform-tables (tenantry:Store)",
    ], "only what the state says of the revision is old"
    sandbox.declare("dogwood", isolation="database")
    changes = sandbox.up()
    assert changes["cedar"] == changes["elm"] == {"change": 1}
    assert sandbox.up("--all", "--refresh") == {"shared": {}, "cedar": {}, "dogwood": {}, "elm": {}}

    with sandbox.sql("t_cedar") as connection:
        assert connection.execute("SELECT oid FROM pg_database WHERE datname = 't_cedar'").fetchone() == oid
    made = {row[0]: row[1:] for row in guards(sandbox, "t_dogwood", "tenant")}
    assert made["notes"] == ("t_dogwood__owner", True, 1)
    assert {row[0]: row[2:] for row in guards(sandbox, "t_cedar", "tenant")} == {name: row[1:] for name, row in made.items()}
    for slug in ("dogwood", "elm"):
        with sandbox.as_tenant(slug) as application:
            application.execute("INSERT INTO notes (tenant_id, note) VALUES (current_setting('app.tenant_id')::uuid, 'x')")
            assert application.execute("SELECT note FROM notes").fetchall() == [("x",)]
