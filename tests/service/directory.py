"""A control database with tenants in every state, and the login that looks them up."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.control import configuration, registry, servers
from tenantry.control.database import transaction
from tenantry.declaration.placement import Location, Place
from tenantry.postgres import login_limits, logins
from tenantry.postgres.server import Server
from tests.service import control_database

PASSWORD: Final = "look-me-up"
MODELS: Final = ("rls", "schema", "database", "instance")


def make() -> None:
    """Makes the database, and lets the login in."""
    control_database.make()
    with Server.from_environment().connect(naming.CONTROL_DATABASE) as admin:
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(naming.CONTROL_DIRECTORY)))
        logins.give_password(admin, naming.CONTROL_DIRECTORY, PASSWORD)
        logins.set_search_path(admin, naming.CONTROL_DIRECTORY, naming.CONTROL_DATABASE, naming.CONTROL_SCHEMA)
        login_limits.mend(admin, naming.CONTROL_DIRECTORY)


def dsn() -> str:
    """How the login connects."""
    server = Server.from_environment()
    return psycopg.conninfo.make_conninfo(
        host=server.host, port=server.port, dbname=naming.CONTROL_DATABASE, user=naming.CONTROL_DIRECTORY, password=PASSWORD
    )


def tenant(slug: str, isolation: Any = "rls", *, domains: tuple[str, ...] = (), cell: str = "main", **columns: Any) -> str:
    """Writes a tenant's row and host names, as the engine's run does; its id. Ready, unless told otherwise."""
    place = Location.of(slug, Place(isolation, cell))
    row = {
        "name": slug.title(), "tier": "starter", "isolation": isolation, "cell": cell, "stack": "shared", "state": "active",
        "host": f"{slug}.x.example", "server": f"p-t-{slug}" if isolation == "instance" else None, "database": place.database,
        "schema": place.schema, "app_role": place.app_role, "bucket": "b", "prefix": f"tenants/{slug}/", "limits": {}, "labels": {},
    }  # fmt: skip
    tenant_id = str(naming.tenant_id(slug))
    registry.record(tenant_id, slug, {**row, **columns}, list(domains), {"name": "Ada", "email": f"ada@{slug}.example"})
    registry.ready(tenant_id)
    if isolation == "instance":
        servers.record(f"p-t-{slug}", tenant_id, "db.example", 5433)
    configuration.write_declared(tenant_id, {"features.reports": "true", "theme.primary": '"#0b5fff"'})
    return tenant_id


def code(tenant_id: str) -> str:
    """The code of its administrator's invitation."""
    return f"a code of {tenant_id}"


def invite(tenant_id: str) -> bytes:
    """Gives its administrator's invitation that ``code``; the digest."""
    digest = hashlib.sha256(code(tenant_id).encode()).digest()
    with transaction() as connection:
        connection.execute(
            "UPDATE invitations SET token_hash = %s, issued_at = now(), expires_at = now() + interval '1 day' WHERE tenant_id = %s",
            [digest, tenant_id],
        )
    return digest


def forget(*tenant_ids: str) -> None:
    """Takes the tenants and all that was written of them out of the registry."""
    with transaction() as connection:
        for table in ("moves", "clones", "invitations", "tenant_configurations", "tenant_configuration_history", "tenant_domains"):
            connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = ANY(%s::uuid[])").format(sql.Identifier(table)), [[*tenant_ids]])
        for table in ("servers", "quarantined_names"):
            connection.execute(sql.SQL("DELETE FROM {} WHERE tenant = ANY(%s::uuid[])").format(sql.Identifier(table)), [[*tenant_ids]])
        connection.execute("DELETE FROM tenants WHERE id = ANY(%s::uuid[])", [[*tenant_ids]])
