"""Who may do what in the control database: the reviewed list, asked of the catalog; and what an attacker with its login gets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from psycopg import errors, sql

from tenantry import naming
from tenantry.control import configuration, registry
from tenantry.control.database import transaction
from tenantry.declaration.keys import CONFIGURATION_KEYS, TEMPLATES
from tenantry.errors import WorkError
from tenantry.operations import doctor
from tenantry.postgres import control_grants, migrations, privileges
from tenantry.postgres.server import Server
from tenantry.settings import migrations_dir
from tenantry.work import queue
from tests.environment import entered
from tests.service import control_database

pytestmark = pytest.mark.service

APP, DIRECTORY, PORTAL = naming.CONTROL_APP, naming.CONTROL_DIRECTORY, naming.CONTROL_PORTAL
OWNER, STRANGER = naming.CONTROL_OWNER, "stranger__app"
ONE, OTHER = naming.tenant_id("privileged"), naming.tenant_id("neighbour")
TOKEN = "a token"  # of an invitation made here


@pytest.fixture(scope="module")
def admin(cloud) -> Iterator[psycopg.Connection]:
    """An administrator's connection to a control database with DBOS's tables, two tenants, and a login that has nothing to do with it."""
    with entered(cloud.environment):
        control_database.make()
        queue.client()
        for slug in ("privileged", "neighbour"):
            row = {
                "name": slug, "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": "active",
                "host": f"{slug}.x.example", "database": "d", "schema": "s", "app_role": "r", "bucket": "b", "prefix": f"tenants/{slug}/",
                "limits": {}, "labels": {},
            }  # fmt: skip
            registry.record(str(naming.tenant_id(slug)), slug, row, [], {"name": "Ada", "email": f"ada@{slug}.example"})
            configuration.write_declared(str(naming.tenant_id(slug)), {"features.exports": "true", "theme.primary": '"#0b5fff"'})
        with Server.from_environment().connect(naming.CONTROL_DATABASE) as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(STRANGER)))
            control_database.make()  # with DBOS's tables there
            yield connection
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(STRANGER)))
        with transaction() as connection:
            for table in ("outbox", "users", "invitations", "tenant_configurations", "tenant_configuration_history", "tenant_domains"):
                connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = ANY(%s)").format(sql.Identifier(table)), [[ONE, OTHER]])
            connection.execute("DELETE FROM audit_log WHERE tenant_id = ANY(%s)", [[ONE, OTHER]])
            connection.execute("DELETE FROM tenants WHERE id = ANY(%s)", [[ONE, OTHER]])


@pytest.fixture
def app(admin) -> Iterator[psycopg.Connection]:
    """The application in the context of one tenant; what it did is rolled back."""
    with Server.from_environment().connect(naming.CONTROL_DATABASE) as connection:
        connection.execute("SELECT set_config('role', %s, false), set_config('search_path', 'control', false)", [APP])
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(ONE)])
        connection.commit()
        connection.execute("SELECT 1")
        yield connection
        connection.rollback()


TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


def may(admin: psycopg.Connection, role: str) -> set[str]:
    """Everything that ``role`` may do, asked of PostgreSQL one by one: not what is granted, but what it amounts to."""
    found = set()

    def ask(function: str, kind: str, names: list[str], words: tuple[str, ...], *, shown: bool = True) -> None:
        question = sql.SQL("SELECT {}(%s, %s, %s)").format(sql.SQL(function))
        for name, word in product(names, words):
            if admin.execute(question, [role, name, word]).fetchone() == (True,):
                found.add(f"{role} {word} ON {kind} {name}")

    schemas = [
        name for (name,) in admin.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'")
    ]
    assert {"control", "dbos", "public"} <= set(schemas)

    def named(query: str) -> list[str]:
        return [name for (name,) in admin.execute(query, [schemas])]

    relations = (
        "SELECT format('%%I.%%I', relnamespace::regnamespace, relname) FROM pg_class WHERE relnamespace::regnamespace::text = ANY(%s)"
    )
    tables = named(f"{relations} AND relkind IN ('r', 'p', 'v', 'm', 'f')")
    ask("has_database_privilege", "database", [naming.CONTROL_DATABASE], ("CONNECT", "CREATE", "TEMPORARY"))
    ask("has_schema_privilege", "schema", schemas, ("USAGE", "CREATE"))
    ask("has_table_privilege", "table", tables, TABLE)
    ask("has_sequence_privilege", "sequence", named(f"{relations} AND relkind = 'S'"), ("USAGE", "SELECT", "UPDATE"))
    ask(
        "has_function_privilege",
        "function",
        named(
            "SELECT format('%%I.%%I(%%s)', pronamespace::regnamespace, proname, oidvectortypes(proargtypes))"
            " FROM pg_proc WHERE pronamespace::regnamespace::text = ANY(%s)"
        ),
        ("EXECUTE",),
    )
    for table, column in admin.execute(
        "SELECT format('%%I.%%I', relnamespace::regnamespace, relname), attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relnamespace::regnamespace::text = ANY(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT attisdropped",
        [schemas],
    ).fetchall():
        for word in COLUMN:
            if f"{role} {word} ON table {table}" in found:
                continue
            if admin.execute("SELECT has_column_privilege(%s, %s, %s, %s)", [role, table, column, word]).fetchone() == (True,):
                found.add(f"{role} {word} ({column}) ON table {table}")
    return found


def test_each_role_may_do_exactly_what_the_reviewed_file_says(admin):
    """By every privilege of every object of every schema, DBOS's too: three roles have the file's lists, anybody else's is empty."""
    wanted = control_grants.wanted(admin, "control", APP)
    for role in (APP, DIRECTORY, PORTAL):
        assert may(admin, role) == {str(grant) for grant in wanted if grant.role == role}
    assert may(admin, STRANGER) == set()
    others = admin.execute(
        "SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_' AND rolname <> ALL (%s)", [[APP, DIRECTORY, PORTAL, OWNER]]
    ).fetchall()
    assert {line for (role,) in others for line in may(admin, role)} == set()


