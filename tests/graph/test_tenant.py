"""What one declaration becomes, in each isolation model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.adoption import NOTHING, Adoption
from components.pictures import Pictures
from components.tenant import Tenant
from stacks import stack_tenants
from tenantry.control.ledger import Ledger
from tenantry.declaration import placement
from tenantry.declaration.model import Server

SCHEMA_TYPES = {"postgresql:index/schema:Schema", "postgresql:index/role:Role", "pulumi-python:dynamic/tenantry:Store"}
DATABASE_TYPES = SCHEMA_TYPES | {"postgresql:index/database:Database"}
INSTANCE_TYPES = DATABASE_TYPES | {"aws:rds/instance:Instance", "pulumi:providers:postgresql"}


def make(declaration, settings, adoption=NOTHING, released=()):
    book = Ledger(declaration.stack, {}, {}, False, released=frozenset(released))
    held = stack_tenants._settled(declaration, book, settings)
    return lambda: Tenant(
        declaration.slug,
        {
            "declaration": declaration,
            "row": placement.row(declaration, settings),
            "tables": held.tables,
            "signed_in": declaration.cell if held.signed else None,
            "protect": held.protect,
            "settings": settings,
            "bucket": "tenantry-dev-main",
            "revision": "0001",
            "pictures": Pictures(Path("tenants")),
            "sslmode": "require",
            "adoption": adoption,
            "template": "tenantry_template",
            "depends_on": [],
        },
    )


def first(samples, isolation, state="active"):
    return next(tenant for tenant in samples.values() if tenant.isolation == isolation and tenant.state == state)


@pytest.mark.parametrize(
    ("isolation", "expected"), [("rls", set()), ("schema", SCHEMA_TYPES), ("database", DATABASE_TYPES), ("instance", INSTANCE_TYPES)]
)
def test_isolation_decides_the_database_resources(run, samples, settings, isolation, expected):
    """Each isolation model makes exactly its own kinds of database resources."""
    graph = run(make(first(samples, isolation), settings))
    database = DATABASE_TYPES | INSTANCE_TYPES
    assert {resource.type for resource in graph.resources.values()} & database == expected


@pytest.mark.parametrize(("isolation", "template"), [("database", "tenantry_template"), ("instance", None)])
def test_a_database_is_copied_from_the_template_and_never_again(run, samples, settings, isolation, template):
    """On the platform's server only; and a template that changes or goes must not replace a database that stands."""
    declaration = first(samples, isolation)
    graph = run(make(declaration, settings))
    name = f"{declaration.slug}-db-database"
    assert graph.resources[name].inputs.get("template") == template
    assert graph.options[name].ignore_changes == ["template"]


def test_every_resource_hangs_below_its_tenant(run, samples, settings):
    """Following parents from any resource leads to the tenant's component."""
    declaration = first(samples, "database")
    graph = run(make(declaration, settings))
    for name in graph.resources:
        seen = name
        while graph.parents.get(seen):
            seen = graph.parents[seen]
        assert seen == declaration.slug


def test_a_plain_pooled_tenant_costs_four_resources(run, samples, settings):
    """A row-level tenant with no assets and no domain is a record, its configuration and two objects."""
    plain = next(t for t in samples.values() if t.isolation == "rls" and not t.domains)
    graph = run(make(plain.model_copy(update={"branding": plain.branding.model_copy(update={"logo": None, "favicon": None})}), settings))
    custom = sorted(resource.type.rsplit(":", 1)[-1] for resource in graph.resources.values() if resource.custom)
    assert custom == ["BucketObjectv2", "BucketObjectv2", "ConfigurationRows", "TenantRecord"]


@pytest.mark.parametrize(
    ("state", "released", "protected"),
    [
        ("active", False, True),
        ("suspended", False, True),
        ("offboarding", False, True),
        ("offboarding", True, False),
        ("active", True, True),
    ],
)
def test_data_is_protected_until_its_final_backup_is_proven(run, samples, settings, state, released, protected):
    """A tenant's schema and tables refuse deletion through the hold too, until the deletion has released them."""
    declaration = first(samples, "schema").model_copy(update={"state": state})
    graph = run(make(declaration, settings, released=[declaration.slug] if released else []))
    assert graph.options[f"{declaration.slug}-db-schema"].protect is protected
    assert graph.options[f"{declaration.slug}-db-tables"].protect is protected


