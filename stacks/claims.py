"""Which names a stack is going to make that a provider would not find again by itself, and how each is found after a killed run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import psycopg

from stacks.stack_tenants import StackTenant
from tenantry import naming
from tenantry.clients import aws, cloudflare
from tenantry.control.ledger import Claim, Kind, taken
from tenantry.declaration.placement import Location, Place
from tenantry.postgres import own_server
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings


@dataclass(frozen=True)
class Planned:
    """A resource by logical name; ``find`` gives its provider's import id when it exists and is ours."""

    logical_name: str
    find: Callable[[psycopg.Connection], str | None]
    claim: Claim | None = None
    """For what carries no mark of its own: a role, a database, a custom host name."""
    made_with: Claim | None = None
    """Of what its provider takes over where it is there, and so is not imported: a schema. What is claimed before it is made."""


def _postgres(logical_name: str, kind: Kind, name: str, tenant: str | None = None) -> Planned:
    claim = Claim(kind, name, tenant)
    return Planned(logical_name, lambda connection: name if taken(connection, [claim]) else None, claim)


def of_cell(cell: str, settings: PlatformSettings, logical: str) -> Iterator[Planned]:
    """The platform's own things in a cell; ``logical`` is the Platform component's name."""
    if cell == naming.MAIN_CELL:
        yield _postgres(f"{logical}-control-owner", "role", naming.CONTROL_OWNER)
        yield _postgres(f"{logical}-control-app", "role", naming.CONTROL_APP)
        yield _postgres(f"{logical}-control-directory", "role", naming.CONTROL_DIRECTORY)
        yield _postgres(f"{logical}-control-portal", "role", naming.CONTROL_PORTAL)
        yield _postgres(f"{logical}-control-database", "database", naming.CONTROL_DATABASE)
        yield Planned(f"{logical}-backups", lambda _: aws.find_bucket(naming.backup_bucket(settings.bucket_prefix), "backups"))
        yield Planned(f"{logical}-edge-wildcard", lambda _: cloudflare.find_record(settings.zone_id, f"*.{settings.domain}", "tenantry"))
        yield Planned(f"{logical}-edge-certificate", lambda _: aws.find_certificate(settings.domain, "edge"))
        yield Planned(
            f"{logical}-edge-certificate-validation",
            lambda _: cloudflare.find_validation_record(settings.zone_id, settings.domain, "tenantry"),
        )
        yield Planned(f"{logical}-template", lambda _: None, Claim("database", naming.TEMPLATE_DATABASE, None))
    yield _postgres(f"{logical}-owner", "role", naming.cell_owner(cell))
    yield _postgres(f"{logical}-app", "role", naming.cell_app(cell))
    yield _postgres(f"{logical}-database", "database", naming.cell_database(cell))
    yield Planned(f"{logical}-bucket", lambda _: aws.find_bucket(naming.bucket(settings.bucket_prefix, cell), f"cell-{cell}"))
    yield Planned(
        f"{logical}-bucket-assets-role", lambda _: aws.find_role(naming.assets_role(settings.bucket_prefix, cell), f"cell-{cell}")
    )


def of_tenant(held: StackTenant, settings: PlatformSettings) -> Iterator[Planned]:
    """One tenant's things; logical names begin with the slug."""
    declaration = held.declaration
    slug = declaration.slug
    for tables in held.tables:
        yield from _of_tables(slug, tables.place, settings)
    if held.row is None:
        return
    if not declaration.pooled:
        own_host = naming.host(slug, settings.domain)
        yield Planned(f"{slug}-domain-record", lambda _: cloudflare.find_record(settings.zone_id, own_host, f"tenantry {slug}"))
    for host in declaration.domains:
        yield Planned(
            f"{slug}-domain-{host}",
            partial(_custom_hostname, settings.zone_id, host),
            Claim("hostname", host, slug),
        )


def _of_tables(slug: str, place: Place, settings: PlatformSettings) -> Iterator[Planned]:
    logical, location = naming.tenant_resources(slug, place.turn), Location.of(slug, place)
    claims = [(f"{logical}-app", Claim("role", location.app_role, slug))]
    if place.isolation == "schema":
        # In a database that is the cell's already, where anybody may have made one. In one of its own nobody came first.
        found = partial(_schema, location.database, location.schema)
        yield Planned(f"{logical}-schema", found, made_with=claims[0][1])
    if place.isolation in ("database", "instance"):
        claims += [
            (f"{logical}-owner", Claim("role", naming.tenant_owner(slug), slug)),
            (f"{logical}-database", Claim("database", location.database, slug)),
        ]
    if place.isolation == "instance":
        # The whole server is the tenant's: what has our names on it is ours.
        identifier = naming.server_identifier(settings.bucket_prefix, slug)
        yield Planned(f"{logical}-server", lambda _: aws.find_server(identifier, slug))
        for name, claim in claims:
            yield Planned(name, partial(_on_own_server, identifier, slug, claim))
    else:
        for name, claim in claims:
            yield _postgres(name, claim.kind, claim.name, slug)


def of_tenants(held: Iterable[StackTenant], settings: PlatformSettings) -> Iterator[Planned]:
    """All tenants of a stack."""
    for tenant in held:
        yield from of_tenant(tenant, settings)


def _schema(database: str, schema: str, connection: psycopg.Connection) -> str | None:
    if not taken(connection, [Claim("database", database, None)]):
        return None
    with Server.from_environment().connect(database) as inside:
        there = inside.execute("SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL", [schema]).fetchone()
    return f"{database}.{schema}" if there == (True,) else None


def _custom_hostname(zone_id: str, host: str, _connection: psycopg.Connection) -> str | None:
    return cloudflare.find_hostname(zone_id, host)


def _on_own_server(identifier: str, slug: str, claim: Claim, _connection: psycopg.Connection) -> str | None:
    server = own_server.find(identifier, slug)
    if server is None:
        return None
    with server.connect() as connection:
        return claim.name if taken(connection, [claim]) else None
