"""The role of a tenant's own people: logged in as it, every statement on every table of the control database that is not its own fails."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from tenantry import naming
from tenantry.control import database, runs
from tenantry.control.database import transaction
from tenantry.naming import CONTROL_DATABASE
from tenantry.naming import CONTROL_PORTAL as PORTAL
from tenantry.postgres import control_grants, logins
from tenantry.postgres.server import Server
from tenantry.settings import migrations_dir
from tenantry.work import queue
from tests.environment import entered
from tests.service import control_database, directory

pytestmark = pytest.mark.service

SLUGS = ("portal-one", "portal-other")
ONE, OTHER = (naming.tenant_id(slug) for slug in SLUGS)
PASSWORD = "in-by-the-portal"


@pytest.fixture(scope="module")
def admin(cloud) -> Iterator[psycopg.Connection]:
    """An administrator's connection, two tenants with people and runs, and a login for the role that has none."""
    with entered(cloud.environment):
        directory.make()
        queue.client()
        ids = [directory.tenant(slug) for slug in SLUGS]
        with transaction() as connection:
            for tenant, slug in zip(ids, SLUGS, strict=True):
                connection.execute(
                    "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'ada@x.example', 'Ada', 'admin')", [tenant]
                )
                runs.request(connection, runs.Request("backup", slug, naming.tenant_id(slug)))
        with Server.from_environment().connect(CONTROL_DATABASE) as connection:
            connection.autocommit = True
            control_database.make()  # with DBOS's tables there
            role = sql.Identifier(PORTAL)
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN; GRANT CONNECT ON DATABASE tenantry TO {}").format(role, role))
            logins.give_password(connection, PORTAL, PASSWORD)
            yield connection
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role))
        control_database.make()
        with transaction() as connection:
            for table in ("audit_log", "users", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE tenant_id = ANY(%s::uuid[])", [ids])
        directory.forget(*ids)


@pytest.fixture
def portal(admin) -> Iterator[psycopg.Connection]:
    """Logged in as the role, in the context of one tenant; what it did is rolled back."""
    server = Server.from_environment()
    with psycopg.connect(host=server.host, port=server.port, dbname=CONTROL_DATABASE, user=PORTAL, password=PASSWORD) as connection:
        connection.execute("SELECT set_config('search_path', 'control', false), set_config('app.tenant_id', %s, false)", [str(ONE)])
        connection.commit()
        yield connection
        connection.rollback()


def allowed() -> set[tuple[str, str, str]]:
    """Privilege, table or function, column, as the reviewed file has them."""
    every = control_grants.read(migrations_dir() / control_grants.FILE)
    return {(grant.privilege, grant.name, grant.part) for role, grant in every if role == "portal"}


def statements(admin: psycopg.Connection) -> Iterator[tuple[tuple[str, str, str], sql.Composable]]:
    """Everything that can be done to every table, view and sequence of every schema, by the catalogue; no row is touched by any of it."""
    relations = admin.execute(
        "SELECT nspname, relname, relkind::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
    ).fetchall()
    for schema, name, kind in relations:
        table, key = sql.Identifier(schema, name), name if schema == "control" else f"{schema}.{name}"
        if kind == "S":
            for function in ("nextval({})", "setval({}, 1)"):
                yield ("USAGE", key, ""), sql.SQL(f"SELECT {function}").format(sql.Literal(table.as_string(None)))
            continue
        columns = [
            column
            for (column,) in admin.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [table.as_string(None)],
            )
        ]
        for column in map(sql.Identifier, columns):
            part = column.as_string(None).strip('"')
            yield ("SELECT", key, part), sql.SQL("SELECT {} FROM {} WHERE false").format(column, table)
            if kind in ("r", "p"):
                words = "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT NULL WHERE false"
                yield ("INSERT", key, part), sql.SQL(words).format(table, column)
                yield ("UPDATE", key, part), sql.SQL("UPDATE {} SET {} = DEFAULT WHERE false").format(table, column)
        for words in (
            "DELETE FROM {} WHERE false", "TRUNCATE {}", "LOCK {} IN ACCESS EXCLUSIVE MODE", "ALTER TABLE {} ADD COLUMN x int",
            "CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING", "DROP TABLE {}", "COMMENT ON TABLE {} IS 'x'",
            "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
            "CREATE TRIGGER t BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "SELECT count(*) FROM {} WHERE false", "SELECT * FROM {} FOR UPDATE",
        ):  # fmt: skip
            if kind not in ("r", "p") and words.startswith(("DELETE", "TRUNCATE", "ALTER", "DROP", "COMMENT", "CREATE TRIGGER")):
                continue
            yield (words.split()[0], key, "*"), sql.SQL(words).format(table)


