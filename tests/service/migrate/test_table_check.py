"""`tenantry migrate --check`, and the same asked before a roll-out and a move: every table is of a kind, and every fault has a name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from unittest.mock import Mock

import pytest
from psycopg import sql

from tenantry import naming
from tenantry.errors import InputError, WorkError
from tenantry.operations import doctor, table_check, tidy, updates
from tenantry.operations.move import request
from tenantry.postgres import table_rules
from tenantry.postgres.server import Server
from tenantry.stores.tenant_store import TenantStore
from tests.service.migrate.conftest import roll_out
from tests.service.migrate.models import ask
from tests.waiting import wait_for

pytestmark = pytest.mark.service

PROJECTS = "CREATE TABLE projects (id int PRIMARY KEY, name text);"
TASKS = "CREATE TABLE tasks (tenant_id uuid NOT NULL, id bigserial PRIMARY KEY, title text);"

# What a revision says → table, columns, and a piece of what it is told to write instead.
REFUSED = {
    "a table of no kind": (PROJECTS, "projects", [], "give it a tenant_id uuid NOT NULL, or name it under reference"),
    "a partitioned one": (
        "CREATE TABLE logs (at date, n int) PARTITION BY RANGE (at); CREATE TABLE logs_1 PARTITION OF logs DEFAULT;",
        "logs", [], "give it a tenant_id",
    ),
    "a key that counts": (TASKS, "tasks", ["id"], "write PRIMARY KEY (tenant_id, id)"),
    "an identity that counts": (
        "CREATE TABLE tasks (tenant_id uuid NOT NULL, id int GENERATED ALWAYS AS IDENTITY, part int, UNIQUE (id, part));",
        "tasks", ["id", "part"], "write UNIQUE (tenant_id, id, part)",
    ),
    "a tenant_id of another type": (
        "CREATE TABLE tasks (tenant_id text NOT NULL, id int, PRIMARY KEY (tenant_id, id));",
        "tasks", ["tenant_id"], "tasks.tenant_id is text: write tenant_id uuid NOT NULL",
    ),
    "a tenant_id that may be null": (
        "CREATE TABLE tasks (tenant_id uuid, line text);",
        "tasks", ["tenant_id"], "tasks.tenant_id is uuid and may be null: write tenant_id uuid NOT NULL",
    ),
    "a rule": (
        "CREATE TABLE seen (tenant_id uuid NOT NULL, line text);"
        "CREATE RULE twice AS ON INSERT TO seen DO ALSO UPDATE users SET name = name;",
        "seen", [], "the rule twice on seen would act again on every row",
    ),
    "a table in another schema": (
        "CREATE SCHEMA apart; CREATE TABLE apart.things (tenant_id uuid NOT NULL, line text);",
        "apart.things", [], "write things without a schema",
    ),
    "a publication": ("CREATE PUBLICATION feed FOR TABLE users;", "", [], "the publication feed is of a whole database"),
}  # fmt: skip


def left(server: Server) -> list[str]:
    with server.connect() as admin:
        databases = "SELECT datname FROM pg_database WHERE datname LIKE '%scratch%'"
        return [name for (name,) in admin.execute(f"{databases} UNION SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenantry_check%'")]


def test_what_is_committed_passes_without_a_platform(servers, trees, fleet):
    """On a server where nothing was ever made; and nothing of the look stays there."""
    found = table_check.check()
    assert found.problems == ()
    assert found.tenant == ("documents", "user_settings", "users")
    assert found.reference == ()
    assert left(fleet.server) == []


def test_an_account_that_may_make_roles_and_databases_is_enough(servers, trees, fleet, monkeypatch):
    """As a managed server's administrator, and a pull request's job, is: no superuser."""
    with fleet.server.connect() as admin:
        admin.execute("CREATE ROLE deployer LOGIN CREATEROLE CREATEDB PASSWORD 'deployer'")
    monkeypatch.setenv("PGUSER", "deployer")
    monkeypatch.setenv("PGPASSWORD", "deployer")
    trees.add(PROJECTS + "CREATE EXTENSION IF NOT EXISTS citext;")
    (fault,) = table_check.check().problems
    assert fault.table == "projects"
    assert left(fleet.server) == []


WAITING = """
from tenantry.operations import table_check
with table_check._scratch() as place:
    print(place.owner, flush=True)
    input()