def test_the_catalog_says_the_same(admin):
    """aclexplode over the catalog, default privileges included; each object is the owner's, and each entry of the file has an object."""
    assert control_grants.differences(admin, "control", APP) == []
    assert set(privileges.owners(admin).values()) - {"pg_database_owner"} == {OWNER}
    later = [grant for grant in privileges.granted(admin) if grant.kind.startswith("later")]
    assert later == []


def test_every_entry_of_the_file_has_a_reason():
    entries = control_grants.read(migrations_dir() / control_grants.FILE)
    assert len(entries) == len(set(entries)) > 10


@pytest.mark.parametrize(
    "damage",
    [
        "GRANT SELECT ON control.backup_keys TO tenantry__app",
        "GRANT SELECT ON control.tenant_configurations TO tenantry__app",
        "GRANT UPDATE (token_hash) ON control.invitations TO tenantry__app",
        "GRANT SELECT ON control.users TO stranger__app WITH GRANT OPTION",
        "GRANT INSERT ON control.deletion_records TO PUBLIC",
        "GRANT USAGE ON SCHEMA dbos TO PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbos TO PUBLIC",
        "GRANT EXECUTE ON FUNCTION control.asked_by_platform() TO PUBLIC",
        "GRANT USAGE ON SEQUENCE control.audit_log_id_seq TO tenantry__app",
        "GRANT CREATE ON SCHEMA control TO tenantry__app",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
        "GRANT TEMPORARY ON DATABASE tenantry TO tenantry__app",
        "GRANT SELECT ON control.directory TO tenantry__directory",
        "GRANT SELECT (token_hash) ON control.invitations TO tenantry__portal",
        "GRANT CONNECT ON DATABASE tenantry TO tenantry__portal",
        "REVOKE SELECT (email) ON control.users FROM tenantry__portal",
        "GRANT SELECT (slug) ON control.tenants TO tenantry__directory",
        "GRANT EXECUTE ON FUNCTION control.tenant_by_host(text) TO tenantry__app",
        "REVOKE EXECUTE ON FUNCTION control.tenant_settings(uuid) FROM tenantry__directory",
        "ALTER DEFAULT PRIVILEGES FOR ROLE tenantry__owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE tenantry__owner IN SCHEMA control GRANT SELECT ON TABLES TO tenantry__app",
        "REVOKE SELECT ON control.users FROM tenantry__app",
        "REVOKE EXECUTE ON FUNCTION control.accept_invitation(text, text) FROM tenantry__app",
        "REVOKE USAGE ON SCHEMA control FROM tenantry__app",
        "REVOKE INSERT ON control.audit_log FROM tenantry__owner",
    ],
)
def test_a_grant_that_was_added_or_taken_by_hand_is_noticed_and_mended(admin, damage):
    """The list differs, and is the file's again after what `tenantry up` does."""
    whole = privileges.granted(admin)
    admin.execute(damage)
    assert privileges.granted(admin) != whole
    assert control_grants.differences(admin, "control", APP)
    with pytest.raises(WorkError, match="control database: not ") as caught:
        doctor._privileges()
    assert "tenantry up --refresh --stack shared" in caught.value.hint
    control_database.make()
    assert privileges.granted(admin) == whole
    assert doctor._privileges() == "in the control database as control_grants.yaml says"