def test_every_statement_on_every_table_is_refused_but_for_the_files(admin, portal):
    granted, tried, wrong = allowed(), set(), []
    for what, statement in statements(admin):
        permitted = what in granted or (what[0] == "SELECT" and what[2] == "*" and "count" in str(statement) and _some(granted, what[1]))
        try:
            with portal.transaction(force_rollback=True):
                portal.execute(statement)
            done = True
        except errors.InsufficientPrivilege:
            done = False
        except psycopg.Error as error:
            wrong.append(f"{what}: {type(error).__name__}: {error}")
            continue
        if done != permitted:
            wrong.append(f"{what}: {'done' if done else 'refused'}")
        tried.add(what)
    assert wrong == []
    assert {each for each in granted if each[2]} <= tried, "what is granted was tried as well"
    assert len({table for _, table, _ in tried}) > 50
    assert len(tried) > 1000


def _some(granted: set[tuple[str, str, str]], table: str) -> bool:
    """`count(*)` needs one column that may be read."""
    return any(privilege == "SELECT" and name == table for privilege, name, _ in granted)


def test_every_function_is_refused_but_for_the_files(admin, portal):
    granted = {name for privilege, name, _ in allowed() if privilege == "EXECUTE"}
    found = admin.execute(
        "SELECT nspname, proname, oidvectortypes(proargtypes), pronargs, prorettype = 'trigger'::regtype"
        " FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    ).fetchall()
    assert granted <= {f"{name}({types})" for _, name, types, _, _ in found}
    for schema, name, types, count, trigger in found:
        if trigger:
            continue  # nobody can call one
        values = ", ".join(f"NULL::{kind}" for kind in types.split(", ") if count)
        call = sql.SQL(f"SELECT {{}}({values})").format(sql.Identifier(schema, name))
        refused = False
        try:
            with portal.transaction(force_rollback=True):
                portal.execute(call)
        except psycopg.Error as error:
            refused = "permission denied" in str(error)  # else it was called, and did not like what it was given
        assert refused == (f"{name}({types})" not in granted), name


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE tenantry__owner", "SET ROLE tenantry__app", "SET SESSION AUTHORIZATION tenantry__owner", "CREATE TABLE x (a int)",
        "CREATE TEMPORARY TABLE x (a int)", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE SCHEMA x",
        "ALTER ROLE tenantry__portal BYPASSRLS", "COPY (SELECT 1) TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')",
        "GRANT SELECT ON control.users TO PUBLIC", "SET session_replication_role = replica", "SELECT * FROM pg_authid",
    ],
)  # fmt: skip
def test_it_becomes_nobody_else_and_makes_nothing(portal, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        portal.execute(statement)


READ = {
    "users": "id", "invitations": "id", "runs": "id", "tenant_configurations": "config_key", "tenant_domains": "host",
}  # fmt: skip


@pytest.mark.parametrize(("table", "column"), READ.items())
def test_it_sees_its_tenants_rows_and_no_others(admin, portal, table, column):
    """Without a context none, whatever it asks for."""
    count = sql.SQL("SELECT count({}), count(*) FILTER (WHERE tenant_id <> %s) FROM {}").format(
        sql.Identifier(column), sql.Identifier(table)
    )
    whole = sql.SQL("SELECT count(*) FROM control.{} WHERE tenant_id = %s").format(sql.Identifier(table))
    assert portal.execute(count, [ONE]).fetchone() == (admin.execute(whole, [ONE]).fetchone()[0], 0)
    assert admin.execute(whole, [OTHER]).fetchone()[0] > 0
    for context in ("", str(uuid4())):
        portal.execute("SELECT set_config('app.tenant_id', %s, true)", [context])
        assert portal.execute(count, [ONE]).fetchone() == (0, 0)


def test_it_changes_names_and_roles_of_its_people_and_the_log_says_so(admin, portal):
    assert portal.execute("UPDATE users SET name = 'Ada Byron', role = 'member' RETURNING email").fetchall() == [("ada@x.example",)]
    assert portal.execute("UPDATE users SET name = 'Eve' WHERE tenant_id = %s", [OTHER]).rowcount == 0
    portal.commit()
    try:
        (line,) = admin.execute("SELECT actor, action, outcome FROM control.audit_log WHERE tenant_id = %s", [ONE]).fetchall()
        assert line[:2] == (PORTAL, "user")
        assert line[2].endswith(", now member")
    finally:
        admin.execute("DELETE FROM control.audit_log WHERE tenant_id = %s", [ONE])
        admin.execute("UPDATE control.users SET name = 'Ada', role = 'admin' WHERE tenant_id = %s", [ONE])
    for name in ("", "Ada\n", " Ada", "a" * 101, "\u202eadA"):
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute("UPDATE users SET name = %s", [name])


INVITE = "INSERT INTO invitations (tenant_id, email, name, role, invited_by) VALUES (%s, %s, %s, %s, %s) RETURNING id, invited_by"


def test_it_invites_in_its_own_name(portal):
    """Not in the platform's, not for another tenant, and no text that a mail could be bent with."""
    row = portal.execute(INVITE, [ONE, "bea@x.example", "Bea", "member", "user:1"]).fetchone()
    assert row[1] == f"{PORTAL}: user:1"
    with pytest.raises(errors.InsufficientPrivilege), portal.transaction():
        portal.execute(INVITE, [OTHER, "bea@x.example", "Bea", "member", "user:1"])
    for email, name, role, by in (
        ("eve@x.example", "Eve", "admin", None), ("eve@x.example", "Eve\nBcc: x", "member", "user:1"),
        ("eve@x.example\n", "Eve", "member", "user:1"), ("eve", "Eve", "member", "user:1"), ("e ve@x.example", "Eve", "member", "user:1"),
        ("eve@x.example", "Eve", "member", "user\n1"),
    ):  # fmt: skip
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(INVITE, [ONE, email, name, role, by])
    with pytest.raises(errors.CheckViolation), portal.transaction():
        portal.execute(INVITE, [ONE, "eve@x.example", "Eve", "owner", "user:1"])


def test_it_writes_the_log_and_neither_reads_nor_forges_it(admin, portal):
    said = "INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES (%s, %s, %s, %s)"
    portal.execute(said, [ONE, "platform", "read invitations", "3"])
    portal.commit()
    try:
        line = admin.execute("SELECT actor, action, outcome, run_id FROM control.audit_log WHERE tenant_id = %s", [ONE]).fetchall()
        assert line == [(f"{PORTAL}: platform", "read invitations", "3", None)]
    finally:
        admin.execute("DELETE FROM control.audit_log WHERE tenant_id = %s", [ONE])
    for tenant, actor in ((OTHER, "a"), (None, "a")):
        with pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue)), portal.transaction():
            portal.execute(said, [tenant, actor, "x", "x"])
    for text in ("a\nb", "\u202ea", "a" * 2000):
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(said, [ONE, text, "x", "x"])


