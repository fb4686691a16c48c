"""The type tokens and logical names are part of every stack's state: a change here replaces things."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from components.adoption import NOTHING
from stacks import dedicated, shared
from tenantry import naming
from tenantry.backend.stack_state import NOTHING as EMPTY
from tenantry.control.admitted import Admitted
from tenantry.control.ledger import Ledger
from tenantry.errors import InputError

TOKENS = {
    "aws:acm/certificate:Certificate",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "cloudflare:index/customHostname:CustomHostname",
    "cloudflare:index/customHostnameFallbackOrigin:CustomHostnameFallbackOrigin",
    "cloudflare:index/dnsRecord:DnsRecord",
    "postgresql:index/database:Database",
    "postgresql:index/role:Role",
    "postgresql:index/schema:Schema",
    "pulumi-python:dynamic/tenantry:ConfigurationRows",
    "pulumi-python:dynamic/tenantry:Login",
    "pulumi-python:dynamic/tenantry:ServerRecord",
    "pulumi-python:dynamic/tenantry:SignedTenant",
    "pulumi-python:dynamic/tenantry:Store",
    "pulumi-python:dynamic/tenantry:Template",
    "pulumi-python:dynamic/tenantry:TenantRecord",
    "tenantry:platform:BackupBucket",
    "tenantry:platform:CellBucket",
    "tenantry:platform:ControlPlane",
    "tenantry:platform:Edge",
    "tenantry:platform:Platform",
    "tenantry:tenant:Tenant",
    "tenantry:tenant:TenantDatabase",
    "tenantry:tenant:TenantDomain",
}

PLATFORM_NAMES = {
    "platform", "platform-owner", "platform-app", "platform-database", "platform-schema", "platform-tables",
    "platform-control", "platform-control-owner", "platform-control-app", "platform-control-database",
    "platform-control-schema", "platform-control-tables", "platform-control-directory", "platform-control-directory-login",
    "platform-control-portal",
    "platform-template",
    "platform-edge", "platform-edge-wildcard", "platform-edge-fallback-origin", "platform-edge-certificate",
    "platform-edge-certificate-validation",
    "platform-backups", "platform-backups-private", "platform-backups-owner", "platform-backups-versioning",
    "platform-backups-encryption", "platform-backups-lifecycle", "platform-backups-tls",
    "platform-bucket", "platform-bucket-private", "platform-bucket-owner", "platform-bucket-versioning", "platform-bucket-encryption",
    "platform-bucket-lifecycle", "platform-bucket-tls", "platform-bucket-assets-role", "platform-bucket-assets-policy",
}  # fmt: skip

TENANT_NAMES = re.compile(
    r"(-(record|config|context|storage(-(manifest|theme|logo|favicon))?|db2?(-(address|app|schema|tables))?|domain(-[a-z0-9.-]+)?))?"
)


@pytest.fixture(autouse=True)
def _no_ledger(monkeypatch):
    """The main cell is there, and nothing is being moved."""
    main = {("role", naming.cell_owner(naming.MAIN_CELL)): naming.SHARED_STACK}
    monkeypatch.setattr(shared.gate, "admit", lambda book, files: Admitted(files, {}, {}, book, frozenset(), {}, {}))
    monkeypatch.setattr(shared.gate, "read", lambda stack: (Ledger(stack, main, {}, False), EMPTY))


def test_tokens_and_names_of_a_cell_are_pinned(run, samples, settings, monkeypatch):
    """The main cell registers exactly these types, under names made of its own words and its tenants' slugs."""
    monkeypatch.setattr(shared.gate, "enter", lambda *args, **options: NOTHING)
    monkeypatch.setattr(shared.gate, "room", lambda: 70)
    graph = run(lambda: shared.run("main", settings, samples))
    tokens = {resource.type for resource in graph.resources.values()} - {"pulumi:pulumi:Stack"}
    assert tokens <= TOKENS
    assert {"tenantry:platform:Edge", "tenantry:tenant:TenantDomain"} <= tokens
    slugs = sorted((tenant.slug for tenant in samples.values()), key=len, reverse=True)
    for name in set(graph.resources) - PLATFORM_NAMES:
        slug = next((slug for slug in slugs if name == slug or name.startswith(f"{slug}-")), None)
        if slug is not None:
            assert TENANT_NAMES.fullmatch(name.removeprefix(slug)), name
    assert set(graph.resources) >= PLATFORM_NAMES


