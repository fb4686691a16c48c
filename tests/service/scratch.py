"""Databases that a test made itself, and tables that it brings forward itself."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from tenantry.postgres import migrations
from tenantry.postgres.server import Server
from tenantry.stores.tenant_store import TenantStore


def drop(server: Server, *databases: str, roles: Sequence[str]) -> None:
    """Drops the databases, whoever is in them, then the roles that they belonged to."""
    with server.connect() as admin:
        admin.autocommit = True
        for name in databases:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in roles:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def migrate(store: TenantStore) -> None:
    """Brings the store's tables to the newest revision, as the engine's runs do."""
    with store.connected() as connection:
        tenant_id = "" if store.shared else str(store.id)
        migrations.apply(connection, "tenant", store.schema, owner=store.owner, app_role=store.app_role, tenant_id=tenant_id)