def test_configuration_goes_through_functions_that_look_at_the_editor(portal):
    """The tenant's administrator, what is a tenant's to say, and a value of its kind; the history says who."""
    (user,) = portal.execute("SELECT id FROM users").fetchone()
    put = "SELECT set_configuration(%s, %s, %s)"
    portal.execute(put, ["theme.primary", '"#123456"', user])
    found = portal.execute("SELECT config_value, source FROM tenant_configurations WHERE config_key = 'theme.primary'").fetchone()
    assert found == ("#123456", "runtime")
    portal.execute("SELECT unset_configuration('theme.primary', %s)", [user])
    for key, value, who, refused in (
        ("limits.users", "1", user, errors.InvalidParameterValue), ("theme.primary", '"red"', user, errors.InvalidParameterValue),
        ("theme.primary", '"#123456"', uuid4(), errors.InsufficientPrivilege),
    ):  # fmt: skip
        with pytest.raises(refused), portal.transaction():
            portal.execute(put, [key, value, who])
    portal.execute("UPDATE users SET role = 'member'")
    with pytest.raises(errors.InsufficientPrivilege), portal.transaction():
        portal.execute(put, ["theme.primary", '"#123456"', user])


@pytest.mark.parametrize("state", ["suspended", "offboarding"])
def test_in_a_tenant_that_is_shut_it_writes_nothing(admin, portal, state):
    admin.execute("UPDATE control.tenants SET state = %s WHERE id = %s", [state, ONE])
    try:
        for statement in ("UPDATE users SET name = 'Eve'", "SELECT set_configuration('theme.primary', '\"#123456\"', gen_random_uuid())"):
            with pytest.raises(errors.InsufficientPrivilege, match="no active tenant"), portal.transaction():
                portal.execute(statement)
        with pytest.raises(errors.InsufficientPrivilege, match="no active tenant"), portal.transaction():
            portal.execute(INVITE, [ONE, "bea@x.example", "Bea", "member", "user:1"])
    finally:
        admin.execute("UPDATE control.tenants SET state = 'active' WHERE id = %s", [ONE])


def test_the_services_door_leads_there(admin):
    with database.portal(ONE) as connection:
        row = connection.execute("SELECT current_user AS who, count(*) AS runs FROM runs").fetchone()
        assert row == {"who": PORTAL, "runs": 1}
    with pytest.raises(errors.InsufficientPrivilege), database.portal(ONE) as connection:
        connection.execute("SELECT * FROM tenants")
    with transaction() as connection:
        assert connection.execute("SELECT current_user AS who").fetchone() == {"who": naming.CONTROL_OWNER}
