"""Where a tenant lives: the names its rows, objects and host are found under, decided by its declaration and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from tenantry.declaration import naming
from tenantry.declaration.model import TenantDeclaration
from tenantry.settings import PlatformSettings


@dataclass(frozen=True)
class Location:
    """Where a tenant's rows are."""

    database: str
    schema: str
    app_role: str

    @classmethod
    def of(cls, declaration: TenantDeclaration) -> Location:
        """Where the tenant lives, in the isolation it declares."""
        slug, cell = declaration.slug, declaration.cell
        match declaration.isolation:
            case "rls":
                return cls(naming.cell_database(cell), naming.SHARED_SCHEMA, naming.cell_app(cell))
            case "schema":
                return cls(naming.cell_database(cell), naming.tenant_schema(slug), naming.tenant_app(slug))
            case "database" | "instance":
                return cls(naming.tenant_database(slug), naming.TENANT_SCHEMA, naming.tenant_app(slug))


class Row(TypedDict):
    """A row of ``tenants``; its columns are the keys."""

    name: str
    tier: str
    isolation: str
    cell: str
    stack: str
    state: str
    host: str
    server: str | None
    """RDS identifier of a server of its own; None: the platform's server."""
    database: str
    schema: str
    app_role: str
    bucket: str
    prefix: str
    limits: dict[str, int]
    labels: dict[str, str]


def row(declaration: TenantDeclaration, settings: PlatformSettings) -> Row:
    """The registry's row of the tenant."""
    location = Location.of(declaration)
    own_server = declaration.isolation == "instance"
    return {
        "name": declaration.name,
        "tier": declaration.tier,
        "isolation": declaration.isolation,
        "cell": declaration.cell,
        "stack": declaration.stack,
        "state": declaration.state,
        "host": naming.host(declaration.slug, settings.domain),
        "server": naming.server_identifier(settings.bucket_prefix, declaration.slug) if own_server else None,
        "database": location.database,
        "schema": location.schema,
        "app_role": location.app_role,
        "bucket": naming.bucket(settings.bucket_prefix, declaration.cell),
        "prefix": naming.object_prefix(declaration.slug),
        "limits": declaration.limits.model_dump(),
        "labels": dict(declaration.labels),
    }
