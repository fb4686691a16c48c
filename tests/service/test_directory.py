"""The look-up of tenants in the control database: what it answers, who may ask, and that changes are told by NOTIFY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration, domains, logins, quarantine, registry, servers
from tenantry.control.database import transaction
from tests.environment import entered
from tests.service import directory

pytestmark = pytest.mark.service

SLUGS = tuple(f"look-{model}" for model in directory.MODELS)


@pytest.fixture(scope="module")
def made(cloud) -> Iterator[dict[str, str]]:
    """A tenant of each model; slug → id."""
    with entered(cloud.environment):
        directory.make()
        ids = {
            slug: directory.tenant(slug, model, domains=(f"portal.{slug}.example",))
            for slug, model in zip(SLUGS, directory.MODELS, strict=True)
        }
        yield ids
        directory.forget(*ids.values())


@pytest.fixture
def ask(made) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A session of the login."""
    with psycopg.connect(directory.dsn(), autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def other(made) -> Iterator[str]:
    """A tenant of this test's own."""
    tenant_id = directory.tenant("look-other", domains=("portal.other.example",))
    yield tenant_id
    directory.forget(tenant_id)


def found(ask: psycopg.Connection[dict[str, Any]], function: str, argument: Any) -> dict[str, Any] | None:
    return ask.execute(sql.SQL("SELECT * FROM {}(%s)").format(sql.Identifier(function)), [argument]).fetchone()


def change(tenant_id: str, statement: str, *arguments: Any) -> None:
    with transaction() as connection:
        connection.execute(statement.encode(), [*arguments, tenant_id])


def retire(tenant_id: str) -> None:
    """What `registry.retire` does to the rows, without a ledger."""
    change(tenant_id, "DELETE FROM tenant_domains WHERE tenant_id = %s")
    change(tenant_id, "UPDATE tenants SET state = 'deleted', deleted_at = now() WHERE id = %s")


@pytest.mark.parametrize(("slug", "model"), [*zip(SLUGS, directory.MODELS, strict=True)])
def test_an_answer_says_all_that_is_needed_to_connect(ask, made, slug, model):
    """By host, id and slug the same; the platform's server is the one that was asked, so it has no address."""
    row = found(ask, "tenant_by_host", f"{slug}.x.example")
    pooled = model in naming.POOLED
    assert row == {
        "id": UUID(made[slug]), "slug": slug, "state": "active", "name": slug.title(), "host": f"{slug}.x.example", "isolation": model,
        "address": "db.example" if model == "instance" else None, "port": 5433 if model == "instance" else None,
        "database": "cell_main" if pooled else naming.tenant_database(slug),
        "schema": {"rls": "shared", "schema": naming.tenant_schema(slug)}.get(model, "tenant"),
        "role": "cell_main__app" if model == "rls" else naming.tenant_app(slug), "bucket": "b", "prefix": f"tenants/{slug}/",
        "version": row["version"], "secret": None, "secret_since": None,
    }  # fmt: skip
    for function, argument in (
        ("tenant_by_host", f"portal.{slug}.example"),
        ("tenant_by_id", UUID(made[slug])),
        ("tenant_by_slug", slug),
    ):
        assert found(ask, function, argument) == row


def test_an_answer_says_where_the_password_is(ask, made):
    """The secret's ARN, and since when it says what it says: all tenants of a cell have one, and a renewal is told to each of them."""
    shared = naming.cell_app(naming.MAIN_CELL)
    before = found(ask, "tenant_by_slug", "look-rls")
    try:
        logins.record(shared, "arn:shared", shared, renewed=True)
        answer = found(ask, "tenant_by_slug", "look-rls")
        assert (answer["secret"], answer["version"] != before["version"]) == ("arn:shared", True)
        assert found(ask, "tenant_by_slug", "look-schema")["secret"] is None
        ask.execute("LISTEN tenantry_directory")
        logins.rotated(shared, "arn:shared", naming.second_login(shared))
        heard = told(ask)
        assert (made["look-rls"] in heard, made["look-schema"] in heard) == (True, False)
        again = found(ask, "tenant_by_slug", "look-rls")
        assert again["secret_since"] > answer["secret_since"]
        assert again["version"] != answer["version"]
    finally:
        logins.forget(shared)


def test_hosts_are_compared_as_they_are_kept(ask, other):
    """Lower case and punycode; a last dot is no other name."""
    assert found(ask, "tenant_by_host", "Portal.Other.EXAMPLE.") is not None
    change(other, "UPDATE tenant_domains SET host = %s WHERE host ^@ 'portal' AND tenant_id = %s", "xn--bcher-kva.example")
    assert found(ask, "tenant_by_host", "XN--bcher-kva.example") is not None


def test_what_is_unknown_has_no_row(ask):
    for function, argument in (
        ("tenant_by_host", "nobody.example"),
        ("tenant_by_id", uuid4()),
        ("tenant_by_slug", "nobody"),
        ("tenant_by_invitation", b"x" * 32),
    ):
        assert found(ask, function, argument) is None
    assert ask.execute("SELECT tenant_settings(%s)", [uuid4()]).fetchone() == {"tenant_settings": None}


@pytest.mark.parametrize(
    ("state", "statement"),
    [
        ("suspended", "UPDATE tenants SET state = 'suspended' WHERE id = %s"),
        ("offboarding", "UPDATE tenants SET state = 'offboarding' WHERE id = %s"),
        ("pending", "UPDATE tenants SET ready_at = NULL WHERE id = %s"),
        ("pending", "UPDATE tenants SET isolation = 'instance', server = 'not-made-yet' WHERE id = %s"),
        (
            "pending",  # a copy that is being filled
            "INSERT INTO clones (salt, classification, state, tenant_id) VALUES ('s', 'c', 'filling', %s)",
        ),
        ("maintenance", "UPDATE tenants SET maintenance = 'a restore' WHERE id = %s"),
        ("moving", "INSERT INTO moves (id, source, target, keep, tenant_id) VALUES (gen_random_uuid(), '{}', '{}', '1 day', %s)"),
        (
            "active",  # it lives at its new place, and the old one is kept
            "INSERT INTO moves (id, source, target, keep, phase, tenant_id) VALUES (gen_random_uuid(), '{}', '{}', '1 day', 'moved', %s)",
        ),
    ],
)
def test_each_state_is_told_apart(ask, other, state, statement):
    """And where the tenant lives is said in each of them."""
    before = found(ask, "tenant_by_id", other)
    change(other, statement)
    after = found(ask, "tenant_by_id", other)
    assert after["state"] == state
    assert after["database"] == "cell_main"
    assert (after["version"] == before["version"]) == (state == "active")


def test_of_a_deleted_tenant_that_is_all_that_is_told(ask, other):
    """By its id and slug, and by a host that nobody has been given since, also when its row is erased."""
    with transaction() as connection:
        quarantine.put(connection, UUID(other), [("host", "portal.other.example")], None)
    retire(other)
    for function, argument in (("tenant_by_id", other), ("tenant_by_slug", "look-other")):
        row = found(ask, function, argument)
        assert {name: value for name, value in row.items() if value is not None} == {
            "id": UUID(other), "slug": "look-other", "state": "deleted", "version": row["version"],
        }  # fmt: skip
    gone = {"id": UUID(other), "state": "deleted"}
    assert {name: value for name, value in found(ask, "tenant_by_host", "portal.other.example").items() if value is not None} == gone
    change(other, "DELETE FROM invitations WHERE tenant_id = %s")
    change(other, "DELETE FROM tenant_configurations WHERE tenant_id = %s")
    change(other, "DELETE FROM tenant_configuration_history WHERE tenant_id = %s")
    change(other, "DELETE FROM tenants WHERE id = %s")
    assert {name: value for name, value in found(ask, "tenant_by_host", "portal.other.example").items() if value is not None} == gone
    assert found(ask, "tenant_by_id", other) is None


@pytest.mark.parametrize("spent", ["accepted_at = now()", "revoked_at = now()", "expires_at = now()"])
def test_an_invitation_leads_to_its_tenant_until_it_is_spent(ask, other, spent):
    digest = directory.invite(other)
    assert found(ask, "tenant_by_invitation", digest)["id"] == UUID(other)
    change(other, f"UPDATE invitations SET {spent} WHERE tenant_id = %s")
    assert found(ask, "tenant_by_invitation", digest) is None


def test_settings_are_those_in_force(ask, other):
    """A value set at runtime stands before the declared one."""
    configuration.put(UUID(other), "features.reports", False, Actor("ada"))
    settings = ask.execute("SELECT tenant_settings(%s) AS found", [other]).fetchone()["found"]
    assert settings == {"features.reports": False, "theme.primary": "#0b5fff"}


def test_a_new_tenant_is_pending_until_its_tables_are_there_and_never_again(ask, other):
    """Its record is written first, and again with each change of it."""
    directory.tenant("look-new", "schema")
    tenant_id = str(naming.tenant_id("look-new"))
    try:
        change(tenant_id, "UPDATE tenants SET ready_at = NULL WHERE id = %s")
        assert found(ask, "tenant_by_id", tenant_id)["state"] == "pending"
        registry.ready(tenant_id)
        assert found(ask, "tenant_by_id", tenant_id)["state"] == "active"
        retire(tenant_id)
        registry.record(tenant_id, "look-new", registry_row(), [], {"name": "Ada", "email": "ada@x.example"})
        assert found(ask, "tenant_by_id", tenant_id)["state"] == "pending"
        registry.ready(tenant_id)
        registry.record(tenant_id, "look-new", registry_row(name="Another"), [], {"name": "Ada", "email": "ada@x.example"})
        row = found(ask, "tenant_by_id", tenant_id)
        assert (row["state"], row["name"]) == ("active", "Another")
    finally:
        directory.forget(tenant_id)


def registry_row(**columns: Any) -> dict[str, Any]:
    return {
        "name": "New", "tier": "starter", "isolation": "schema", "cell": "main", "stack": "shared", "state": "active",
        "host": "look-new.x.example", "database": "cell_main", "schema": "t_look_new", "app_role": "t_look_new__app", "bucket": "b",
        "prefix": "tenants/look-new/", "limits": {}, "labels": {}, **columns,
    }  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM directory",
        "SELECT * FROM tenants",
        "SELECT 1 FROM tenant_domains",
        "SELECT 1 FROM servers",
        "SELECT context_tenant()",
        "SELECT accept_invitation('x', 'y')",
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN LOCK TABLE tenants IN ACCESS SHARE MODE; END $$",
        "SET ROLE tenantry__owner",
        "SET temp_file_limit = -1",
    ],
)
def test_the_login_can_do_nothing_else(ask, statement):
    with pytest.raises((errors.InsufficientPrivilege, errors.InvalidSchemaName)):
        ask.execute(statement.encode())