"""


def test_what_a_killed_check_left_is_removed_and_nothing_of_one_at_work(servers, trees, fleet, monkeypatch):
    """By the next check, and by the task that tidies."""
    checks = [subprocess.Popen([sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        killed, waiting = (check.stdout.readline().strip() for check in checks)
        assert len(left(fleet.server)) == 4
        checks[0].kill()
        checks[0].wait()
        wait_for(lambda: at_work(fleet.server) == 1)
        table_check.check()
        assert len(left(fleet.server)) == 2
        assert killed not in left(fleet.server)
        assert waiting in left(fleet.server)
    finally:
        for check in checks:
            check.kill()
            check.wait()
    wait_for(lambda: at_work(fleet.server) == 0)
    for module, name in ((tidy.task_runs, "purge"), (tidy.usage, "purge"), (tidy, "_forget_queued")):
        monkeypatch.setattr(module, name, lambda *_: 0)
    assert tidy.forget(None) == "1 killed checks of tables cleared away"
    assert tidy.forget(None) == ""
    assert left(fleet.server) == []


def at_work(server: Server) -> int:
    """How many checks hold their lock: that of a process that was killed goes when its session has ended."""
    with server.connect() as admin:
        return admin.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchone()[0]


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_not_be_is_named_with_its_columns_and_what_to_write(fleet, trees, what):
    """By the check, and by a roll-out."""
    revision, table, columns, right = REFUSED[what]
    fleet.shared("0001")
    fleet.rls("ash")
    trees.add(revision)
    (fault,) = table_check.check().problems
    assert (fault.table, list(fault.columns)) == (table, columns)
    assert right in str(fault)
    with pytest.raises(WorkError, match=re.escape(right)):
        roll_out()
    with fleet.connect() as connection:
        assert connection.execute("SELECT version_num FROM shared.alembic_version").fetchone() == ("0001",)
    assert left(fleet.server) == []


def test_every_fault_is_told_at_once(command, fleet, trees, monkeypatch):
    """Exit 2, one line each, and in JSON by table and column; written right, exit 0."""
    monkeypatch.setenv("COLUMNS", "400")
    trees.add(PROJECTS + TASKS + "CREATE TABLE notes (tenant_id uuid NOT NULL, id uuid PRIMARY KEY);")
    run = command("--check", "--json")
    assert run.wait() == 2
    said = json.loads(run.stdout.read())
    assert [(fault["kind"], fault["table"], fault["columns"]) for fault in said["problems"]] == [
        ("undeclared", "projects", []),
        ("key", "tasks", ["id"]),
    ]
    assert said["problems"][1]["instead"] == "write PRIMARY KEY (tenant_id, id)"
    assert [(note["table"], note["columns"]) for note in said["notes"]] == [("notes", ["id"])]
    trees.remove_last()
    trees.refer("projects")
    trees.add(PROJECTS + TASKS.replace("bigserial PRIMARY KEY", "bigserial").replace("title", "PRIMARY KEY (tenant_id, id), title"))
    assert command("--check").wait() == 0
    assert command("--check", "ash").wait() == 2


def test_nothing_is_touched_by_a_roll_out_that_shared_tables_would_refuse(fleet, trees):
    """Tables of a tenant's own might have such a key: but the fleet would be at two revisions, and nobody could move."""
    fleet.shared("0001")
    fleet.rls("ash")
    fleet.schemas(["birch"], "0001", labels={"ring": "canary"})
    trees.add(TASKS)
    with pytest.raises(WorkError, match=re.escape("write PRIMARY KEY (tenant_id, id)")):
        roll_out()
    with fleet.connect() as connection:
        assert connection.execute("SELECT version_num FROM t_birch.alembic_version").fetchone() == ("0001",)


def test_an_up_asks_before_it_touches_the_first_store(fleet, trees, monkeypatch):
    """Where shared tables lag; a platform that is at the head, or not made, is not asked."""
    ran = []
    monkeypatch.setattr(updates.fleet, "over", lambda *_, **__: ran.append(True) or [])
    monkeypatch.setattr(updates.fleet, "givers", lambda *_: {})
    chosen = updates.Chosen(("shared",), Mock())
    updates.up(chosen, lambda step: None)
    fleet.shared("0001")
    updates.up(chosen, lambda step: None)
    assert ran == [True, True]
    trees.add(TASKS)
    with pytest.raises(WorkError, match=re.escape("write PRIMARY KEY (tenant_id, id)")):
        updates.up(chosen, lambda step: None)
    assert ran == [True, True]


