"""Every isolation model on the real engine and a real PostgreSQL: created, unchanged, changed, refreshed, removed."""

from __future__ import annotations

import json
import subprocess

import psycopg
import pytest
from psycopg.rows import dict_row

from tenantry import naming
from tenantry.postgres.login_limits import SETTINGS
from tests.engine import logins

pytestmark = pytest.mark.engine

MODELS = ("rls", "schema", "database", "instance")
SLUG = {model: f"t-{model}" for model in MODELS}


@pytest.fixture(scope="module")
def platform(sandbox):
    for model, slug in SLUG.items():
        sandbox.declare(slug, isolation=model, tier="enterprise" if model in ("database", "instance") else "starter")
    sandbox.up()
    return sandbox


def test_a_second_up_changes_nothing(platform):
    """What is as declared stays untouched, in every stack."""
    assert platform.up() == {"shared": {}, "t-database": {}, "t-instance": {}}


@pytest.mark.parametrize("model", MODELS)
def test_the_application_can_work_in_its_store(platform, model):
    """With the credentials that the stack gives out, the application writes and reads its tenant's rows."""
    tenant_id = naming.tenant_id(SLUG[model])
    with platform.as_tenant(SLUG[model]) as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'a@b.example', 'A')", [tenant_id])
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
        connection.execute("DELETE FROM users")


@pytest.mark.parametrize("model", MODELS)
def test_a_developer_is_told_how_to_connect(platform, model):
    """What `credentials` prints connects by itself, in the tenant's context; the password only where asked for; it is logged."""
    slug = SLUG[model]
    shown = platform.tenantry("credentials", slug).stdout
    found = json.loads(platform.tenantry("credentials", slug, "--json").stdout)
    assert found["password"] not in shown
    assert (found["tenant_id"], found["schema"], found["isolation"]) == (str(naming.tenant_id(slug)), found["schema"], model)
    variables = platform.tenantry("credentials", slug, "--env").stdout
    query = "SELECT current_setting('app.tenant_id'), current_schema, to_regclass('users') IS NOT NULL"
    script = f'{variables}\npsql -XAtc "{query}"'
    printed = subprocess.run(["bash", "-c", script], env=platform.environment, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == f"{found['tenant_id']}|{found['schema']}|t"
    with psycopg.connect(platform.tenantry("credentials", slug, "--dsn").stdout.strip()) as connection:
        assert connection.execute(query).fetchone() == (found["tenant_id"], found["schema"], True)
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        logged = "SELECT count(*) FROM control.audit_log WHERE tenant_id = %s AND action = 'read credentials'"
        assert admin.execute(logged, [found["tenant_id"]]).fetchone() == (4,)
    refused = platform.tenantry("credentials", slug, "--env", "--dsn", check=False)
    assert (refused.returncode, found["password"] in refused.stdout) == (2, False)


@pytest.mark.parametrize("model", MODELS)
def test_the_registry_says_where_the_tenant_lives(platform, model):
    """Registry row, configuration rows and the administrator's invitation are there for every model."""
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        row = admin.execute("SELECT isolation, state, id FROM control.tenants WHERE slug = %s", [SLUG[model]]).fetchone()
        assert row is not None
        assert row[:2] == (model, "active")
        assert admin.execute("SELECT count(*) > 20 FROM control.tenant_configurations WHERE tenant_id = %s", [row[2]]).fetchone() == (True,)
        invitation = admin.execute(
            "SELECT email, token_hash IS NOT NULL FROM control.invitations WHERE tenant_id = %s", [row[2]]
        ).fetchone()
        # No link: nobody was there to read it when the platform was made.
        assert invitation == (f"ada@{SLUG[model]}.example", False)


def test_application_roles_can_neither_own_nor_bypass(platform):
    """No application role owns anything, is a superuser, or bypasses row-level security."""
    with platform.sql("cell_main") as admin:
        rows = admin.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
            " (SELECT count(*) FROM pg_class WHERE relowner = r.oid)"
            r" FROM pg_roles r WHERE rolname ~ '__(app|directory)$' ORDER BY rolname"
        ).fetchall()
    assert [row[0] for row in rows] == ["cell_main__app", "t_t_database__app", "t_t_schema__app", "tenantry__app", "tenantry__directory"]
    assert {row[1:] for row in rows} == {(False, False, False, False, False, 0)}


def test_every_login_may_do_exactly_what_is_written_down(platform):
    """All logins, all databases of their server, and there every schema, table, verb, column, sequence and function: the file's list."""
    passwords = logins.passwords(platform)
    assert sorted(passwords) == sorted(logins.ALLOWED)
    for login, password in passwords.items():
        sessions = logins.sessions_of(platform, login, password, logins.databases(platform, login))
        assert [name for name, session in sessions.items() if session] == logins.ALLOWED[login]["connect"], login
        (home,) = filter(None, sessions.values())
        with home:
            assert logins.settings_of(home) == SETTINGS, login
            assert logins.refusals(home, login) == [], login
            if login != naming.CONTROL_APP:  # of whose tables tests/service/test_control_privileges.py has the list
                assert logins.found_rights(home) == logins.allowed_rights(login), login


