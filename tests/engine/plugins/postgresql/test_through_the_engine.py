"""The postgresql stand-in under the real engine: what the engine makes of what it says."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.engine

PASSWORD = "engine-level-password"
PROGRAM = """
import os
import pulumi
import pulumi_postgresql as postgresql

def existing(id):
    return pulumi.ResourceOptions(import_=id if os.environ.get("ADOPT") else None)

limit = int(os.environ.get("LIMIT", "-1"))
owner = postgresql.Role("owner", name="e_owner", opts=existing("e_owner"))
app = postgresql.Role("app", name="e_app", login=True, password=pulumi.Output.secret(os.environ["APP_PASSWORD"]), opts=existing("e_app"))
place = postgresql.Database("place", name="e_place", owner=owner.name, connection_limit=limit, opts=existing("e_place"))
schema = postgresql.Schema("schema", name="inside", database=place.name, owner=owner.name, drop_cascade=True)
"""


@pytest.fixture
def pulumi(cloud, tmp_path):
    """Runs `pulumi` on a project with that program in the private cloud; gives what it said."""
    (tmp_path / "Pulumi.yaml").write_text("name: contract\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def run(*command: str, **variables: str) -> str:
        done = cloud.run("pulumi", *command, "--non-interactive", cwd=tmp_path, variables={"APP_PASSWORD": PASSWORD, **variables})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("stack", "init", "contract")
    yield run
    run("destroy", "--yes", "--skip-preview", "-s", "contract")
    run("stack", "rm", "--yes", "contract")


@pytest.fixture
def admin(cloud):
    """A session of the superuser in the private cloud's server."""
    variables = cloud.environment
    address = {"host": variables["PGHOST"], "port": variables["PGPORT"], "user": variables["PGUSER"], "password": variables["PGPASSWORD"]}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        yield connection


def test_a_role_a_database_and_a_schema_live_and_die(pulumi, admin, cloud):
    """Created, unchanged, changed in place, drifted and mended, destroyed: with no password in plain anywhere in the state."""
    up = ("up", "--yes", "--skip-preview", "-s", "contract")
    assert "+ 5 created" in pulumi(*up)
    assert "5 unchanged" in pulumi(*up)
    assert "~ 1 updated" in pulumi(*up, LIMIT="4")
    limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'e_place'"
    assert admin.execute(limit).fetchall() == [(4,)]
    admin.execute("ALTER DATABASE e_place CONNECTION LIMIT 9")
    assert "~ 1 updated" in pulumi("refresh", "--yes", "--skip-preview", "-s", "contract")
    assert "~ 1 updated" in pulumi(*up, LIMIT="4")
    assert admin.execute(limit).fetchall() == [(4,)]
    state = Path(cloud.home.state)
    assert not [path for path in state.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    pulumi("destroy", "--yes", "--skip-preview", "-s", "contract")
    assert admin.execute("SELECT 1 FROM pg_roles WHERE rolname LIKE 'e\\_%'").fetchall() == []
    assert admin.execute(limit).fetchall() == []


def test_what_a_killed_run_left_is_adopted(pulumi, admin):
    """Roles and a database that no state knows are adopted with `import_` and brought up to date; the next run changes nothing."""
    for statement in ("CREATE ROLE e_owner", "CREATE ROLE e_app LOGIN PASSWORD 'forgotten'", "CREATE DATABASE e_place OWNER e_owner"):
        admin.execute(statement)
    adopted = pulumi("up", "--yes", "--skip-preview", "-s", "contract", ADOPT="1")
    assert "= 3 imported" in adopted
    assert "5 unchanged" in pulumi("up", "--yes", "--skip-preview", "-s", "contract")
    resources = json.loads(pulumi("stack", "export", "-s", "contract"))["deployment"]["resources"]
    assert {each["id"] for each in resources if each["type"] == "postgresql:index/role:Role"} == {"e_owner", "e_app"}


def test_a_name_that_is_taken_stops_the_run(pulumi, admin):
    """Without `import_` an existing role is an error that names it and says what to do."""
    admin.execute("CREATE ROLE e_owner")
    with pytest.raises(AssertionError, match=r'role "e_owner" already exists[^"]*import_'):
        pulumi("up", "--yes", "--skip-preview", "-s", "contract")
    admin.execute("DROP ROLE e_owner")
