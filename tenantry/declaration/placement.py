"""Where a tenant lives: the names its rows, objects and host are found under, decided by its declaration and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from tenantry import naming
from tenantry.declaration.model import Isolation, TenantDeclaration
from tenantry.settings import PlatformSettings


class Place(NamedTuple):
    """An isolation in a cell. ``turn`` tells the two ends of a move apart in what would else have the same name (docs/adr/0016)."""

    isolation: Isolation
    cell: str
    turn: int = 0

    @classmethod
    def of(cls, declaration: TenantDeclaration, turn: int = 0) -> Place:
        """Where the declaration says that the tenant lives."""
        return cls(declaration.isolation, declaration.cell, turn)

    def stack(self, slug: str) -> str:
        """The stack that holds a tenant who lives here."""
        return naming.stack_of(self.isolation, self.cell, slug)

    @property
    def shared(self) -> bool:
        """Whether the tables are other tenants' too: then no resource of the tenant's own makes them."""
        return self.isolation == "rls"

    def __str__(self) -> str:
        return f"{self.isolation} in the cell {self.cell}"


@dataclass(frozen=True)
class Location:
    """Where a tenant's rows are."""

    database: str
    schema: str
    app_role: str

    @classmethod
    def of(cls, slug: str, place: Place) -> Location:
        """Where the tenant's rows are when it lives at ``place``."""
        match place.isolation:
            case "rls":
                return cls(naming.cell_database(place.cell), naming.SHARED_SCHEMA, naming.cell_app(place.cell))
            case "schema":
                return cls(naming.cell_database(place.cell), naming.tenant_schema(slug), naming.tenant_app(slug, place.turn))
            case "database" | "instance":
                return cls(naming.tenant_database(slug), naming.TENANT_SCHEMA, naming.tenant_app(slug, place.turn))


class Residence(TypedDict):
    """The columns of ``tenants`` that say where it lives; a move changes these and no others."""

    isolation: str
    cell: str
    stack: str
    server: str | None
    """RDS identifier of a server of its own; None: the platform's server."""
    database: str
    schema: str
    app_role: str
    bucket: str


class Row(Residence):
    """A row of ``tenants``; its columns are the keys."""

    name: str
    tier: str
    state: str
    host: str
    prefix: str
    limits: dict[str, int]
    labels: dict[str, str]


def residence(slug: str, place: Place, settings: PlatformSettings) -> Residence:
    """The registry's columns of a tenant that lives at ``place``."""
    location = Location.of(slug, place)
    return {
        "isolation": place.isolation,
        "cell": place.cell,
        "stack": place.stack(slug),
        "server": naming.server_identifier(settings.bucket_prefix, slug) if place.isolation == "instance" else None,
        "database": location.database,
        "schema": location.schema,
        "app_role": location.app_role,
        "bucket": naming.bucket(settings.bucket_prefix, place.cell),
    }


def row(declaration: TenantDeclaration, settings: PlatformSettings, place: Place | None = None) -> Row:
    """The registry's row of the tenant, at ``place`` where that is not what the file says."""
    home = residence(declaration.slug, place or Place.of(declaration), settings)
    return {
        "name": declaration.name,
        "tier": declaration.tier,
        "isolation": home["isolation"],
        "cell": home["cell"],
        "stack": home["stack"],
        "state": declaration.state,
        "host": naming.host(declaration.slug, settings.domain),
        "server": home["server"],
        "database": home["database"],
        "schema": home["schema"],
        "app_role": home["app_role"],
        "bucket": home["bucket"],
        "prefix": naming.object_prefix(declaration.slug),
        "limits": declaration.limits.model_dump(),
        "labels": dict(declaration.labels),
    }
