"""Puts what is staged in the place of a tenant's data, in one transaction, and keeps what was there. And back.

Each function finds out for itself how far an earlier attempt came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from tenantry.errors import TransientError, WorkError
from tenantry.operations.restore import staging
from tenantry.operations.restore.staging import Names
from tenantry.postgres import checksums, loading, revisions, schemas, sequences, tables
from tenantry.postgres.server import acting_as, may_act_as
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    from tenantry.postgres.checksums import Figure


def swap(store: TenantStore, *, keep: bool = True) -> bool:
    """The staged data becomes the tenant's, and what was there is kept (or, without ``keep``, gone). False: an earlier attempt did it."""
    names = Names.of(store)
    if not _is_there(store, names.staging):
        if not store.shared and has_kept(store):
            _shut_out(store, names.kept)  # the earlier attempt may not have come to it
        return False
    if store.shared:
        _exchange_rows(store, keep=keep)
    else:
        _rename(store, [(names.live, names.kept), (names.staging, names.live)])
        _shut_out(store, names.kept)
        if not keep:
            drop_kept(store)
    return True


def stage_kept(store: TenantStore) -> bool:
    """For a way back: what was kept becomes the staging, as ``swap`` takes it. False: nothing is kept any more."""
    names = Names.of(store)
    if not _is_there(store, names.kept):
        return False
    _rename(store, [(names.kept, names.staging)])
    return True


def has_staged(store: TenantStore) -> bool:
    """Whether data stands ready to become the tenant's."""
    return _is_there(store, Names.of(store).staging)


def has_kept(store: TenantStore) -> bool:
    """Whether data that a restore replaced is there."""
    return _is_there(store, Names.of(store).kept)


def drop_kept(store: TenantStore) -> None:
    """Drops what was kept; nothing kept is all right."""
    staging.drop(store, Names.of(store).kept)


def _is_there(store: TenantStore, name: str) -> bool:
    if Names.of(store).own_database:
        with store.administrator().connect() as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None
    with store.connected() as connection:
        return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]).fetchone() is not None


def _rename(store: TenantStore, pairs: list[tuple[str, str]]) -> None:
    """All of the renames or none. A database must have no session: those that there are end."""
    if not Names.of(store).own_database:
        with store.connected() as connection, acting_as(connection, store.owner):
            for old, new in pairs:
                schemas.rename(connection, old, new)
        return
    with store.administrator().connect() as connection:
        may_act_as(connection, store.owner)
        names = [name for pair in pairs for name in pair]
        # Sessions of a server's own processes (autovacuum) end as well when they are asked to.
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)", [names])
        connection.commit()
        try:
            with connection.transaction():
                for old, new in pairs:
                    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
        except psycopg.errors.ObjectInUse as error:
            raise TransientError(f"another session is connected to {store.database}", "end that session", code="tenant.busy") from error


def _shut_out(store: TenantStore, kept: str) -> None:
    """The application's role has nothing to look for in what was replaced."""
    if Names.of(store).own_database:
        with store.administrator().connect() as connection, acting_as(connection, store.owner):
            connection.execute(
                sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(sql.Identifier(kept), sql.Identifier(store.app_role))
            )
        return
    with store.connected() as connection, acting_as(connection, store.owner):
        connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(sql.Identifier(kept), sql.Identifier(store.app_role)))


def _exchange_rows(store: TenantStore, *, keep: bool) -> None:
    """In shared tables: this tenant's rows out, the staged ones in, and compared, before anybody sees either. Done as the tables' owner in
    the tenant's context: row security is forced on the owner too, so no other tenant's row can be reached by mistake."""
    names = Names.of(store)
    with store.acting(store.owner) as connection:
        groups = tables.groups(connection, store.schema)
        ordered = [name for group in groups for name in group.names]
        if set(ordered) != set(tables.names(connection, names.staging)):
            raise WorkError(
                f"the staged tables of {store.slug} are not those of the cell {store.cell}",
                f"tenantry up --stack {store.stack}, then resume",
            )
        if keep:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(names.kept)))
            for table in schemas.those_there(connection, store.schema, revisions.books()):  # LIKE: what counts rows by itself goes on
                kept = sql.Identifier(names.kept, table)
                connection.execute(
                    sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL); INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM {}").format(
                        kept, sql.Identifier(store.schema, table), kept, sql.Identifier(store.schema, table)
                    )
                )
            for table in ordered:
                connection.execute(
                    sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(
                        sql.Identifier(names.kept, table), tables.rows_of(connection, store.schema, table)
                    )
                )
        expected = checksums.figures(connection, names.staging, ordered, store.id)
        with loading.quiet(connection, store.schema, shared=True):
            tables.delete(connection, store.schema, groups)
            for group in groups:
                tables.together(connection, [_inserted(connection, store.schema, names.staging, table) for table in group.names])
        _require_same(store, expected, checksums.figures(connection, store.schema, ordered, store.id))
        sequences.advance(connection, store.schema)
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(names.staging)))


def _inserted(connection: psycopg.Connection, schema: str, staging: str, table: str) -> sql.Composed:
    """The staged rows of a table into the tenant's. A type of the schema's own is another one in the staging: its values go as text."""
    rows = connection.execute(
        """
        SELECT attname, format_type(atttypid, atttypmod), typnamespace <> 'pg_catalog'::regnamespace
        FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
        WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attnum
        """,
        [schema, table],
    ).fetchall()
    values = [
        sql.SQL("{}::text::{}").format(sql.Identifier(name), sql.SQL(type_)) if own else sql.Identifier(name) for name, type_, own in rows
    ]
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
        sql.Identifier(schema, table),
        sql.SQL(", ").join(sql.Identifier(name) for name, _, _ in rows),
        sql.SQL(", ").join(values),
        tables.rows_of(connection, staging, table),
    )


def _require_same(store: TenantStore, expected: dict[str, Figure], found: dict[str, Figure]) -> None:
    problems = checksums.differences(expected, found)
    if problems:
        raise WorkError(
            f"tenant {store.slug} would not get what was staged: {'; '.join(problems[:3])}",
            f"nothing was changed; tenantry restore rollback {store.slug} opens its doors",
        )