@pytest.mark.parametrize("model", MODELS)
def test_what_a_look_up_of_the_host_says_connects(platform, model):
    """With the directory's password, which the stack hands out; and that of the role, whatever stack it is from."""
    passwords = logins.passwords(platform)
    with platform.sql(naming.CONTROL_DATABASE, user=naming.CONTROL_DIRECTORY, password=passwords[naming.CONTROL_DIRECTORY]) as directory:
        directory.row_factory = dict_row
        found = directory.execute("SELECT * FROM tenant_by_host(%s)", [f"{SLUG[model]}.tenantry.example"]).fetchone()
    assert found is not None
    assert found["state"] == "active"
    assert (found["address"] is not None) == (model == "instance")
    at = {"host": found["address"] or platform.environment["PGHOST"], "port": found["port"] or int(platform.environment["PGPORT"])}
    with psycopg.connect(**at, user=found["role"], password=passwords[found["role"]], dbname=found["database"]) as connection:
        setting = "SELECT set_config('app.tenant_id', %s, true), set_config('search_path', %s, true)"
        connection.execute(setting, [str(found["id"]), found["schema"]])
        assert connection.execute("SELECT count(*) FROM users").fetchone() is not None


def test_no_login_takes_the_servers_last_connections(platform):
    """Each has a limit, and the largest leaves room for the others."""
    with platform.sql() as admin:
        limits = dict(admin.execute(r"SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname ~ '__(app|directory)$'").fetchall())
        (most,) = admin.execute("SELECT current_setting('max_connections')::int").fetchone()
    assert set(limits) == {"cell_main__app", "t_t_database__app", "t_t_schema__app", "tenantry__app", "tenantry__directory"}
    assert all(0 < limit <= most - 20 for limit in limits.values()), limits


def test_a_login_that_changed_itself_is_named_mended_and_works_again(platform):
    """Password, settings that stop every session and the refresh, a role's powers, another database: doctor says each, `up` ends each."""
    login = naming.tenant_app(SLUG["schema"])
    with platform.as_tenant(SLUG["schema"]) as mine:
        for change in (
            f"ALTER ROLE {login} SET default_transaction_read_only = on",
            f"ALTER ROLE {login} SET statement_timeout = '1ms'",
            f"ALTER ROLE {login} IN DATABASE cell_main SET lock_timeout = '1ms'",
            f"ALTER ROLE {login} IN DATABASE cell_main SET search_path = nowhere",
            f"ALTER ROLE {login} PASSWORD 'my own'",
        ):
            mine.execute(change)
    with platform.sql() as admin:
        for change in (
            "GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC",
            "GRANT CONNECT ON DATABASE template1 TO PUBLIC",
            "GRANT CONNECT ON DATABASE cell_main TO PUBLIC",
            f"GRANT CONNECT ON DATABASE tenantry_template TO {login}",
            f"GRANT CONNECT ON DATABASE t_t_database TO {login}",
            f"GRANT TEMPORARY ON DATABASE cell_main TO {login}",
            f"GRANT pg_read_all_data TO {login}",
        ):
            admin.execute(change)
    with platform.sql("cell_main") as admin:
        admin.execute("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC")
    said = platform.tenantry("doctor", "--json", check=False).stdout
    (check,) = [check for check in json.loads(said) if check["check"] == "logins"]
    assert not check["ok"]
    assert login in check["found"]
    platform.up("--stack", "shared", "--refresh")
    assert platform.up("--stack", "shared", "--refresh")["shared"] == {}
    said = platform.tenantry("doctor", "--json", check=False).stdout
    (check,) = [check for check in json.loads(said) if check["check"] == "logins"]
    assert check["ok"], check
    test_every_login_may_do_exactly_what_is_written_down(platform)


def handed_out(platform, **variables):
    """What doctor says of what the stacks hand out."""
    said = platform.tenantry("doctor", "--json", check=False, **variables).stdout
    assert not [password for password in logins.passwords(platform).values() if password in said]
    (check,) = [check for check in json.loads(said) if check["check"] == "handed out"]
    return check


def test_every_password_is_as_it_is_handed_out_or_doctor_names_it_and_refresh_gives_it_back(platform):
    """Of a cell, a schema, a database and a server; the control database's is handed out to nobody, and given back, too."""
    assert handed_out(platform)["found"] == "5 logins of 3 stacks get in"
    changed = ["cell_main__app", *(naming.tenant_app(slug) for model, slug in SLUG.items() if model != "rls")]
    for role in (*changed, naming.CONTROL_APP):
        with platform.sql(port=platform.port(logins.own_server(role)), **logins.administrator(platform, role)) as admin:
            admin.execute(f"ALTER ROLE {role} PASSWORD 'another'")
    check = handed_out(platform)
    assert not check["ok"]
    assert all(role in check["found"] for role in changed), check
    assert check["hint"] == "tenantry up --all --refresh gives it back"
    platform.up("--all", "--refresh")
    assert handed_out(platform)["ok"]
    with platform.sql(naming.CONTROL_DATABASE, user=naming.CONTROL_APP, password=logins.passwords(platform)[naming.CONTROL_APP]):
        pass


