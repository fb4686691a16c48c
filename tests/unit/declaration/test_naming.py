"""Physical names: deterministic, within every limit, and never the same for two things."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry import naming
from tenantry.errors import InputError

slugs = st.from_regex(r"[a-z][a-z0-9-]{1,38}[a-z0-9]", fullmatch=True).filter(naming.is_slug)
cells = st.from_regex(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True).filter(naming.is_cell)
prefixes = st.from_regex(r"[a-z][a-z0-9-]{1,18}[a-z0-9]", fullmatch=True).filter(naming.is_prefix)

SLUG_NAMES = (naming.tenant_schema, naming.tenant_owner, naming.tenant_app)
CELL_NAMES = (naming.cell_database, naming.cell_owner, naming.cell_app)


@given(slugs, cells)
def test_postgresql_names_fit_and_need_no_quotes(slug: str, cell: str) -> None:
    """A name in PostgreSQL is an unquoted identifier of at most 63 bytes, or it would be cut without an error."""
    for name in [*(make(slug) for make in SLUG_NAMES), *(make(cell) for make in CELL_NAMES)]:
        assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name)
        assert not name.startswith("pg_")


@given(st.lists(slugs, min_size=1, max_size=20, unique=True), st.lists(cells, min_size=1, max_size=10, unique=True))
def test_no_two_things_share_a_name(many: list[str], many_cells: list[str]) -> None:
    """Within PostgreSQL, no two slugs, cells or kinds have a name in common; nor do stacks, once reserved slugs are refused."""
    names = [make(slug) for make in SLUG_NAMES for slug in many] + [make(cell) for make in CELL_NAMES for cell in many_cells]
    names += [naming.CONTROL_DATABASE]
    assert len(names) == len(set(names))
    stacks = [naming.cell_stack(cell) for cell in many_cells] + [slug for slug in many if not naming.is_reserved(slug)]
    assert len(stacks) == len(set(stacks))


@given(slugs, slugs, cells)
def test_names_outside_postgresql_differ_between_tenants(one: str, other: str, cell: str) -> None:
    """Two tenants never share an id, host, prefix, server or stack, and no prefix is the beginning of another."""
    if one == other:
        return
    assert naming.tenant_id(one) != naming.tenant_id(other)
    assert naming.host(one, "x.example") != naming.host(other, "x.example")
    assert not naming.object_prefix(one).startswith(naming.object_prefix(other))
    assert naming.server_identifier("p-1", one) != naming.server_identifier("p-1", other)
    assert naming.stack_of("database", cell, one) != naming.stack_of("instance", cell, other)


@given(prefixes, slugs, cells)
def test_buckets_servers_and_hosts_keep_the_rules_of_their_systems(prefix: str, slug: str, cell: str) -> None:
    """S3: 3 to 63, no reserved beginning or end; RDS: at most 63, no double hyphen; DNS: a label of at most 63."""
    bucket = naming.bucket(prefix, cell)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)
    assert not bucket.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
    assert not bucket.endswith(("-s3alias", "--ol-s3", "--x-s3", "--table-s3"))
    server = naming.server_identifier(prefix, slug)
    assert len(server) <= 63
    assert re.fullmatch(r"[a-z](-?[a-z0-9])*", server)
    assert len(naming.host(slug, "x").split(".")[0]) <= 63


@pytest.mark.parametrize("text", ["", "ab", "a" * 41, "Acme", "1acme", "-acme", "acme-", "a--b", "a_b", "acmé", "acme\n", "a.b"])
def test_what_is_no_slug(text: str) -> None:
    """Length, alphabet, first and last character, and double hyphens are checked, newline at the end included."""
    assert not naming.is_slug(text)
    with pytest.raises(InputError):
        naming.require_slug(text)


@pytest.mark.parametrize("slug", ["www", "api", "admin", "shared", "shared-eu1", "main", "edge", "mail"])
def test_reserved_slugs(slug: str) -> None:
    """Host names and stack names of the platform cannot be a tenant's."""
    assert naming.is_reserved(slug)
    with pytest.raises(InputError):
        naming.require_slug(slug)


@pytest.mark.parametrize("text", ["", "a" * 21, "EU", "eu-", "e--u", "s3alias", "x-s3alias"])
def test_what_is_no_cell(text: str) -> None:
    """A cell's name ends a bucket's: what S3 keeps for itself is refused too."""
    with pytest.raises(InputError):
        naming.require_cell(text)


def test_the_names_of_the_architecture() -> None:
    """The names are a contract with data that exists: exactly those of docs/architecture.md, for ever."""
    assert naming.tenant_id("acme") == UUID("a6b2249f-403f-52e9-a653-9bbabaca3505")
    assert (naming.cell_database("eu-1"), naming.cell_owner("eu-1"), naming.cell_app("eu-1")) == (
        "cell_eu_1",
        "cell_eu_1__owner",
        "cell_eu_1__app",
    )
    assert (naming.tenant_schema("a-b"), naming.tenant_database("a-b"), naming.tenant_owner("a-b"), naming.tenant_app("a-b")) == (
        "t_a_b",
        "t_a_b",
        "t_a_b__owner",
        "t_a_b__app",
    )
    assert naming.server_identifier("tenantry-dev", "a-b") == "tenantry-dev-t-a-b"
    assert naming.bucket("tenantry-dev", "main") == "tenantry-dev-main"
    assert naming.object_prefix("acme") == "tenants/acme/"
    assert naming.host("acme", "tenantry.example") == "acme.tenantry.example"
    assert naming.stack_of("rls", "main", "acme") == "shared"
    assert naming.stack_of("schema", "eu1", "acme") == "shared-eu1"
    assert naming.stack_of("database", "main", "acme") == naming.stack_of("instance", "eu1", "acme") == "acme"
