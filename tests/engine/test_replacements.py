"""`--replace`, `state taint` and a state that lost something: everything stands as it stood, or it was refused before anything."""

from __future__ import annotations

import re
import shlex
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.backend.replacement import ANSWERS
from tests.engine.conftest import Sandbox

pytestmark = pytest.mark.engine

STACKS = ("shared", "acme")
TENANTS = ("plain", "safe", "quill", "acme")
HOST = "shop.quill.example"
NEVER = {
    "shared": ("platform-edge-wildcard", "platform-bucket-assets-role", "platform-backups", "quill-db-schema", f"quill-domain-{HOST}"),
    "acme": ("acme-db-database", "acme-domain-record"),
}
"""One of each type that has data or a name, none of which depends on another of them."""
ZONE = "7e4a9d0c51b34f6f8a2d3c9b1e6075aa"
OTHERWISE = ("updated_at", "made_by", "configured_by", "applied_at")
"""Columns that say when and by which resource; all else stays."""


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Sandbox:
    """A cell with tenants of every kind that it has, and one with a database of its own; each has rows."""
    sandbox.declare("plain")
    sandbox.declare("safe", row_context="signed")
    sandbox.declare("quill", isolation="schema", domains=[HOST])
    sandbox.declare("acme", isolation="database", domains=["portal.acme.example"])
    sandbox.up()
    for slug in TENANTS:
        with sandbox.as_tenant(slug) as connection:
            connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (current_setting('app.tenant_id')::uuid, %s, 'A')", ["a@x.example"]
            )
    return sandbox


def urns(platform: Sandbox, stack: str, *answers: str) -> dict[str, str]:
    """Logical name → URN of the resources of the stack whose type's answer is one of these."""
    resources = [each for each in platform.state(stack)["resources"] if each.get("custom") and not each["type"].startswith("pulumi:")]
    return {each["urn"].rsplit("::", 1)[1]: each["urn"] for each in resources if ANSWERS[each["type"]] in answers}


def tables(connection: psycopg.Connection) -> dict[str, Any]:
    """Every table's rows, and who may do what with it."""
    found: dict[str, Any] = {}
    names = connection.execute(
        "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner),"
        " ARRAY(SELECT a::text FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) a ORDER BY 1) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema|dbos)'"
    ).fetchall()
    for schema, table, *rights in names:
        query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, table))
        rows = connection.execute(query, [list(OTHERWISE)]).fetchall()
        found[f"{schema}.{table}"] = (rights, rows)
    return found


def standing(platform: Sandbox) -> dict[str, Any]:
    """What there is: rows, roles, databases, ledger, buckets with all their settings, objects, certificates, DNS and host names."""
    found: dict[str, Any] = {}
    with platform.sql() as admin:
        # With their ids; the template is made anew, with its owner.
        roles = "SELECT to_jsonb(r) - 'rolpassword' FROM pg_roles r WHERE rolname <> %s ORDER BY rolname"
        found["roles"] = admin.execute(roles, [naming.TEMPLATE_OWNER]).fetchall()
        rights = "ARRAY(SELECT right_::text FROM unnest(datacl) AS right_ ORDER BY 1)"  # who is granted something anew comes last
        found["databases"] = admin.execute(f"SELECT datname, pg_get_userbyid(datdba), {rights} FROM pg_database ORDER BY 1").fetchall()
        found["claims"] = admin.execute("SELECT kind, name, stack, tenant, wanted FROM tenantry_ledger.claims ORDER BY 1, 2").fetchall()
        found["ledger"] = admin.execute("SELECT slug, stack, isolation, cell, state FROM tenantry_ledger.tenants ORDER BY 1").fetchall()
    for database in (naming.CONTROL_DATABASE, naming.cell_database("main"), naming.tenant_database("acme")):
        with platform.sql(database) as connection:
            found[database] = tables(connection)
    s3, iam, acm = platform.s3(), platform.aws("iam"), platform.aws("acm")
    for bucket in (naming.bucket("tenantry-dev", "main"), naming.backup_bucket("tenantry-dev")):
        for part in ("policy", "versioning", "encryption", "lifecycle_configuration", "ownership_controls"):
            found[f"{bucket} {part}"] = _answer(getattr(s3, f"get_bucket_{part}"), Bucket=bucket)
        found[f"{bucket} private"] = _answer(s3.get_public_access_block, Bucket=bucket)
        found[f"{bucket} objects"] = {
            each["Key"]: (each["ETag"], s3.head_object(Bucket=bucket, Key=each["Key"])["ContentType"])
            for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        }
    role = naming.assets_role("tenantry-dev", "main")
    found["role"] = iam.get_role(RoleName=role)["Role"]["RoleId"]
    found["role policy"] = iam.get_role_policy(RoleName=role, PolicyName="one-tenant-prefix")["PolicyDocument"]
    found["certificates"] = [each["DomainName"] for each in acm.list_certificates()["CertificateSummaryList"]]
    env = platform.environment
    for path, keys in (("dns_records", ("id", "name", "content")), ("custom_hostnames", ("id", "hostname"))):
        found[path] = sorted(tuple(each[key] for key in keys) for each in _cloudflare(env, f"{path}?per_page=100"))
    # A new certificate is validated by a record of its own.
    found["dns_records"] = [each for each in found["dns_records"] if "acm-validations" not in each[2]]
    found["fallback origin"] = _cloudflare(env, "custom_hostnames/fallback_origin")["origin"]
    return found