def test_doctor_reads_a_secret_of_each_state(platform):
    """Whoever may not use the stacks' key is told so before `up` falls over it; of a passphrase: test_secrets.py."""
    wrong = handed_out(platform, AWS_SECRET_ACCESS_KEY="wrong")
    assert not wrong["ok"]
    assert wrong["found"].startswith("the secrets of the stack shared (and of 2 more) cannot be read: ")
    assert "KMS" in wrong["found"]
    assert "tenantry:secretsProvider" in wrong["hint"]


def test_a_changed_file_changes_just_that(platform):
    """A new name and colour reach the registry, the configuration and the style sheet, and nothing is replaced."""
    platform.declare(SLUG["rls"], isolation="rls", name="Changed Ltd", theme={"primary": "#123456"})
    changes = platform.up("--stack", "shared")["shared"]
    assert set(changes) == {"change"}
    body = platform.s3().get_object(Bucket="tenantry-dev-main", Key=f"tenants/{SLUG['rls']}/branding/theme.css")["Body"].read().decode()
    assert "--color-primary: #123456;" in body
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        assert admin.execute("SELECT name FROM control.tenants WHERE slug = %s", [SLUG["rls"]]).fetchone() == ("Changed Ltd",)
        history = admin.execute(
            "SELECT new_value FROM control.tenant_configuration_history WHERE config_key = 'theme.primary' AND old_value IS NOT NULL"
        ).fetchall()
    assert history == [("#123456",)]


@pytest.mark.parametrize(
    ("database", "damage"),
    [
        ("cell_main", "DROP POLICY tenant_isolation ON shared.documents"),
        ("cell_main", "ALTER TABLE shared.users NO FORCE ROW LEVEL SECURITY"),
        ("cell_main", "ALTER TABLE t_t_schema.users DISABLE ROW LEVEL SECURITY"),
        ("cell_main", "ALTER POLICY tenant_isolation ON shared.users WITH CHECK (true)"),
        ("cell_main", "GRANT TRUNCATE ON shared.documents TO cell_main__app"),
        ("tenantry", "DROP POLICY tenant_isolation ON control.tenant_configurations"),
        (
            "tenantry",
            "GRANT UPDATE (token_hash) ON control.invitations TO tenantry__app; REVOKE SELECT ON control.users FROM tenantry__app",
        ),
        ("tenantry", "DELETE FROM control.tenant_configurations WHERE config_key = 'theme.font'"),
    ],
)
def test_refresh_sees_damage_and_up_mends_it(platform, database, damage):
    """Every weakened policy, flag or grant, and every lost row, is noticed by a refresh and put right by the same run."""
    with platform.sql(database) as admin:
        admin.execute(damage)
    assert platform.up("--stack", "shared", "--refresh")["shared"].get("change"), "nothing was mended"
    assert platform.up("--stack", "shared", "--refresh")["shared"] == {}


@pytest.mark.parametrize("model", MODELS)
def test_removal_takes_everything_of_the_tenant_and_nothing_else(platform, model):
    """offboarding, released, then deleted: role, schema, database, server, objects and rows go; the other tenants' stay."""
    slug = SLUG[model]
    names = {naming.tenant_app(slug), naming.tenant_owner(slug), naming.tenant_database(slug)}
    fields = {"isolation": model, "tier": "enterprise" if model in ("database", "instance") else "starter"}
    platform.remove(slug, **fields)
    with platform.sql("cell_main") as admin:
        assert not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = ANY(%s)", [list(names)]).fetchone()
        assert not admin.execute("SELECT 1 FROM pg_database WHERE datname = ANY(%s)", [list(names)]).fetchone()
        assert not admin.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [naming.tenant_schema(slug)]).fetchone()
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        assert admin.execute("SELECT state FROM control.tenants WHERE slug = %s", [slug]).fetchone() == ("deleted",)
        assert admin.execute(
            "SELECT count(*) FROM control.tenant_domains d JOIN control.tenants t ON t.id = d.tenant_id WHERE slug = %s", [slug]
        ).fetchone() == (0,)
    listed = platform.s3().list_objects_v2(Bucket="tenantry-dev-main", Prefix=f"tenants/{slug}/")
    assert listed["KeyCount"] == 0
    assert not (platform.cloud.home.instances / naming.server_identifier("tenantry-dev", slug)).exists()
    platform.remove_file(slug)
    if any(platform.tenants.glob("*.yaml")):
        assert all(changes == {} for changes in platform.up().values())
