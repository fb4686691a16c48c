"""What a deletion takes out of the journal of others: every name of the tenant, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from tenantry import naming
from tenantry.operations.lifecycle.scrub import NOBODY, Names

PREFIX = "tenantry-dev"
LIVING = ("acme-storage", "acme-dbx", "acme-domain", "acme-admin-tools", "acme-storage.tenantry.example", "acme.other.example")


def names(slug="acme", others=LIVING):
    return Names.of(slug, [f"{slug}.tenantry.example", f"portal.{slug}.example"], PREFIX, others)


@pytest.mark.parametrize(
    "name",
    [
        "acme", "acme-db", "acme-db2-app", "acme-config", "acme-storage-logo", "acme-domain-portal.acme.example", "t_acme", "t_acme__app",
        "t_acme__app2", "t_acme__owner", "t_acme__kept", "m_acme__1", "tenantry__scratch_t_acme", naming.scratch_database("t_acme"),
        "tenantry-dev-t-acme", "tenantry-dev-t-acme-final", "acme.tenantry.example", "portal.acme.example", str(naming.tenant_id("acme")),
    ],
)  # fmt: skip
def test_every_name_of_the_tenant_goes(name: str) -> None:
    """However a text puts it: before a full stop, in a path, in quotes, after a database's name."""
    found = names(others=())
    for text in ("{}", "see {}.", "tenants/{}/logo.svg", '"{}": no', "({})", "a/{}/b", "{}: failed", "urn:pulumi:shared::{}"):
        assert found.out_of(text.format(name)) == text.format(NOBODY)


def test_a_name_within_another_goes_too() -> None:
    """A slug in its file's, a schema after its database, a server in its address, a domain in an e-mail's."""
    assert names().out_of("tenants/acme.yaml:7:12") == f"tenants/{NOBODY}.yaml:7:12"
    assert names().out_of("cell_main.t_acme is behind") == f"cell_main.{NOBODY} is behind"
    assert names().out_of("tenantry-dev-t-acme/t_acme.tenant") == f"{NOBODY}/{NOBODY}.tenant"
    address = "tenantry-dev-t-acme.c9x.eu-central-1.rds.amazonaws.com"
    assert names().out_of(f"host {address}: refused") == f"host {NOBODY}.c9x.eu-central-1.rds.amazonaws.com: refused"
    assert names().out_of("ada@portal.acme.example") == f"ada@{NOBODY}"


@pytest.mark.parametrize(
    "text",
    [
        *LIVING, "acme-storage-db-app", "acme-storage: 3 rows", "acme-domain-record", "tenants/acme-dbx.yaml", "acmes", "big-acme",
        "t_acme_storage__app", "t_acmes", "xt_acme", "tenantry-dev-t-acme-storage", "www.acme.other.example", "https://acme.other.example/",
        str(naming.tenant_id("acme-storage")),
    ],
)  # fmt: skip
def test_names_of_the_living_stay(text: str) -> None:
    """Also those that begin as a resource of the tenant's does."""
    assert names().out_of(text) == text
    assert names().out_of(f"{text}, acme") == f"{text}, {NOBODY}"


@pytest.mark.parametrize("slug", ["rows", "starter", "schema", "outcome", "existed", "manual"])
def test_words_of_others_stay(slug: str) -> None:
    """Keys, and values under keys that hold words of their own, are no names: they are what a run goes on by."""
    said = {
        "existed": {"rows": {"users": 3}, "isolation": "schema", "tier": "starter", "schema": "schema"},
        "outcome": "outcome",
        "reason": "manual",
        "selection": {"tiers": ["starter", "pro"], "labels": {"segment": slug}, "values": {"plan": slug}, "states": ["active"]},
        "value": slug,
        "days": 30,
    }
    assert names(slug).out_of_json(said) == said


def test_names_in_json_go() -> None:
    """As values at any depth, in words or alone; as keys only where these are tenants."""
    tenant = str(naming.tenant_id("acme"))
    said = {"tenants": ["acme", "beta", tenant], "source": "acme", "note": {"error": "role t_acme__app2"}, "reason": "for acme"}
    assert names().out_of_json(said) == {
        "tenants": [NOBODY, "beta", NOBODY], "source": NOBODY, "note": {"error": f"role {NOBODY}"}, "reason": f"for {NOBODY}",
    }  # fmt: skip
    failed = {"failed": {"acme": "cell_main.t_acme is behind", "acme-storage": "no server"}}
    assert names().out_of_json(failed) == {"failed": {NOBODY: f"cell_main.{NOBODY} is behind", "acme-storage": "no server"}}
