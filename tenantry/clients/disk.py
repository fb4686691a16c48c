"""How much room a PostgreSQL server has left, where that can be known: PostgreSQL itself does not say it in SQL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import psycopg

from tenantry.clients import aws
from tenantry.clients.stores import TenantStore

CAPACITY_VARIABLE: Final = "TENANTRY_DATABASE_GB"
"""Size of the platform's server's disk, for a managed one that is not a tenant's own."""


def free(store: TenantStore) -> int | None:
    """Bytes left on the tenant's server, or None when nobody can say.

    A server on this machine is asked through its data directory. Of others the disk's size is known (RDS for a tenant's own, the
    variable above for the platform's), and what the databases take is subtracted.
    """
    server = store.administrator()
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
        size = _capacity(store)
        if size is None:
            return None
        row = connection.execute("SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn").fetchone()
        return size - int(row[0] if row and row[0] else 0)


def _capacity(store: TenantStore) -> int | None:
    if store.server is not None:
        found = aws.describe_server(store.server, store.slug)
        return int(found["AllocatedStorage"]) << 30 if found and "AllocatedStorage" in found else None
    text = os.environ.get(CAPACITY_VARIABLE, "")
    return int(text) << 30 if text.isdigit() else None