def test_a_large_object_is_refused_by_the_server(fleet, trees):
    """The owner of a store may make none, nor may the check's."""
    trees.add("SELECT lo_create(0);")
    with pytest.raises(InputError, match="permission denied for function lo_create"):
        table_check.check()
    assert left(fleet.server) == []


def test_random_keys_are_taken_and_told_of(fleet, trees):
    """A uuid, also through a domain, and a ULID."""
    trees.add(
        "CREATE DOMAIN ulid AS char(26) CHECK (VALUE ~ '^[0-9A-HJKMNP-TV-Z]{{26}}$'); CREATE DOMAIN ident AS uuid;"
        "CREATE TABLE a (tenant_id uuid NOT NULL, id uuid PRIMARY KEY); CREATE TABLE b (tenant_id uuid NOT NULL, id ulid PRIMARY KEY);"
        "CREATE TABLE c (tenant_id uuid NOT NULL, id ident, UNIQUE (id));".replace("{{", "{").replace("}}", "}")
    )
    found = table_check.check()
    assert found.problems == ()
    assert [(note.table, note.columns) for note in found.notes] == [("a", ("id",)), ("b", ("id",)), ("c", ("id",))]
    assert "tell when a row was made" in str(found.notes[0])


def test_a_tenant_whose_tables_would_be_left_behind_is_not_moved(fleet, trees, monkeypatch):
    """A table of no kind, which is named, wherever it would go; a key that counts, into shared tables. Nothing says "0 rows"."""
    fleet.database("cedar", "0001")
    trees.add(PROJECTS + TASKS)
    with monkeypatch.context() as before:
        before.setattr(table_rules, "refuse_new", lambda *_, **__: None)
        before.setattr(table_check, "require", lambda *_, **__: None)
        roll_out()
    store = TenantStore.of("cedar")
    monkeypatch.setattr(request, "_declared", lambda _: Mock(state="active"))
    monkeypatch.setattr(request.Ledger, "read", lambda *_: Mock(tenants={"cedar": Mock(turn=0)}))
    with pytest.raises(InputError, match="cedar cannot be moved: projects has no tenant_id"):
        request.plan("cedar", "schema", None)
    with pytest.raises(InputError, match=r"cedar cannot be moved to rls: projects has no tenant_id.*\(and 1 more\)"):
        request.plan("cedar", "rls", None)
    trees.refer("projects")
    table_check.refuse_move(store, into_shared=False)
    with pytest.raises(InputError, match=re.escape("to rls: tasks: PRIMARY KEY (id) holds for all tenants together")) as caught:
        table_check.refuse_move(store, into_shared=True)
    assert "write PRIMARY KEY (tenant_id, id)" in str(caught.value)
    trees.add("ALTER TABLE tasks DROP CONSTRAINT tasks_pkey, ADD PRIMARY KEY (tenant_id, id);")
    roll_out()
    table_check.refuse_move(store, into_shared=True)


def test_a_table_of_no_kind_that_stands_is_named_by_the_doctor(fleet, trees, monkeypatch):
    """It goes on, and later revisions get through, as with keys."""
    fleet.shared("0001")
    fleet.rls("ash")
    trees.add(PROJECTS)
    with monkeypatch.context() as before:
        before.setattr(table_rules, "refuse_new", lambda *_, **__: None)
        before.setattr(table_check, "require", lambda *_, **__: None)
        roll_out()
    with pytest.raises(WorkError, match="cell main: projects has no tenant_id"):
        doctor._shared_tables()
    trees.add("ALTER TABLE projects ADD COLUMN more text;")
    roll_out()
    assert ask(TenantStore.of("ash"), "SELECT * FROM projects") == []


def test_a_foreign_table_is_of_no_store(fleet):
    """No owner can make one; an administrator's is named, too."""
    fleet.shared()
    with fleet.connect() as admin:
        admin.execute("CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER there FOREIGN DATA WRAPPER elsewhere")
        table = sql.Identifier(naming.SHARED_SCHEMA, "far")
        admin.execute(sql.SQL("CREATE FOREIGN TABLE {} (tenant_id uuid NOT NULL) SERVER there").format(table))
        (fault,) = table_rules.faults(admin, naming.SHARED_SCHEMA, shared=False).values()
    assert str(fault).startswith("far is a foreign table: its rows are elsewhere")