def test_a_stand_in_of_the_callers_is_not_found_by_the_functions(ask, made):
    """Whatever search path the session has."""
    ask.execute("SET search_path = pg_temp, public")
    assert ask.execute("SELECT slug FROM control.tenant_by_id(%s)", [made[SLUGS[0]]]).fetchone() == {"slug": SLUGS[0]}


def told(listening: psycopg.Connection[Any]) -> list[str]:
    return [notify.payload for notify in listening.notifies(timeout=0.5)]


def test_every_change_is_told_by_its_tenants_id_and_nothing_more(ask, other):
    """Rows, host names, servers, moves, values and quarantine: once for a statement, whoever made the change."""
    ask.execute("LISTEN tenantry_directory")

    def heard() -> list[str]:
        payloads = told(ask)
        assert set(payloads) <= {other}, payloads
        return payloads

    change(other, "UPDATE tenants SET state = 'suspended' WHERE id = %s")
    assert heard() == [other]
    domains.update({"portal.other.example": "active"})
    assert other in heard()
    servers.record("p-t-other", other, "elsewhere.example", 5432)
    assert heard() == [other]
    servers.record("p-t-other", other, "elsewhere.example", 5432)
    assert heard() == []
    change(other, "INSERT INTO moves (id, source, target, keep, tenant_id) VALUES (gen_random_uuid(), %s, '{}', '1 day', %s)", Jsonb({}))
    assert heard() == [other]
    change(other, "UPDATE moves SET phase = 'switched' WHERE tenant_id = %s")
    assert heard() == [other]
    configuration.put(UUID(other), "features.reports", False, Actor("ada"))
    assert heard() == [other]
    with transaction() as connection:
        quarantine.put(connection, UUID(other), [("host", "former.other.example")], None)
    assert heard() == [other]
