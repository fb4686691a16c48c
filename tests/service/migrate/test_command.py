"""`tenantry migrate` as people and pipelines call it."""

from __future__ import annotations

import json

import pytest

from tenantry import naming
from tenantry.stores import table_sets
from tests.waiting import wait_for

pytestmark = pytest.mark.service

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def test_plan_roll_out_and_matrix(fleet, trees, command):
    """The plan changes nothing; the roll-out does, and says so; the matrix shows who is where."""
    fleet.schemas(["ash"], "0001", {"ring": "canary"})
    fleet.schemas(["birch", "cedar"], "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    plan = json.loads(_done(command("--plan", "--json")))
    assert [table_set["tenants"] for table_set in plan["first"]] == [["ash"]]
    assert [table_set["tenants"] for table_set in plan["rest"]] == [["birch"], ["cedar"]]
    done = json.loads(_done(command("--json")))
    assert (done["state"], done["migrated"], done["failed"], done["head"]) == ("done", 3, {}, "0002")
    matrix = json.loads(_done(command("status", "--json")))
    assert {row["tenant"]: row["revision"] for row in matrix["tenants"]} == {"ash": "0002", "birch": "0002", "cedar": "0002"}
    again = command()
    out, err = again.communicate(timeout=60)
    assert (again.returncode, out, err) == (0, "", "nothing to do: 3 at 0002\n")


def test_who_is_left_alone_is_named_also_where_nothing_else_is_to_do(fleet, trees, command):
    """Whoever reads `nothing to do` must not take a tenant whose restore has failed for one at the head."""
    fleet.schemas(["ginkgo"], "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.tenants SET maintenance = 'restore'")
    said = command()
    _, err = said.communicate(timeout=60)
    assert (said.returncode, err) == (0, "nothing to do: 0 at 0002, 1 left until their moves and restores are over (ginkgo)\n")
    assert json.loads(_done(command("--json")))["held"] == ["ginkgo"]


def test_a_stopped_roll_out_is_exit_1_and_wrong_input_exit_2(fleet, trees, command):
    """One line what, one line what to do."""
    fleet.schemas(["dogwood", "elm"], "0001")
    with fleet.connect() as connection:
        connection.execute("INSERT INTO t_elm.users (tenant_id, email, name) VALUES (%s, 'x@elm.example', 'x')", [naming.tenant_id("elm")])
    trees.add("ALTER TABLE users ADD CONSTRAINT never CHECK (name <> name);")
    stopped = command("--parallel", "1")
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 1
    assert 'error: migrate: 1 of 2 failed in the rest: elm: check constraint "never" of relation "users" is violated by some row' in err
    assert "\n  each is whole at its old revision" in err
    assert "Traceback" not in err
    for arguments in (["nobody"], ["--all", "elm"], ["--canary", "1", "--ring", "x"], ["--parallel", "0"]):
        wrong = command(*arguments)
        _, err = wrong.communicate(timeout=60)
        assert wrong.returncode == 2, err


def test_killed_in_the_middle_it_goes_on_when_it_is_run_again(fleet, trees, command):
    """SIGKILL for all of it; every schema is whole at one revision or the other, and the next run brings the rest along."""
    slugs = [f"fir-{number:03}" for number in range(60)]
    fleet.schemas(slugs, "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text; CREATE TABLE extra (tenant_id uuid PRIMARY KEY); SELECT pg_sleep(0.05);")
    killed = command("--parallel", "2")
    wait_for(lambda: _counts().get("0002", 0) >= 5)
    killed.kill()
    with fleet.connect() as connection:
        connection.autocommit = True
        # The server does what it has been sent before it sees that nobody is there any more.
        wait_for(lambda: connection.execute(OTHERS).fetchone() == (0,))
        made = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'extra'").fetchall()
    migrated = {table_set.schema for table_set in table_sets.survey() if table_set.version == "0002"}
    assert {schema for (schema,) in made} == migrated
    assert 5 <= len(migrated) < len(slugs)
    done = json.loads(_done(command("--json")))
    assert done["state"] == "done"
    assert _counts() == {"0002": len(slugs)}


def _counts():
    counts = {}
    for table_set in table_sets.survey():
        counts[table_set.version] = counts.get(table_set.version, 0) + 1
    return counts


def _done(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out