def test_what_an_administrator_made_in_there_is_named_and_stops_nothing(admin):
    """A report's function of a superuser's: neither it nor what the superuser will make is ours to change, and the rest is mended."""
    whole = control_grants.differences(admin, "control", APP)
    admin.execute(
        "CREATE FUNCTION public.report() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT SELECT ON control.backup_keys TO tenantry__app"
    )
    try:
        control_database.make()
        left = set(control_grants.differences(admin, "control", APP)) - set(whole)
        assert left
        assert all("report" in line or "later" in line for line in left), left
    finally:
        admin.execute("DROP FUNCTION public.report()")


def test_a_platform_of_before_has_the_same_privileges_after_the_next_up(admin):
    """Tables at the revision of 70e36e8 with its isolation.sql's grants and PostgreSQL's defaults: mended by one apply, no row touched."""
    with Server.from_environment().connect() as maintenance:
        maintenance.autocommit = True
        maintenance.execute("DROP DATABASE IF EXISTS before WITH (FORCE)")
        maintenance.execute(sql.SQL("CREATE DATABASE before OWNER {}").format(sql.Identifier(OWNER)))
    roles = {"owner": OWNER, "app_role": APP, "platform_role": OWNER}
    with Server.from_environment().connect("before") as connection:
        connection.execute(sql.SQL("SET ROLE {}; CREATE SCHEMA control; RESET ROLE").format(sql.Identifier(OWNER)))
        connection.commit()
        migrations.apply(connection, "control", "control", revision="0008", **roles)
        connection.execute(
            """
            DO $$ DECLARE name text; BEGIN
                SET LOCAL ROLE tenantry__owner;
                ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
                ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;
                GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA control TO PUBLIC;
                GRANT USAGE ON SCHEMA public TO PUBLIC;
                FOR name IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                    WHERE relnamespace = 'control'::regnamespace AND relkind = 'r'
                LOOP EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON control.%I TO tenantry__app', name); END LOOP;
            END $$
            """
        )
        connection.execute("INSERT INTO control.backup_keys VALUES (%s, 'sealed', 'age1…')", [ONE])
        connection.commit()
        assert len(control_grants.differences(connection, "control", APP)) > 60
        connection.commit()
        migrations.apply(connection, "control", "control", **roles)
        assert control_grants.differences(connection, "control", APP) == []
        here = {grant for grant in privileges.granted(connection) if grant.kind != "database"}
        assert here == {grant for grant in privileges.granted(admin) if grant.kind != "database"}
        assert connection.execute("SELECT convert_from(sealed, 'UTF8') FROM control.backup_keys").fetchone() == ("sealed",)
    with Server.from_environment().connect() as maintenance:
        maintenance.autocommit = True
        maintenance.execute("DROP DATABASE before WITH (FORCE)")


