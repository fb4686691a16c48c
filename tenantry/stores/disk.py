"""How much room a PostgreSQL server has left, where that can be known: PostgreSQL itself does not say it in SQL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import psycopg

from tenantry.clients import aws
from tenantry.errors import InputError
from tenantry.postgres import own_server
from tenantry.postgres.server import Server
from tenantry.stores import usage
from tenantry.stores.tenant_store import TenantStore

CAPACITY_VARIABLE: Final = "TENANTRY_DATABASE_GB"
"""Size of the platform's server's disk, for a managed one that is not a tenant's own."""
PER_BYTE_OF_ROWS: Final = 2.5
"""Bytes on the server per byte of a dump or of rows, by experience: tables, their indexes and the write-ahead log."""
PER_BYTE_OF_TABLES: Final = 1.25
"""The same per byte of tables that have their indexes already; the new ones are as dense as can be."""


def require(needed: float, slug: str, server: str | None) -> None:
    """``InputError`` when there are fewer than ``needed`` bytes left where the tenant is to be; nothing where nobody can say.

    ``server``: the identifier of a server of its own; None: the platform's.
    """
    left = free(slug, server)
    if left is not None and left < needed:
        raise InputError(
            f"too little disk on the server of {slug}: {left / 1e9:.1f} GB left, about {needed / 1e9:.1f} GB needed",
            "make room, or enlarge the server's disk",
            code="disk.short",
        )


def copy_of(store: TenantStore) -> float:
    """Bytes that another copy of the tenant's tables is going to take, about."""
    _, size = usage.of_store(store)
    return size * (PER_BYTE_OF_ROWS if store.shared else PER_BYTE_OF_TABLES)


def free(slug: str, identifier: str | None) -> int | None:
    """Bytes left on the tenant's own server of that identifier, or on the platform's; None when nobody can say.

    A server on this machine is asked through its data directory. Of others the disk's size is known (RDS for a tenant's own, the
    variable above for the platform's), and what the databases take is subtracted.
    """
    server = own_server.find(identifier, slug) if identifier is not None else Server.from_environment()
    if server is None:  # it will be made
        return None
    with server.connect() as connection:
        if server.host in ("127.0.0.1", "::1", "localhost"):
            try:
                row = connection.execute("SHOW data_directory").fetchone()
            except psycopg.errors.InsufficientPrivilege:
                return None
            folder = Path(row[0]) if row else Path("/")
            # Closed to us where the server runs as another user: what is above it is on the same disk.
            existing = next((parent for parent in (folder, *folder.parents) if os.access(parent, os.R_OK)), None)
            return shutil.disk_usage(existing).free if existing else None
        size = _capacity(slug, identifier)
        if size is None:
            return None
        row = connection.execute("SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn").fetchone()
        return size - int(row[0] if row and row[0] else 0)


def _capacity(slug: str, identifier: str | None) -> int | None:
    if identifier is not None:
        found = aws.describe_server(identifier, slug)
        return int(found["AllocatedStorage"]) << 30 if found and "AllocatedStorage" in found else None
    text = os.environ.get(CAPACITY_VARIABLE, "")
    return int(text) << 30 if text.isdigit() else None
