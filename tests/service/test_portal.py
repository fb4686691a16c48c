"""The role of a tenant's own people: logged in as it, every statement on every table of the control database that is not its own fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from tenantry.control import database, portal_people, runs
from tenantry.control.database import transaction
from tenantry.control.portal import Portal, own_tenant
from tenantry.declaration.keys import CONFIGURATION_KEYS, LIMITS
from tenantry.declaration.values import check
from tenantry.errors import InputError, TransientError
from tenantry.naming import CONTROL_DATABASE
from tenantry.naming import CONTROL_PORTAL as PORTAL
from tenantry.operations import accept, configure, invite, passkeys, pictures, user_roles
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
INVITE = "SELECT outcome, invitation FROM portal_invite(%s, %s, %s, %s)"
REVOKE = "SELECT outcome FROM portal_revoke(%s, %s)"
ACCEPT = "SELECT outcome FROM portal_accept(%s, %s, NULL, '{}')"
USER = "SELECT outcome FROM portal_change_user(%s, %s, %s)"
OUT = "SELECT portal_sign_out(%s, %s)"
PASSWORD = "SELECT portal_set_password(%s, %s)"
KEY = "SELECT portal_add_passkey(%s, %s, %s, %s, 0, %s)"
ANOTHER = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
OF_ADMINISTRATORS: Final = (
    (SET, ["theme.primary", '"#123456"']), (UNSET, ["theme.primary"]), (INVITE, ["bea@x.example", "Bea", "member"]),
    (REVOKE, ["bea@x.example"]), (ACCEPT, [b"digest"]), (USER, [uuid4(), "member"]), (USER, [uuid4(), None]),
)  # fmt: skip
OF_PEOPLE: Final = (
    (OUT, [False]), (OUT, [True]), (PASSWORD, [ANOTHER]), ("SELECT portal_passkeys(%s)", []), (KEY, [b"id", "h", b"key", "Laptop"]),
    ("SELECT portal_remove_passkey(%s, %s)", [b"id"]),
)  # fmt: skip


@pytest.fixture
def lines(admin) -> Callable[[], list[tuple[Any, ...]]]:
    """What the log says of the tenant since the test began."""
    (last,) = admin.execute("SELECT coalesce(max(id), 0) FROM control.audit_log").fetchone()
    words = "SELECT actor, action, outcome FROM control.audit_log WHERE tenant_id = %s AND id > %s ORDER BY id"
    return lambda: admin.execute(words, [ONE, last]).fetchall()


def test_everything_that_the_portal_may_call_is_tried_here():
    """So that a function that is granted to it is not forgotten in what follows."""
    tried = {word.split("(")[0].split()[-1] for word, _ in (*OF_ADMINISTRATORS, *OF_PEOPLE)}
    assert {name.split("(")[0] for privilege, name, _ in allowed() if privilege == "EXECUTE"} == tried | {"portal_enter", "own_tenant"}


def test_an_administrator_changes_roles_and_removes_people_and_the_log_says_so(portal, somebody, lines):
    digest, me = somebody(ONE)
    _, member = somebody(ONE, "member")
    _, foreign = somebody(OTHER, "member")
    for role, outcome in (("admin", "done"), ("admin", "done"), ("member", "done"), (None, "done"), (None, "unknown")):
        assert portal.execute(USER, [digest, member, role]).fetchone() == (outcome,)
    assert portal.execute(USER, [digest, foreign, "admin"]).fetchone() == ("unknown",)
    with pytest.raises(errors.InvalidParameterValue), portal.transaction():
        portal.execute(USER, [digest, me, "owner"])
    ada = portal.execute("SELECT id FROM users WHERE email = 'ada@x.example'").fetchone()[0]
    assert portal.execute(USER, [digest, ada, "member"]).fetchone() == ("done",)
    assert portal.execute(USER, [digest, me, "member"]).fetchone() == ("last",)
    assert portal.execute(USER, [digest, me, None]).fetchone() == ("last",)
    assert portal.execute(USER, [digest, ada, "admin"]).fetchone() == ("done",)
    portal.commit()
    assert lines() == [
        (f"user:{me}", "user", f"{member}, now admin"), (f"user:{me}", "user", f"{member}, now member"),
        (f"user:{me}", "user", f"{member} removed"), (f"user:{me}", "user", f"{ada}, now member"),
        (f"user:{me}", "user", f"{ada}, now admin"),
    ]  # fmt: skip


def test_an_administrator_invites_within_the_limits_in_his_own_name_and_takes_that_back(admin, portal, somebody, lines):
    """Not for another tenant, and no text that a mail could be bent with."""
    digest, me = somebody(ONE)
    (outcome, made) = portal.execute(INVITE, [digest, "bea@x.example", "Bea", "member"]).fetchone()
    by = "SELECT tenant_id, invited_by, role, issued_at FROM invitations WHERE id = %s"
    assert (outcome, portal.execute(by, [made]).fetchone()) == ("open", (ONE, f"user:{me}", "member", None))
    assert portal.execute(INVITE, [digest, "BEA@x.example", "Bea", "admin"]).fetchone() == ("open", made)
    assert portal.execute(by, [made]).fetchone()[2] == "admin"
    assert portal.execute(INVITE, [digest, "ada@x.example", "Ada", "admin"]).fetchone() == ("user", None)
    assert portal.execute(INVITE, [digest, f"ada@{SLUGS[0]}.example", "Ada", "member"]).fetchone() == ("declared", None)
    for email, name, role in (
        ("eve@x.example", "Eve\nBcc: x", "member"), ("eve@x.example\n", "Eve", "member"), ("eve", "Eve", "member"),
        ("e ve@x.example", "Eve", "member"), ("eve@x.example", "", "member"), ("eve@x.example", "Eve", "owner"),
        ("eve@x.example", "Eve", None),
    ):  # fmt: skip
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(INVITE, [digest, email, name, role])
    assert portal.execute(REVOKE, [digest, "bea@x.example"]).fetchone() == ("revoked",)
    assert portal.execute(REVOKE, [digest, "bea@x.example"]).fetchone() == ("unknown",)
    assert portal.execute(REVOKE, [digest, f"ada@{SLUGS[1]}.example"]).fetchone() == ("unknown",)
    assert portal.execute(REVOKE, [digest, f"ada@{SLUGS[0]}.example"]).fetchone() == ("declared",)
    outcomes = [portal.execute(INVITE, [digest, f"{n}@x.example", "X", "member"]).fetchone()[0] for n in range(LIMITS["users"].default)]
    assert (outcomes[0], outcomes[-1]) == ("open", "crowd")
    most = "SELECT most FROM portal_invite(%s, 'eve@x.example', 'Eve', 'member')"
    assert portal.execute(most, [digest]).fetchone() == (LIMITS["users"].default,)
    portal.commit()
    assert lines() == [(f"user:{me}", "invitation", f"{made} taken back")]
    admin.execute("DELETE FROM control.invitations WHERE tenant_id = %s AND invited_by IS NOT NULL", [ONE])


def test_an_administrator_lets_in_whoever_has_a_code_of_the_tenants(admin, portal, somebody, lines):
    digest, me = somebody(ONE)
    code, foreign = directory.invite(str(ONE)), directory.invite(str(OTHER))
    assert portal.execute(ACCEPT, [digest, foreign]).fetchone() == ("unknown",)
    assert portal.execute(ACCEPT, [digest, code]).fetchone() == ("accepted",)
    portal.commit()
    ((actor, action, outcome),) = lines()
    assert (actor, action) == (f"user:{me}", "invitation")
    assert "accepted by" in outcome
    admin.execute("DELETE FROM control.users WHERE tenant_id = %s AND email = %s", [ONE, f"ada@{SLUGS[0]}.example"])
    admin.execute("UPDATE control.invitations SET accepted_at = NULL, user_id = NULL WHERE tenant_id = %s", [ONE])
    admin.execute("DELETE FROM control.outbox WHERE tenant_id = %s", [ONE])


def test_somebody_looks_after_his_own_sign_in_and_nobody_elses(admin, portal, somebody, lines):
    (digest, me), (neighbour, other) = somebody(ONE, "member"), somebody(ONE, "member")
    portal.execute(PASSWORD, [neighbour, ANOTHER])
    host = f"{SLUGS[0]}.x.example"
    assert portal.execute(KEY, [digest, b"id", host, b"key", "Laptop"]).fetchone() == (True,)
    assert portal.execute(KEY, [digest, b"id", host, b"key", "Laptop"]).fetchone() == (False,)
    assert portal.execute(KEY, [digest, b"id2", f"{SLUGS[1]}.x.example", b"key", "Laptop"]).fetchone() == (False,)
    assert [row[1:3] for row in portal.execute("SELECT * FROM portal_passkeys(%s)", [digest])] == [(host, "Laptop")]
    (again, _) = somebody(ONE, "member")
    assert portal.execute("SELECT * FROM portal_passkeys(%s)", [again]).fetchall() == []
    assert portal.execute("SELECT portal_remove_passkey(%s, %s)", [again, b"id"]).fetchone() == (False,)
    assert portal.execute("SELECT portal_remove_passkey(%s, %s)", [digest, b"id"]).fetchone() == (True,)
    for hashed in ("plain", None, "$argon2id$", f"{ANOTHER}\n"):
        with pytest.raises(errors.InvalidParameterValue), portal.transaction():
            portal.execute(PASSWORD, [digest, hashed])
    kept = [portal.execute(KEY, [again, bytes([n]), host, b"key", "Laptop"]).fetchone()[0] for n in range(passkeys.MOST + 1)]
    assert kept == [True] * passkeys.MOST + [False]
    assert portal.execute(OUT, [digest, True]).fetchone() == (1,)
    portal.commit()
    assert admin.execute("SELECT user_id, hash FROM control.passwords WHERE tenant = %s", [ONE]).fetchall() == [(other, ANOTHER)]
    assert admin.execute("SELECT count(*) FROM control.sessions WHERE user_id = ANY(%s)", [[me, other]]).fetchone() == (0,)
    assert [line[1:] for line in lines()] == [
        ("password", "set"), ("passkey", f"made at {host}"), ("passkey", "ended"),
        *[("passkey", f"made at {host}")] * passkeys.MOST, ("sign out", "everywhere, 1 sessions"),
    ]  # fmt: skip


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
        # A member is signed in as well, and looks after himself.
        for statement, values in (*OF_ADMINISTRATORS, *(OF_PEOPLE if given is not digest or role != "member" else ())):
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
        for statement, values in (*OF_ADMINISTRATORS, *OF_PEOPLE):
            with pytest.raises(errors.InvalidAuthorizationSpecification), portal.transaction():
                portal.execute(statement, [digest, *values])
    finally:
        admin.execute("UPDATE control.tenants SET state = 'active' WHERE id = %s", [ONE])


def test_while_the_tenants_rows_are_replaced_it_reads_and_signs_out_and_changes_nothing(admin, somebody):
    digest, user = somebody(ONE)
    mine, who = Portal(digest), Actor("user:x", "service")
    admin.execute("UPDATE control.tenants SET maintenance = 'restore' WHERE id = %s", [ONE])
    try:
        assert configure.settings(SLUGS[0], portal=mine)
        for asked in (
            lambda: configure.put(SLUGS[0], "theme.primary", "#123456", editor="tenant_admin", actor=who, portal=mine),
            lambda: invite.revoke(SLUGS[0], "eve@x.example", who, portal=mine),
            lambda: user_roles.change(SLUGS[0], user, "member", actor=who, portal=mine),
            lambda: portal_people.set_password(mine, ONE, ANOTHER),
        ):
            with pytest.raises(TransientError) as refused:
                asked()
            assert refused.value.code == "tenant.busy"
        assert portal_people.sign_out(mine, ONE, everywhere=False) == 1
    finally:
        admin.execute("UPDATE control.tenants SET maintenance = NULL WHERE id = %s", [ONE])


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
    (digest, _), (_, user) = somebody(ONE), somebody(OTHER)
    one, other = SLUGS
    mine, who = Portal(digest), Actor("user:x", "service")
    assert configure.put(one, "theme.primary", "#123456", editor="tenant_admin", actor=who, portal=mine).changed
    assert configure.take_back(one, "theme.primary", editor="tenant_admin", actor=who, portal=mine).changed
    tables = ("tenant_configurations", "users", "invitations", "audit_log", "outbox")

    def rows() -> list[Any]:
        return [
            admin.execute(f"SELECT t FROM control.{table} t WHERE tenant_id = %s ORDER BY t::text", [OTHER]).fetchall() for table in tables
        ]

    before = rows()
    for asked in (
        lambda: configure.settings(other, portal=mine),
        lambda: configure.history(other, portal=mine),
        lambda: configure.put(other, "theme.primary", "#123456", editor="tenant_admin", actor=who, portal=mine),
        lambda: configure.take_back(other, "theme.primary", editor="tenant_admin", actor=who, portal=mine),
        lambda: pictures.upload(other, "logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>", editor="tenant_admin", actor=who, portal=mine),
        lambda: own_tenant(mine, OTHER),
        lambda: invite.invite(other, "eve@x.example", "Eve", "admin", who, portal=mine),
        lambda: invite.revoke(other, f"ada@{other}.example", who, portal=mine),
        lambda: invite.listed(other, portal=mine),
        lambda: accept.by_own_people(mine, other, "a code"),
        lambda: user_roles.listed(other, portal=mine),
        lambda: user_roles.change(other, user, "member", actor=who, portal=mine),
        lambda: user_roles.remove(other, user, actor=who, portal=mine),
        lambda: portal_people.sign_out(mine, OTHER, everywhere=True),
        lambda: portal_people.set_password(mine, OTHER, ANOTHER),
        lambda: portal_people.passkeys(mine, OTHER),
        lambda: portal_people.add_passkey(mine, OTHER, b"id", f"{other}.x.example", b"key", 0, "Laptop"),
        lambda: portal_people.remove_passkey(mine, OTHER, b"id"),
    ):
        with pytest.raises(InputError) as refused:
            asked()
        assert refused.value.code == "session.ended"
    assert rows() == before