ATTACKS = {
    "a tenant's backup key": "DELETE FROM backup_keys",
    "another key": "INSERT INTO backup_keys VALUES ('{one}', 'x', 'x')",
    "the audit log": "DELETE FROM audit_log",
    "a line in the audit log": "INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES ('{one}', 'ada', 'delete', 'done')",
    "the history": "DELETE FROM tenant_configuration_history",
    "a line in the history": "INSERT INTO tenant_configuration_history (tenant_id, config_key, source, changed_by)"
    " VALUES ('{one}', 'x', 'runtime', 'ada')",
    "runs": "UPDATE runs SET state = 'done'",
    "a run": "INSERT INTO runs (id, kind, tenant_id, subject, requested_by, via) VALUES (gen_random_uuid(), 'x', '{one}', 's', 'r', 'cli')",
    "an invitation's code": "UPDATE invitations SET token_hash = sha256('attacker-token'), email = 'eve@x.example', accepted_at = NULL,"
    " expires_at = now() + '9 years'",
    "an invitation": "INSERT INTO invitations (tenant_id, email, name, role) VALUES ('{one}', 'eve@x.example', 'Eve', 'admin')",
    "invitations' codes": "SELECT token_hash FROM invitations",
    "mail to anybody": "INSERT INTO outbox (tenant_id, kind, key, recipient) VALUES ('{one}', 'welcome', 'k', 'victim@elsewhere.example')",
    "others' mail": "SELECT recipient FROM outbox",
    "silence": "INSERT INTO clones (tenant_id, salt, classification, state) VALUES ('{one}', 's', 'c', 'ready')",
    "an open move": "INSERT INTO moves (id, tenant_id, source, target, keep) VALUES (gen_random_uuid(), '{one}', '{{}}', '{{}}', '1 day')",
    "an open restore": "INSERT INTO restores (tenant_id, id, backup_id, state) VALUES ('{one}', 'r', 'b', 'running')",
    "a host of one's own": "INSERT INTO tenant_domains (host, tenant_id, kind, status)"
    " VALUES ('portal.bank.example', '{one}', 'custom', 'active')",
    "whether a host is taken": "INSERT INTO tenant_domains (host, tenant_id, kind, status)"
    " VALUES ('neighbour.x.example', '{one}', 'custom', 'pending')",
    "a host made active": "UPDATE tenant_domains SET status = 'active'",
    "a value past the checks": "UPDATE tenant_configurations SET config_value = '\"x\"'",
    "whether a slug is taken": "SELECT slug FROM tenants",
    "a tenant's state": "UPDATE tenants SET state = 'active'",
    "the queue": "SELECT dbos.enqueue_workflow('runs', 'run', 'x')",
    "a user of another tenant": "INSERT INTO users (tenant_id, email, name, role) VALUES ('{other}', 'e@x.example', 'Eve', 'admin')",
    "a user moved": "UPDATE users SET tenant_id = '{other}'",
    "users held back from everybody": "LOCK TABLE users IN ACCESS EXCLUSIVE MODE",
    "settings held back": "LOCK TABLE user_settings IN SHARE MODE",
    "hosts held back": "LOCK TABLE tenant_domains IN ROW EXCLUSIVE MODE",
    "all users": "DELETE FROM users",
    "a table emptied": "TRUNCATE users CASCADE",
    "the triggers off": "ALTER TABLE users DISABLE TRIGGER ALL",
    "the owner": "SET ROLE tenantry__owner",
    "the triggers' function": "SELECT configuring('features.exports', gen_random_uuid())",
    "who may change what": "INSERT INTO application_keys VALUES ('limits.users', 'boolean')",
    "a function that hides ours": "CREATE FUNCTION control.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
    "a table that hides ours": "CREATE TEMPORARY TABLE users (id uuid)",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_application_is_refused(app, attack):
    """Each attack of the audit and its like, typed as the application in its tenant's context: refused by PostgreSQL, by privilege."""
    app.execute("SET SESSION AUTHORIZATION tenantry__app")
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            app.execute(ATTACKS[attack].format(one=ONE, other=OTHER))
    finally:
        app.rollback()
        app.execute("RESET SESSION AUTHORIZATION")


def user(app, email="bea@x.example", role="admin"):
    return app.execute(
        "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, %s, 'Bea', %s) RETURNING id", [ONE, email, role]
    ).fetchone()[0]


def lines(admin_connection, query):
    """What the owner sees, in the application's own open transaction."""
    admin_connection.execute("RESET ROLE")
    found = admin_connection.execute(query).fetchall()
    admin_connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP)))
    return found