def _answer(ask: Any, **arguments: Any) -> Any:
    answer = ask(**arguments)
    answer.pop("ResponseMetadata")
    return answer


def _cloudflare(env: dict[str, str], path: str) -> Any:
    headers = {"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"}
    return httpx.get(f"{env['CLOUDFLARE_BASE_URL']}/zones/{ZONE}/{path}", headers=headers).raise_for_status().json()["result"]


def log_in(platform: Sandbox) -> None:
    """Every log-in that the platform hands out works, and opens the tenant's rows."""
    for slug in TENANTS:
        with platform.as_tenant(slug) as connection:
            assert connection.execute("SELECT email FROM users").fetchall() == [("a@x.example",)], slug


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> None:
    for what, was in before.items():
        assert after[what] == was, what


def replaced(platform: Sandbox, stack: str, urns: dict[str, str], *options: str) -> Any:
    """A bare run that replaces these. The engine itself refuses to replace what is protected; here nothing is."""
    platform.pulumi("state", "unprotect", "--all", "--yes", "-s", stack)
    chosen = [option for urn in urns.values() for option in ("--replace", urn)]
    return platform.pulumi("up", "-s", stack, "--yes", "--skip-preview", *chosen, *options, check=False)


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_replaced_stands_as_it_stood(platform, stack):
    """Everything that can be, in one run; what the engine removes of it afterwards is nobody's any more."""
    before, chosen = standing(platform), urns(platform, stack, "again", "kept", "owned", "beside")
    done = replaced(platform, stack, chosen)
    assert f"{len(chosen)} replaced" in done.stdout, done.stdout + done.stderr
    unchanged(before, standing(platform))
    log_in(platform)
    assert platform.up("--stack", stack) == {stack: {}}


@pytest.mark.parametrize(("stack", "names"), NEVER.items())
def test_what_holds_data_or_a_name_is_not_replaced(platform, stack, names):
    """Whatever asks for it, and however: the preview says so, and a run without one makes and removes nothing."""
    before, refused = standing(platform), urns(platform, stack, "refused")
    chosen = {name: refused[name] for name in names}
    done = replaced(platform, stack, chosen, "--continue-on-error")
    for name, urn in chosen.items():
        assert f"{name} is there; what is the platform's own is never replaced" in done.stdout + done.stderr
        assert f"pulumi state untaint --stack {stack} '{urn}'" in done.stdout + done.stderr
    first = dict([next(iter(chosen.items()))])
    assert platform.pulumi("preview", "-s", stack, "--replace", *first.values(), check=False).returncode != 0
    unchanged(before, standing(platform))
    assert platform.up("--stack", stack) == {stack: {}}


@pytest.mark.parametrize("stack", STACKS)
def test_a_taint_that_nobody_carries_out_is_refused_before_anything(platform, stack):
    """With one command for all of them, and it is true."""
    before, refused = standing(platform), urns(platform, stack, "refused")
    platform.pulumi("state", "taint", "-s", stack, "--yes", *refused.values())
    done = platform.tenantry("up", "--stack", stack, check=False)
    assert done.returncode != 0
    named = re.search(r"pulumi (state untaint .*)", done.stderr)
    assert named, done.stderr
    unchanged(before, standing(platform))
    platform.pulumi(*shlex.split(named[1]), "--yes")
    assert platform.up("--stack", stack) == {stack: {}}


def test_what_the_state_lost_is_taken_over_by_the_next_run(platform):
    """Not made beside what stands, and not refused: it is ours. Only where a password went with it does the state have to be adopted."""
    lost = ("plain-record", "quill-config", f"quill-domain-{HOST}", "quill-storage-theme", "platform-edge-wildcard",
            "platform-edge-certificate", "platform-bucket-assets-role")  # fmt: skip
    before, known = standing(platform), urns(platform, "shared", *{*ANSWERS.values()})
    for name in lost:
        platform.pulumi("state", "delete", "-s", "shared", "--yes", "--force", "--target-dependents", known[name], check=False)
    done = platform.pulumi("up", "-s", "shared", "--yes", "--skip-preview")
    assert "imported" in done.stdout
    unchanged(before, standing(platform))
    log_in(platform)
    assert platform.up("--stack", "shared") == {"shared": {}}


def test_a_kill_between_the_halves_loses_nothing(platform):
    """The next run deletes what was replaced, which is nobody's any more; and the tenant still ends when it is to end."""
    before, known = standing(platform), urns(platform, "shared", "owned")
    platform.pulumi("state", "unprotect", "--all", "--yes", "-s", "shared")
    chosen = [option for name in ("plain-record", "plain-config") for option in ("--replace", known[name])]
    run = platform.process("pulumi", "up", "-s", "shared", "--yes", "--skip-preview", "--non-interactive", *chosen)
    assert run.stdout is not None
    assert any("plain-config created replacement" in line for line in run.stdout), "it ended before"
    platform.kill(run)
    platform.up("--stack", "shared")
    unchanged(before, standing(platform))
    log_in(platform)
    platform.remove("plain")
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        assert admin.execute("SELECT state FROM control.tenants WHERE slug = 'plain'").fetchone() == ("deleted",)
        rows = admin.execute(
            "SELECT count(*) FROM control.tenant_configurations JOIN control.tenants t ON t.id = tenant_id WHERE slug = 'plain'"
        )
        assert rows.fetchone() == (0,)