def test_another_cell_has_no_registry_of_its_own(run, samples, settings, monkeypatch):
    """Control plane and edge are the main cell's; other cells have their own bucket, database and tables."""
    monkeypatch.setattr(shared.gate, "enter", lambda *args, **options: NOTHING)
    monkeypatch.setattr(shared.gate, "room", lambda: 70)
    graph = run(lambda: shared.run("eu1", settings, samples))
    tokens = {resource.type for resource in graph.resources.values()}
    assert "tenantry:platform:ControlPlane" not in tokens
    assert "tenantry:platform:Edge" not in tokens
    assert "tenantry:platform:BackupBucket" not in tokens
    assert graph.resources["platform-database"].inputs["name"] == "cell_eu1"
    assert graph.resources["platform-bucket"].inputs["bucket"] == "tenantry-dev-eu1"


def test_a_cell_that_was_never_applied_is_named_before_anything_is_made(settings, samples, monkeypatch):
    """What a stack needs of another is not read from that one's outputs, which are copied into the reader's state, passwords and all."""
    monkeypatch.setattr(shared.gate, "read", lambda stack: (Ledger(stack, {}, {}, False), EMPTY))
    with pytest.raises(InputError, match="needs the cell main, which was never applied"):
        shared.run("eu1", settings, samples)
    with pytest.raises(InputError, match="needs the cell main, which was never applied"):
        dedicated.run("acme", settings, samples)


@pytest.mark.parametrize(("lock", "mode"), [("none", None), ("governance", "GOVERNANCE"), ("compliance", "COMPLIANCE")])
def test_the_lock_of_backups_is_a_setting(run, samples, settings, monkeypatch, lock, mode):
    """The bucket is always able to lock, so that the setting replaces nothing; only the default retention comes and goes with it."""
    monkeypatch.setattr(shared.gate, "enter", lambda *args, **options: NOTHING)
    monkeypatch.setattr(shared.gate, "room", lambda: 70)
    graph = run(lambda: shared.run("main", replace(settings, backup_lock=lock), {}))
    assert graph.resources["platform-backups"].inputs["objectLockEnabled"] is True
    rules = graph.of_type("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert [rule.inputs["rule"]["defaultRetention"]["mode"] for rule in rules] == ([mode] if mode else [])
    assert graph.options["platform-backups"].protect is True


@pytest.mark.parametrize("kind", ["none", "secretsmanager", "ssm"])
def test_where_each_login_has_a_secret_no_output_has_its_password(run, samples, settings, monkeypatch, kind):
    """One for the cell's shared login and one for each login of a tenant's own; no resource more."""
    monkeypatch.setattr(shared.gate, "enter", lambda *args, **options: NOTHING)
    monkeypatch.setattr(shared.gate, "room", lambda: 70)
    exported: dict[str, object] = {}
    monkeypatch.setattr(shared.pulumi, "export", lambda name, value: exported.update({name: value}))
    graph = run(lambda: shared.run("main", replace(settings, login_secrets=kind), samples))
    stores = [each for each in graph.resources.values() if each.type.endswith(":Store") and each.inputs["tree"] == "tenant"]
    names = {each.inputs["app_role"]: (each.inputs.get("secret") or {}).get("name") for each in stores}
    assert len(names) > 1
    if kind == "none":
        assert set(names.values()) == {None}
        assert {"app_password", "passwords", "credentials"} <= set(exported)
        assert "secrets" not in exported
    else:
        assert names == {role: f"tenantry-dev/tenantry/logins/{role}" for role in names}
        assert "secrets" in exported
        assert not {"app_password", "passwords"} & set(exported)