def test_people_are_looked_after_and_each_change_is_noted(app):
    """Added, given a role, another address, removed: four lines by ids, whatever the session says about itself; settings need none."""
    app.execute("SELECT set_config('tenantry.actor', 'mallory', true), set_config('tenantry.run_id', gen_random_uuid()::text, true)")
    one = user(app, role="member")
    app.execute("INSERT INTO user_settings VALUES (%s, %s, 'language', '\"de\"')", [ONE, one])
    app.execute("UPDATE user_settings SET setting_value = '\"en\"'")
    app.execute("UPDATE users SET role = 'admin'")
    app.execute("UPDATE users SET name = 'B.'")
    app.execute("UPDATE users SET email = 'b@x.example'")
    assert app.execute("SELECT remove_user_setting(%s, 'language'), remove_user_setting(%s, 'language')", [one, one]).fetchone() == (
        True,
        False,
    )
    assert app.execute("SELECT remove_user(%s), remove_user(%s), remove_user(%s)", [one, one, OTHER]).fetchone() == (True, False, False)
    noted = lines(app, f"SELECT actor, outcome, run_id FROM audit_log WHERE tenant_id = '{ONE}' ORDER BY id")
    assert noted == [
        (APP, f"{one} added, member", None),
        (APP, f"{one}, now admin", None),
        (APP, f"{one}, another address", None),
        (APP, f"{one} removed", None),
    ]


def test_the_platforms_own_work_on_users_is_not_noted_twice(admin):
    """A restore exchanges a tenant's people; its run is the record of that."""
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'p@x.example', 'P', 'member')", [ONE])
        connection.execute("DELETE FROM users WHERE email = 'p@x.example'")
        assert connection.execute("SELECT count(*) AS n FROM audit_log WHERE tenant_id = %s", [ONE]).fetchone() == {"n": 0}


def test_configuration_changes_by_a_function_that_checks(app):
    """A tenant's administrator, his keys, right values; the history names him and no other, whatever the session claims."""
    one, member = user(app), user(app, "m@x.example", "member")
    app.execute("SELECT set_config('tenantry.actor', 'mallory', true), set_config('tenantry.run_id', gen_random_uuid()::text, true)")
    app.execute("SELECT set_configuration('features.exports', 'false', %s)", [one])
    app.execute("SELECT set_configuration('theme.primary', '\"#112233\"', %s)", [one])
    assert app.execute("SELECT config_value FROM tenant_configurations WHERE config_key = 'features.exports'").fetchone() == (False,)
    app.execute("SELECT unset_configuration('features.exports', %s)", [one])
    assert app.execute("SELECT config_value FROM tenant_configurations WHERE config_key = 'features.exports'").fetchone() == (True,)
    noted = lines(app, f"SELECT config_key, new_value, changed_by, run_id FROM tenant_configuration_history"
                       f" WHERE tenant_id = '{ONE}' ORDER BY change_id DESC LIMIT 3")  # fmt: skip
    by = f"{APP}: {one}"
    assert noted == [("features.exports", True, by, None), ("theme.primary", "#112233", by, None), ("features.exports", False, by, None)]
    for key, value, who in (
        ("limits.users", "1000", one), ("features.sso", "true", one), ("theme.css", '"a{}"', one), ("branding.logo", '"x.svg"', one),
        ("made.up", "1", one), (None, "1", one), ("features.exports", '"yes"', one), ("features.exports", "null", one),
        ("theme.primary", '"red"', one), ("theme.primary", '"#112233;}"', one), ("theme.primary", "7", one), ("theme.primary", None, one),
        ("features.exports", "true", member), ("features.exports", "true", OTHER), ("features.exports", "true", None),
    ):  # fmt: skip
        with pytest.raises((errors.InvalidParameterValue, errors.InsufficientPrivilege)), app.transaction():
            app.execute("SELECT set_configuration(%s, %s, %s)", [key, value, who])


