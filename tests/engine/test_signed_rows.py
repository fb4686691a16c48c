"""A tenant whose rows open to signed contexts only, through its life: turned on, found damaged, suspended, backed up, moved, removed."""

from __future__ import annotations

import json

import psycopg
import pytest

from tenantry import naming, tenant_token

pytestmark = pytest.mark.engine

SECRET = naming.context_key("tenantry-dev", "main")


@pytest.fixture(scope="module")
def platform(sandbox):
    """Two tenants in one cell's shared tables, and one in a schema, as a platform has them that knows nothing of signed contexts."""
    for slug, isolation in (("open-one", "rls"), ("safe-one", "rls"), ("late-one", "schema")):
        sandbox.declare(slug, isolation=isolation)
    sandbox.up()
    for slug in ("open-one", "safe-one", "late-one"):
        with sandbox.as_tenant(slug) as connection:
            connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'u@x.example', %s)", [naming.tenant_id(slug), f"canary of {slug}"]
            )
    return sandbox


def secret(platform):
    return platform.aws("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]


def names(platform, slug, *, signed):
    """The rows that the application sees in the tenant's context, or the refusal."""
    with platform.as_tenant(slug) as connection, connection.transaction():
        token = platform.signing_key("main").token(naming.tenant_id(slug)) if signed else ""
        tenant_token.enter(connection, naming.tenant_id(slug), token)
        try:
            return [row[0] for row in connection.execute("SELECT name FROM users")]
        except psycopg.errors.InsufficientPrivilege as error:
            return str(error).splitlines()[0]


def canary(slug):
    return [f"canary of {slug}"]


def test_an_edit_and_a_run_turn_it_on_for_one_tenant(platform):
    """Its rows are shut to a plain context from then on; its neighbour's, in the same tables, are not. No state holds the key."""
    assert names(platform, "safe-one", signed=False) == canary("safe-one")
    platform.declare("safe-one", row_context="signed")
    assert platform.up("--stack", "shared")["shared"] == {"create": 1, "change": 1}
    assert platform.up("--stack", "shared", "--refresh")["shared"] == {}
    assert names(platform, "safe-one", signed=False) == []
    assert names(platform, "safe-one", signed=True) == canary("safe-one")
    assert names(platform, "open-one", signed=False) == names(platform, "open-one", signed=True) == canary("open-one")
    key = json.loads(secret(platform))["key"]
    exported = platform.pulumi("stack", "export", "-s", "shared", "--show-secrets").stdout
    assert SECRET in exported
    assert key not in exported
    assert "row contexts: main: key" in platform.tenantry("doctor", check=False).stdout.replace("  ", " ")


def test_a_refresh_finds_what_was_taken_away(platform):
    """The list, and the function's own guards."""
    with platform.sql("cell_main") as admin:
        admin.execute("DELETE FROM tenantry_context.signed_tenants")
        admin.execute("GRANT SELECT ON tenantry_context.keys TO cell_main__app")
    assert platform.up("--stack", "shared", "--refresh")["shared"] == {"create": 1, "change": 1}
    assert names(platform, "safe-one", signed=False) == []
    with platform.sql("cell_main") as admin:
        assert admin.execute("SELECT has_table_privilege('cell_main__app', 'tenantry_context.keys', 'SELECT')").fetchone() == (False,)


def test_suspended_its_tokens_open_nothing(platform):
    """What a plain rls tenant's suspension leaves to the application is PostgreSQL's here."""
    platform.tenantry("suspend", "safe-one")
    assert "the tenant is suspended" in names(platform, "safe-one", signed=True)
    platform.tenantry("reactivate", "safe-one")
    assert names(platform, "safe-one", signed=True) == canary("safe-one")


def test_backups_and_restores_pass(platform):
    """The platform logs in as a member of the tables' owner; what it brings back is shut as before."""
    platform.tenantry("backup", "safe-one")
    found = json.loads(platform.tenantry("backup", "list", "safe-one", "--json").stdout)
    platform.tenantry("backup", "verify", found[0]["id"])
    with platform.sql("cell_main") as admin:
        admin.execute("UPDATE shared.users SET name = 'lost' WHERE tenant_id = %s", [naming.tenant_id("safe-one")])
    platform.tenantry("restore", "safe-one", "--from", found[0]["id"])
    assert names(platform, "safe-one", signed=True) == canary("safe-one")
    assert names(platform, "safe-one", signed=False) == []


def test_copies_of_it_are_no_weaker(platform):
    """A clone, and a restore as a new tenant: their files say it too, though no tier does."""
    found = json.loads(platform.tenantry("backup", "list", "safe-one", "--json").stdout)
    platform.tenantry("restore", "safe-one", "--from", found[0]["id"], "--as", "second-one")
    platform.tenantry("clone", "safe-one", "--as", "third-one")
    for slug in ("second-one", "third-one"):
        assert "\nrow_context: signed\n" in (platform.tenants / f"{slug}.yaml").read_text()
        assert names(platform, slug, signed=False) == []
        assert len(names(platform, slug, signed=True)) == 1


def test_rows_that_move_in_are_shut_before_the_first_arrives(platform):
    """From a schema to shared tables: the tenant is on the list when the copy begins, and off it when all is taken back."""
    platform.declare("late-one", isolation="schema", row_context="signed")
    assert names(platform, "late-one", signed=False) == canary("late-one"), "tables of its own need no token"
    moved = platform.tenantry("move", "late-one", "--to", "rls")
    assert "shared: 1 create" in moved.stdout + moved.stderr
    assert names(platform, "late-one", signed=False) == []
    assert names(platform, "late-one", signed=True) == canary("late-one")
    platform.tenantry("move", "late-one", "--rollback")
    assert names(platform, "late-one", signed=False) == canary("late-one")
    platform.up("--stack", "shared")
    with platform.sql("cell_main") as admin:
        listed = {row[0] for row in admin.execute("SELECT tenant_id FROM tenantry_context.signed_tenants")}
    assert naming.tenant_id("safe-one") in listed
    assert naming.tenant_id("late-one") not in listed


def test_a_new_key_by_command(platform):
    """Old tokens are refused, new ones are not."""
    old = platform.signing_key("main")
    said = json.loads(platform.tenantry("row-context", "rotate", "main", "--overlap", "0m", "--json").stdout)
    assert said["key"] == json.loads(secret(platform))["id"] != old.id
    assert names(platform, "safe-one", signed=True) == canary("safe-one")


def test_turned_off_again_and_removed(platform):
    """The edit back opens it to plain contexts; removed, nothing of it stays."""
    platform.declare("safe-one", row_context="plain")
    assert platform.up("--stack", "shared")["shared"] == {"remove": 1}  # the function stays: its copies are signed still
    assert names(platform, "safe-one", signed=False) == canary("safe-one")
    platform.declare("safe-one", row_context="signed")
    platform.up("--stack", "shared")
    platform.remove("safe-one", row_context="signed")
    with platform.sql("cell_main") as admin:
        listed = {row[0] for row in admin.execute("SELECT tenant_id FROM tenantry_context.signed_tenants")}
        assert naming.tenant_id("safe-one") not in listed
        assert admin.execute("SELECT count(*) FROM shared.users WHERE tenant_id = %s", [naming.tenant_id("safe-one")]).fetchone() == (0,)