def test_dns_goes_before_the_custom_host_names(run, samples, settings):
    """The record of a dedicated tenant depends on its custom host names, so the engine removes it before them."""
    declaration = next(t for t in samples.values() if not t.pooled and t.domains)
    graph = run(make(declaration, settings))
    after = [resource._name for resource in graph.options[f"{declaration.slug}-domain-record"].depends_on]
    assert after == [f"{declaration.slug}-domain-{host}" for host in declaration.domains]


def test_a_suspended_tenant_cannot_log_in(run, samples, settings):
    """Suspension takes the login role's LOGIN and ends its sessions, and keeps every resource."""
    active = first(samples, "database")
    before = run(make(active, settings))
    after = run(make(active.model_copy(update={"state": "suspended"}), settings))
    assert set(before.resources) == set(after.resources)
    assert after.resources[f"{active.slug}-db-app"].inputs["login"] is False
    assert after.resources[f"{active.slug}-db-tables"].inputs["login"] is False


def test_no_input_holds_a_password(run, samples, settings):
    """No dynamic resource gets a password as a property: it is made inside and given out as a secret."""
    declaration = first(samples, "instance")
    graph = run(make(declaration, settings))
    store = graph.resources[f"{declaration.slug}-db-tables"]
    assert store.inputs["server"]["secret_arn"] == "arn:secret"
    assert "secret" not in json.dumps({k: v for k, v in store.inputs.items() if k not in ("__provider", "server")})


def test_a_server_is_the_one_that_the_file_asks_for(run, samples, settings):
    """Machine and network; where the file says nothing of a network RDS chooses, and nothing of it is in the program."""
    declaration = first(samples, "instance")
    plain = run(make(declaration, settings)).resources[f"{declaration.slug}-db-server"].inputs
    assert (plain["instanceClass"], plain.keys() & {"dbSubnetGroupName", "vpcSecurityGroupIds"}) == ("db.t4g.small", set())
    server = Server(instance_class="db.r7g.large", subnet_group="tenants-private", security_groups=("sg-0123456789abcdef0",))
    asked = run(make(declaration.model_copy(update={"server": server}), settings)).resources[f"{declaration.slug}-db-server"].inputs
    assert asked["instanceClass"] == "db.r7g.large"
    assert (asked["dbSubnetGroupName"], asked["vpcSecurityGroupIds"]) == ("tenants-private", ["sg-0123456789abcdef0"])


def test_a_leftover_is_adopted_by_its_logical_name(run, samples, settings):
    """What a killed run left is passed to the provider as an import id; nothing else is."""
    declaration = first(samples, "database")
    name = f"{declaration.slug}-db-database"
    graph = run(make(declaration, settings, Adoption({name: "t_x"})))
    assert graph.options[name].import_ == "t_x"
    assert [other for other, opts in graph.options.items() if opts.import_] == [name]


def test_custom_domains_ask_for_a_certificate_each(run, samples, settings):
    """Every custom domain is a custom host name with its own certificate request."""
    declaration = next(tenant for tenant in samples.values() if tenant.domains)
    graph = run(make(declaration, settings))
    hosts = graph.of_type("cloudflare:index/customHostname:CustomHostname")
    assert sorted(host.inputs["hostname"] for host in hosts) == sorted(declaration.domains)
    assert all(host.inputs["ssl"]["type"] == "dv" for host in hosts)


def test_objects_lie_under_the_tenants_prefix(run, samples, settings):
    """No object of a tenant has a key outside its prefix."""
    for declaration in samples.values():
        graph = run(make(declaration, settings))
        keys = [o.inputs["key"] for o in graph.of_type("aws:s3/bucketObjectv2:BucketObjectv2")]
        assert keys
        assert all(key.startswith(f"tenants/{declaration.slug}/") for key in keys)