def test_the_keys_are_those_of_the_declaration(admin):
    """Administrators' keys of a type that SQL can check, no others."""
    found = admin.execute("SELECT config_key FROM control.application_keys").fetchall()
    assert {key for (key,) in found} == {
        key.key for key in CONFIGURATION_KEYS.values() if key.editor == "tenant_admin" and key.runtime and key.type in ("boolean", "colour")
    }
    assert ("features.exports",) in found
    assert ("features.sso",) not in found


def test_an_invitation_is_accepted_once_by_its_code_alone(app, admin):
    """Right code: a user with the invitation's role and address. Wrong, used, expired, revoked, another's: one refusal."""

    def invited(tenant, **columns):
        admin.execute(
            "UPDATE control.invitations SET token_hash = %s, expires_at = coalesce(%s, now() + interval '1 day'), revoked_at = %s,"
            " accepted_at = NULL WHERE tenant_id = %s",
            [hashlib.sha256(TOKEN.encode()).digest(), columns.get("expires_at"), columns.get("revoked_at"), tenant],
        )

    def refused(token=TOKEN, name="Ada Byron"):
        with pytest.raises(errors.NoDataFound, match="no open invitation of this tenant has that code"), app.transaction():
            app.execute("SELECT accept_invitation(%s, %s)", [token, name])

    invited(ONE)
    refused("another")
    refused(None)
    for name in ("", " Ada", "A" * 101, "=?utf-8?q?x?=", "Ada\r\nBcc: x", "\u202eada", None):
        with pytest.raises(errors.InvalidParameterValue), app.transaction():
            app.execute("SELECT accept_invitation(%s, %s)", [TOKEN, name])
    made = app.execute("SELECT accept_invitation(%s, 'Ada Byron')", [TOKEN]).fetchone()[0]
    assert app.execute("SELECT id, email, name, role FROM users").fetchall() == [(made, "ada@privileged.example", "Ada Byron", "admin")]
    noted = lines(app, f"SELECT action, actor, outcome FROM audit_log WHERE tenant_id = '{ONE}' ORDER BY id")
    assert noted[0] == ("user", APP, f"{made} added, admin")
    assert noted[1][:2] == ("invitation", APP)
    assert noted[1][2].endswith(f" accepted by {made}, admin")
    assert len(noted) == 2
    assert app.execute("SELECT setting_key, setting_value FROM user_settings ORDER BY 1").fetchall() == [
        ("email_notifications", True),
        ("locale", "en"),
        ("time_zone", "UTC"),
    ]
    app.execute('UPDATE users SET profile = \'{"title": "Countess"}\' WHERE id = %s', [made])
    refused()
    app.rollback()
    for columns in ({"expires_at": "2020-01-01"}, {"revoked_at": "2020-01-01"}):
        invited(ONE, **columns)
        refused()
        app.rollback()
    invited(ONE, revoked_at="2020-01-01")
    admin.execute("UPDATE control.invitations SET token_hash = NULL WHERE tenant_id = %s", [ONE])
    invited(OTHER)
    refused()
    app.rollback()
    for state in ("suspended", "offboarding"):
        admin.execute("UPDATE control.tenants SET state = %s WHERE id = %s", [state, ONE])
        try:
            with pytest.raises(errors.InsufficientPrivilege), app.transaction():
                app.execute("SELECT accept_invitation(%s, 'Ada')", [TOKEN])
        finally:
            admin.execute("UPDATE control.tenants SET state = 'active' WHERE id = %s", [ONE])


