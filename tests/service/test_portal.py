"""The role of a tenant's own people: logged in as it, every statement on every table of the control database that is not its own fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import database, runs
from tenantry.control.database import transaction
from tenantry.control.portal import Portal, own_tenant
from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.declaration.values import check
from tenantry.errors import InputError
from tenantry.naming import CONTROL_DATABASE
from tenantry.naming import CONTROL_PORTAL as PORTAL
from tenantry.operations import configure, pictures
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
    "tenant_configuration_history": "change_id",
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


def proof(admin, tenant, role="admin", **columns):
    """The digest of a session of somebody of the tenant's, who is made for it."""
    (user,) = admin.execute(
        "INSERT INTO control.users (tenant_id, email, name, role) VALUES (%s, %s, 'Somebody', %s) RETURNING id",
        [tenant, f"{uuid4().hex}@x.example", role],
    ).fetchone()
    digest = sha256(user.bytes).digest()
    session = {"expires_at": datetime.now(UTC) + timedelta(hours=1), **columns}
    admin.execute(
        "INSERT INTO control.sessions (digest, tenant, user_id, host, csrf, way, idle_until, expires_at, address, agent)"
        " VALUES (%s, %s, %s, 'h', 'c', 'password', now() + interval '1 hour', %s, '192.0.2.1', 'test')",
        [digest, tenant, user, session["expires_at"]],
    )
    return digest, user


@pytest.fixture
def somebody(admin) -> Iterator[Any]:
    """Makes people who are signed in; they are gone at the end."""
    made = []

    def one(*args, **columns):
        made.append(proof(admin, *args, **columns))
        return made[-1]

    yield one
    admin.execute("DELETE FROM control.users WHERE id = ANY(%s)", [[user for _, user in made]])


SET, UNSET = "SELECT portal_set_configuration(%s, %s, %s)", "SELECT portal_unset_configuration(%s, %s)"


def test_configuration_goes_through_functions_that_look_at_the_editor(portal, somebody):
    """The tenant's administrator who is signed in, what is a tenant's to say, and a value of its kind; the history says who."""
    digest, user = somebody(ONE)
    before = portal.execute("SELECT config_value, source FROM tenant_configurations WHERE config_key = 'theme.primary'").fetchone()
    portal.execute(SET, [digest, "theme.primary", '"#123456"'])
    found = portal.execute("SELECT config_value, source FROM tenant_configurations WHERE config_key = 'theme.primary'").fetchone()
    assert found == ("#123456", "runtime")
    portal.execute(UNSET, [digest, "theme.primary"])
    assert before == portal.execute("SELECT config_value, source FROM tenant_configurations WHERE config_key = 'theme.primary'").fetchone()
    lines = "SELECT new_value, changed_by, run_id FROM tenant_configuration_history WHERE config_key = 'theme.primary' ORDER BY change_id"
    assert portal.execute(lines).fetchall()[-2:] == [("#123456", f"user:{user}", None), (before[0], f"user:{user}", None)]


@pytest.mark.parametrize(
    ("tenant", "role", "columns"),
    [(ONE, "member", {}), (OTHER, "admin", {}), (ONE, "admin", {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)})],
)
def test_whoever_is_no_administrator_of_the_tenant_who_is_signed_in_changes_nothing(portal, somebody, tenant, role, columns):
    digest, user = somebody(tenant, role, **columns)
    for given in (digest, sha256(b"made up").digest(), None, b"", user.bytes):
        for statement, values in ((SET, ["theme.primary", '"#123456"']), (UNSET, ["theme.primary"])):
            with pytest.raises(errors.InvalidAuthorizationSpecification), portal.transaction():
                portal.execute(statement, [given, *values])


RIGHT: Final = {
    "branding.app_name": "Ådä & Co", "branding.logo": f"uploads/{'0' * 32}.svg", "branding.favicon": f"uploads/{'0' * 32}.ico",
    "theme.font": "Open Sans", "theme.css": "a > b::after {\n\tcontent: '»';\n}", "legal.terms": "https://acme.example/terms?a=b#c",
    "legal.privacy": "HTTPS://acme.example", "user_defaults.locale": "pt-BR", "user_defaults.time_zone": "Europe/Berlin",
    "user_defaults.email_notifications": False, "features.exports": False, "features.guest_users": True,
    "email_templates.welcome.subject": "Hello {{user_name}}", "email_templates.welcome.body": "Hello {{ user_name }}:\n\n\t{{ login_url }}",
}  # fmt: skip
WRONG: Final = {
    "branding.app_name": ["", " Ada", "Ada\n", "\u202eadA", "=?utf-8?q?x?=", "A" * 61, 7, None, True, ["a"], {"a": "b"}],
    "branding.logo": ["assets/acme/logo.svg", f"uploads/../{'0' * 32}.svg", f"uploads/{'0' * 32}.html", f"uploads/{'0' * 32}.svg\n"],
    "theme.primary": ["red", "#fff", "#12345", "#112233;}", 7, None], "theme.font": ['x"', "x;", " x", "x" * 65],
    "theme.css": ["</style><script>", "<!-- x", "<?x", "x -->", "a\u202eb", "a" * 65_537],
    "legal.terms": ["http://acme.example", "javascript:alert(1)", "https://acme.example/ x", 'https://acme.example/"x', "https://a\u200bb"],
    "features.exports": ["true", 1, None, "x"],
    "email_templates.welcome.subject": ["a\nBcc: x", "=?utf-8?q?x?=", "", "a" * 201, "{% for x in y %}", "{{ a.b }}", "{{{ a }}}"],
    "email_templates.welcome.body": ["{{ a() }}", "{# x #}", "{{", "\u202e", "a" * 20_001],
    "limits.users": [1000], "features.sso": [True], "made.up": [1],
}  # fmt: skip


