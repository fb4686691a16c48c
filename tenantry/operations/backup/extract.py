"""The tenant's data at one moment: a snapshot that figures and parts share, whatever program reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from psycopg import sql

from tenantry.clients import archive
from tenantry.control.backup_manifest import Part
from tenantry.errors import TransientError, WorkError
from tenantry.postgres import checksums, extensions, pgtools, revisions, tables
from tenantry.postgres.server import Server
from tenantry.stores import tenant_store
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    import psycopg

READ_TIMEOUT: Final = 1000
"""Milliseconds that a session which reads waits for a table that the snapshot's holds. Who wants that table to himself waits for the
snapshot's session, we for him, and the snapshot's session for us, which PostgreSQL does not see: all others would wait for ever."""


@dataclass(frozen=True)
class Snapshot:
    """One moment of a tenant's store, open as long as its transaction is."""

    store: TenantStore
    server: Server
    connection: psycopg.Connection
    id: str
    """For `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`."""
    taken_at: datetime
    revision: str
    server_version: int
    """Major."""
    role: str
    """As whom the data is read: the application's role in shared tables, so that policies decide; else the tables' owner."""
    tables: list[str]
    rows: dict[str, sql.Composable]
    """Table → what a FROM clause reads of it."""
    extensions: dict[str, str]
    """Of the database, with their schemas."""

    def figures(self) -> dict[str, checksums.Figure]:
        """Count and checksum of each table."""
        return checksums.figures(self.connection, self.store.schema, self.tables, self.store.id)


@contextmanager
def snapshot(store: TenantStore) -> Iterator[Snapshot]:
    """Opens a snapshot of the tenant's tables. ``WorkError`` when it has none, ``TransientError`` while they are being changed."""
    with store.connected() as connection:
        with store.transaction(connection, store.owner, read_only=True):
            names = _tables(connection, store)
        with store.transaction(connection, store.owner, isolation="REPEATABLE READ", read_only=True):
            tenant_store.hold(connection, store.schema, names)  # the snapshot comes after it; no column may come or go from here on
            row = connection.execute(
                "SELECT pg_export_snapshot(), now(), current_setting('server_version_num')::int / 10000, to_regclass(%s)",
                [revisions.version_table(store.schema)],
            ).fetchone()
            assert row is not None  # noqa: S101  # always one row
            if row[3] is None:
                raise WorkError(
                    f"tenant {store.slug} has no tables in {store.database}.{store.schema}", f"tenantry up {store.slug} makes them"
                )
            if _tables(connection, store) != names:
                raise TransientError(f"the tables of {store.slug} changed as they were to be read", "it is tried again")
            revision = revisions.version(connection, store.schema)
            role = store.app_role if store.shared else store.owner
            if store.shared:
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
                connection.execute("SET LOCAL row_security = on")
            yield Snapshot(
                store, store.administrator(), connection, row[0], row[1], revision or "", row[2], role, names,
                {name: tables.rows_of(connection, store.schema, name) for name in names}, extensions.installed(connection),
            )  # fmt: skip


def _tables(connection: psycopg.Connection, store: TenantStore) -> list[str]:
    return tables.names(connection, store.schema) if store.shared else checksums.own_tables(connection, store.schema)


def parts(snap: Snapshot, columns: dict[str, list[str]], keep: Callable[[str, archive.Read], tuple[int, str, int]]) -> Iterator[Part]:
    """The data, part by part; ``keep`` stores what it reads under a name."""
    if not snap.store.shared:
        name = "data.dump.zst.age"
        with pgtools.reading(_dump_command(snap), _environment(snap)) as read:
            size, digest, plain = keep(name, read)
        yield Part(name=name, kind="dump", bytes=size, sha256=digest, plain_bytes=plain)
        return
    for number, table in enumerate(snap.tables, 1):
        name = f"rows-{number:03}.copy.zst.age"
        with pgtools.reading(_copy_command(snap, table, columns[table]), _environment(snap)) as read:
            size, digest, plain = keep(name, read)
        yield Part(name=name, kind="rows", table=table, columns=tuple(columns[table]), bytes=size, sha256=digest, plain_bytes=plain)


def plain_columns(snap: Snapshot) -> dict[str, list[str]]:
    """By table, the columns that a restore writes: not generated ones."""
    return {
        table: [name for name, _, generated in checksums.columns(snap.connection, snap.store.schema, table) if not generated]
        for table in snap.tables
    }


def _environment(snap: Snapshot) -> dict[str, str]:
    settings = {"app.tenant_id": str(snap.store.id), "lock_timeout": str(READ_TIMEOUT)}
    if snap.server_version >= 17:  # psql's session, unlike pg_dump's, does not lift that limit by itself
        settings["transaction_timeout"] = "0"
    return pgtools.environment(snap.server, snap.store.database, settings)


def _dump_command(snap: Snapshot) -> list[str]:
    # Not compressed: zstd does that on its way, a fifth of the time of pg_dump's own gzip. As the owner, whom row security is forced on.
    only = [f'--schema="{snap.store.schema}"', "--strict-names"] if snap.store.isolation == "schema" else []
    return [
        pgtools.program("pg_dump", snap.server_version),
        "--format=custom", "--compress=0", f"--snapshot={snap.id}", f"--role={snap.role}", "--enable-row-security",
        f"--lock-wait-timeout={READ_TIMEOUT}", *only,
    ]  # fmt: skip


def _copy_command(snap: Snapshot, table: str, columns: list[str]) -> list[str]:
    query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(sql.SQL(", ").join(map(sql.Identifier, columns)), snap.rows[table])
    statements = [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snap.id)).as_string(),
        sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(snap.role)).as_string(),
        "SET LOCAL row_security = on",
        query.as_string(),
    ]
    command = [pgtools.program("psql", snap.server_version), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    return [*command, *(f"--command={statement}" for statement in statements)]