def test_mail_goes_to_users_with_links_to_the_tenants_hosts_only(app):
    """One row for an event, addressed by id; another's key, kind, placeholder or link is refused, and the hundredth mail is the last."""
    one = user(app)
    tour = json.dumps({"tour_url": "https://privileged.x.example/tour"})
    first = app.execute("SELECT queue_mail('welcome', %s, 'accepted', %s)", [one, tour]).fetchone()
    assert app.execute("SELECT queue_mail('welcome', %s, 'accepted', %s)", [one, tour]).fetchone() == first
    row = lines(app, f"SELECT key, recipient, parameters FROM outbox WHERE id = '{first[0]}'")
    assert row == [("application:welcome:accepted", "bea@x.example", {"user_name": "Bea", **json.loads(tour)})]
    assert json.loads(tour).keys() <= TEMPLATES["welcome"].placeholders.keys()
    for kind, who, event, parameters in (
        ("invitation", one, "e", {}), ("suspended", one, "e", {}), (None, one, "e", {}),
        ("welcome", OTHER, "e", {}), ("welcome", None, "e", {}),
        ("welcome", one, "", {}), ("welcome", one, "e\n", {}), ("welcome", one, None, {}), ("welcome", one, "e" * 201, {}),
        ("welcome", one, "e", {"user_name": "x"}), ("welcome", one, "e", {"user_email": "x"}),
        ("welcome", one, "e", {"invitation_id": "x"}),
        ("welcome", one, "e", {"app_name": "Bank"}), ("welcome", one, "e", []), ("welcome", one, "e", {"tour_url": None}),
        *(("welcome", one, "e", {"tour_url": link}) for link in (
            "https://evil.example/", "http://privileged.x.example/", "https://privileged.x.example",
            "https://privileged.x.example.evil.example/",
            "https://privileged.x.example@evil.example/", "https://neighbour.x.example/",
            "https://privileged.x.example/\r\nBcc: x", "/tour",
            "https://privileged.x.example/" + "a" * 500,
        )),
    ):  # fmt: skip
        with pytest.raises((errors.InvalidParameterValue, errors.NoDataFound)), app.transaction():
            app.execute("SELECT queue_mail(%s, %s, %s, %s)", [kind, who, event, json.dumps(parameters)])
    app.execute("SELECT queue_mail('welcome', %s, n::text) FROM generate_series(1, 99) n", [one])
    with pytest.raises(errors.ProgramLimitExceeded), app.transaction():
        app.execute("SELECT queue_mail('welcome', %s, 'one more')", [one])


@pytest.mark.parametrize("context", ["", str(naming.tenant_id("nobody"))])
def test_without_a_tenant_the_functions_do_nothing(app, context):
    """No context, or that of nobody: refused by all of them; and the tables show nothing."""
    app.execute("SELECT set_config('app.tenant_id', %s, true)", [context])
    for call in (
        "set_configuration('features.exports', 'true', gen_random_uuid())", "unset_configuration('features.exports', gen_random_uuid())",
        "remove_user(gen_random_uuid())", "remove_user_setting(gen_random_uuid(), 'x')", "accept_invitation('x', 'Ada')",
        "queue_mail('welcome', gen_random_uuid(), 'e')",
    ):  # fmt: skip
        with pytest.raises(errors.InsufficientPrivilege, match="no active tenant"), app.transaction():
            app.execute(f"SELECT {call}")
    for table in ("users", "user_settings"):
        assert app.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone() == (0,)