def test_every_key_that_is_a_tenants_takes_a_value_of_its_kind(portal, somebody):
    """And each of these is one that Python takes as well, so that what it lets through is not refused by the database."""
    digest, _ = somebody(ONE)
    keys = [key for key in CONFIGURATION_KEYS.values() if key.editor == "tenant_admin" and key.runtime]
    kinds = {key.key: RIGHT.get(key.key, RIGHT.get(f"email_templates.welcome.{key.key.rpartition('.')[2]}", "#12ab56")) for key in keys}
    for key, value in kinds.items():
        if not CONFIGURATION_KEYS[key].uploaded:
            assert check(CONFIGURATION_KEYS[key], value) == value
        portal.execute(SET, [digest, key, Jsonb(value)])
    found = dict(portal.execute("SELECT config_key, config_value FROM tenant_configurations WHERE source = 'runtime'").fetchall())
    assert found == kinds
    for key, default in ((key.key, key.default) for key in keys if key.default is not None and key.key != "branding.app_name"):
        portal.execute(SET, [digest, key, Jsonb(default)])


def test_no_key_takes_what_could_leave_its_place(portal, somebody):
    digest, _ = somebody(ONE)
    for key, values in WRONG.items():
        for value in values:
            with pytest.raises(errors.InvalidParameterValue), portal.transaction():
                portal.execute(SET, [digest, key, Jsonb(value)])
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(SET, [digest, key, None])
    for key in ("limits.users", "features.sso", "made.up", None):
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(UNSET, [digest, key])


@pytest.mark.parametrize("state", ["suspended", "offboarding"])
def test_in_a_tenant_that_is_shut_it_writes_nothing(admin, portal, somebody, state):
    digest, _ = somebody(ONE)
    admin.execute("UPDATE control.tenants SET state = %s WHERE id = %s", [state, ONE])
    try:
        # Its sessions have ended with it; one that was there all the same would do nothing.
        for statement, values in ((SET, ["theme.primary", '"#123456"']), (UNSET, ["theme.primary"])):
            with pytest.raises(errors.InvalidAuthorizationSpecification), portal.transaction():
                portal.execute(statement, [digest, *values])
        with pytest.raises(errors.InsufficientPrivilege, match="no active tenant"), portal.transaction():
            portal.execute("UPDATE users SET name = 'Eve'")
        with pytest.raises(errors.InsufficientPrivilege, match="no active tenant"), portal.transaction():
            portal.execute(INVITE, [ONE, "bea@x.example", "Bea", "member", "user:1"])
    finally:
        admin.execute("UPDATE control.tenants SET state = 'active' WHERE id = %s", [ONE])


def test_the_services_door_leads_there(admin, somebody):
    """For somebody of that tenant who is signed in; for anybody else it stays shut."""
    digest, _ = somebody(ONE)
    with database.portal(ONE, digest) as connection:
        row = connection.execute("SELECT current_user AS who, count(*) AS runs FROM runs").fetchone()
        assert row == {"who": PORTAL, "runs": 1}
    with pytest.raises(errors.InsufficientPrivilege), database.portal(ONE, digest) as connection:
        connection.execute("SELECT * FROM tenants")
    for tenant, given in ((OTHER, digest), (uuid4(), digest), (ONE, b"made up")):
        with pytest.raises(errors.InvalidAuthorizationSpecification), database.portal(tenant, given):
            pass
    with transaction() as connection:
        assert connection.execute("SELECT current_user AS who").fetchone() == {"who": naming.CONTROL_OWNER}


def test_a_use_case_that_is_told_another_tenant_shows_and_changes_nothing(admin, somebody):
    """As if the route had not looked: the database itself refuses."""
    digest, _ = somebody(ONE)
    one, other = SLUGS
    mine, who = Portal(digest), Actor("user:x", "service")
    assert configure.put(one, "theme.primary", "#123456", editor="tenant_admin", actor=who, portal=mine).changed
    assert configure.take_back(one, "theme.primary", editor="tenant_admin", actor=who, portal=mine).changed
    before = admin.execute("SELECT * FROM control.tenant_configurations WHERE tenant_id = %s ORDER BY config_key", [OTHER]).fetchall()
    for asked in (
        lambda: configure.settings(other, portal=mine),
        lambda: configure.history(other, portal=mine),
        lambda: configure.put(other, "theme.primary", "#123456", editor="tenant_admin", actor=who, portal=mine),
        lambda: configure.take_back(other, "theme.primary", editor="tenant_admin", actor=who, portal=mine),
        lambda: pictures.upload(other, "logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>", editor="tenant_admin", actor=who, portal=mine),
        lambda: own_tenant(mine, OTHER),
    ):
        with pytest.raises(InputError) as refused:
            asked()
        assert refused.value.code == "session.ended"
    assert (
        before == admin.execute("SELECT * FROM control.tenant_configurations WHERE tenant_id = %s ORDER BY config_key", [OTHER]).fetchall()
    )
