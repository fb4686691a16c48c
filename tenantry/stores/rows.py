"""A tenant's rows, from one store's tables to another's: all of them, then what changed, then compared.

Connections are inside a transaction of ``TenantStore.acting``: as the owner, in the tenant's context, with the schema as search path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from psycopg import sql

from tenantry.postgres import checksums, loading, tables
from tenantry.postgres.checksums import Figure
from tenantry.postgres.tables import Group
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    import psycopg

CHUNK: Final = 20_000
"""Rows that are staged before they go into a table; what a copy needs in memory and temporary space does not grow beyond."""


class Table(NamedTuple):
    """A tenant table: what is copied of it, and by what its rows are known (``(column, type)``; empty: it has no primary key)."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    """The columns', as ``checksums`` names them."""
    key: tuple[tuple[str, str], ...]
    counted: tuple[str, ...]
    """Columns that are numbered always: they take a value with the row, and no other afterwards."""
    partitioned: bool
    group: Group
    """The tables that its rows go in with."""

    @property
    def rows(self) -> sql.Composable:
        """What a FROM clause reads of it."""
        return tables.only(sql.Identifier(self.name), partitioned=self.partitioned)


def describe(connection: psycopg.Connection, schema: str) -> list[Table]:
    """The tenant tables, each after those that its foreign keys point at; those of a circle stand together."""
    found = []
    connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", [schema])  # types of its own are named without it
    for group in tables.groups(connection, schema):
        for name in group.names:
            where = sql.Identifier(schema, name).as_string(connection)
            columns = connection.execute(
                "SELECT attname, typname, attidentity = 'a' FROM pg_attribute JOIN pg_type t ON t.oid = atttypid"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attname",
                [where],
            ).fetchall()
            key = connection.execute(
                "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_index i"
                " CROSS JOIN LATERAL unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY k (number, n)"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
                " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY k.n",
                [where],
            ).fetchall()
            kind = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [where]).fetchone()
            names, types = tuple(row[0] for row in columns), tuple(row[1] for row in columns)
            keys = tuple((row[0], row[1]) for row in key)
            counted = tuple(row[0] for row in columns if row[2] and row[0] not in dict(keys))
            found.append(Table(name, names, types, keys, counted, kind == (True,), group))
    return found


def grouped(some: Iterable[Table]) -> list[tuple[Group, list[Table]]]:
    return [(group, list(members)) for group, members in groupby(some, key=lambda table: table.group)]


@contextmanager
def reading(store: TenantStore, connection: psycopg.Connection | None = None) -> Iterator[psycopg.Connection]:
    """The store as of one moment, on a connection of its own or on one that stands ready. What was read of ``changes`` may be deleted."""
    with _ready(store, connection) as used, store.transaction(used, store.owner, isolation="REPEATABLE READ"):
        _plain_text(used)
        yield used


@contextmanager
def writing(store: TenantStore, connection: psycopg.Connection | None = None) -> Iterator[psycopg.Connection]:
    """The store to be written by the move, which no turnstile stops, and for which no trigger fires."""
    with _ready(store, connection) as used, store.transaction(used, store.owner):
        _plain_text(used)
        used.execute("SELECT set_config('tenantry.mover', 'on', true)")
        with loading.quiet(used, store.schema, shared=store.shared):
            yield used


def _ready(store: TenantStore, connection: psycopg.Connection | None) -> AbstractContextManager[psycopg.Connection]:
    return nullcontext(connection) if connection is not None else store.connected()


def _plain_text(connection: psycopg.Connection) -> None:
    """Values travel as text: it must say all of a value, and the same on both sides whatever the servers' settings are."""
    for name, value in (("datestyle", "ISO, YMD"), ("intervalstyle", "postgres"), ("timezone", "UTC"), ("extra_float_digits", "3")):
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])


def empty(target: psycopg.Connection, some: Sequence[Table], tenant_id: UUID) -> None:
    """Deletes the tenant's rows."""
    where = sql.SQL("tenant_id = {}").format(sql.Literal(str(tenant_id)))
    for _, members in reversed(grouped(some)):
        tables.together(target, [sql.SQL("DELETE FROM {} WHERE {}").format(table.rows, where) for table in members])


def copy(source: psycopg.Connection, target: psycopg.Connection, some: Sequence[Table], tenant_id: UUID,
         tell: Callable[[str, int], None] = lambda table, rows: None) -> int:  # fmt: skip
    """Makes the target's rows of the tenant exactly the source's; how many they are."""
    empty(target, some, tenant_id)
    total = 0
    for group, members in grouped(some):
        staged = {table: stage(target, f"rows_{number}", table, table.columns) for number, table in enumerate(members)}
        into = [
            sql.SQL("INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staged}").format(
                table=sql.Identifier(table.name), columns=names(table.columns), staged=staged[table]
            )
            for table in members
        ]
        for table in members:
            query = sql.SQL("SELECT {} FROM {} WHERE tenant_id = {}").format(names(table.columns), table.rows, sql.Literal(str(tenant_id)))
            for _ in pour(source, query, target, staged[table], None if group.inward else CHUNK):
                if not group.inward:
                    total += target.execute(into[0]).rowcount
                    target.execute(sql.SQL("TRUNCATE {}").format(staged[table]))
                tell(table.name, total)
        if group.inward:
            total += tables.together(target, into)
        for name in staged.values():
            target.execute(sql.SQL("DROP TABLE {}").format(name))
    return total


def stage(target: psycopg.Connection, name: str, table: Table, columns: Sequence[str]) -> sql.Identifier:
    """An empty temporary table with some columns of a table."""
    target.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(name), names(columns), sql.Identifier(table.name)
        )
    )
    return sql.Identifier("pg_temp", name)


def pour(source: psycopg.Connection, query: sql.Composable, target: psycopg.Connection, into: sql.Composable,
          chunk: int | None) -> Iterator[None]:  # fmt: skip
    """Streams a query's rows into a temporary table, and pauses whenever ``chunk`` rows are in it, and at the end.

    Not straight into the table: COPY FROM is refused where row security holds, and it holds for owners here.
    """
    with source.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as out:
        data = iter(out)
        while True:
            first = next(data, None)
            if first is None:
                return
            with target.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(into)) as stream:
                stream.write(first)
                for row in islice(data, chunk - 1 if chunk else None):
                    stream.write(row)
            yield


def compare(source: psycopg.Connection, target: psycopg.Connection, some: Sequence[Table],
            tenant_id: UUID) -> tuple[dict[str, Figure], list[str]]:  # fmt: skip
    """The figure of each of the source's tables, and what differs in the target, in words. Both sides at the same time."""

    def figures(connection: psycopg.Connection) -> dict[str, Figure]:
        return {table.name: figure(connection, table, table.rows, tenant_id) for table in some}

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(figures, target)
        ours = figures(source)
        return ours, checksums.differences(ours, theirs.result())


def figure(connection: psycopg.Connection, table: Table, rows: sql.Composable, tenant_id: UUID) -> Figure:
    return checksums.figure(connection, table.name, rows, dict(zip(table.columns, table.types, strict=True)), tenant_id)


def names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def equal(table: Table, one: str, other: str) -> sql.Composable:
    return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name)) for name, _ in table.key)
