"""A tenant's rows, from one store's tables to another's: all of them, then what changed, then compared.

Connections are inside a transaction of ``TenantStore.acting``: as the owner, in the tenant's context, with the schema as search path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from psycopg import errors, sql

from tenantry.clients import checksums, stores
from tenantry.clients.checksums import Figure
from tenantry.clients.stores import TenantStore

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
    tree: bool
    """Rows point at rows of the same table: they have to go in at once."""


def describe(connection: psycopg.Connection, schema: str) -> list[Table]:
    """The tenant tables, each after those that its foreign keys point at."""
    found = []
    for name in stores.tables(connection, schema):
        where = sql.Identifier(schema, name).as_string(connection)
        columns = connection.execute(
            "SELECT attname, typname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attname",
            [where],
        ).fetchall()
        key = connection.execute(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
            " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)",
            [where],
        ).fetchall()
        tree = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass AND confrelid = conrelid)", [where]
        ).fetchone()
        names, types = tuple(row[0] for row in columns), tuple(row[1] for row in columns)
        found.append(Table(name, names, types, tuple((row[0], row[1]) for row in key), tree == (True,)))
    return found


@contextmanager
def reading(store: TenantStore, connection: psycopg.Connection | None = None) -> Iterator[psycopg.Connection]:
    """The store as of one moment, on a connection of its own or on one that stands ready. What was read of ``changes`` may be deleted."""
    with _ready(store, connection) as used, store.transaction(used, store.owner, isolation="REPEATABLE READ"):
        _plain_text(used)
        yield used


@contextmanager
def writing(store: TenantStore, connection: psycopg.Connection | None = None) -> Iterator[psycopg.Connection]:
    """The store to be written by the move, which no turnstile stops."""
    with _ready(store, connection) as used, store.transaction(used, store.owner):
        _plain_text(used)
        used.execute("SELECT set_config('tenantry.mover', 'on', true)")
        yield used


def _ready(store: TenantStore, connection: psycopg.Connection | None) -> AbstractContextManager[psycopg.Connection]:
    return nullcontext(connection) if connection is not None else store.connected()


def _plain_text(connection: psycopg.Connection) -> None:
    """Values travel as text: it must say all of a value, and the same on both sides whatever the servers' settings are."""
    for name, value in (("datestyle", "ISO, YMD"), ("intervalstyle", "postgres"), ("timezone", "UTC"), ("extra_float_digits", "3")):
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])


def empty(target: psycopg.Connection, tables: Sequence[Table], tenant_id: UUID) -> None:
    """Deletes the tenant's rows."""
    for table in reversed(tables):
        target.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(table.name)), [tenant_id])


def copy(source: psycopg.Connection, target: psycopg.Connection, tables: Sequence[Table], tenant_id: UUID,
         tell: Callable[[str, int], None] = lambda table, rows: None) -> int:  # fmt: skip
    """Makes the target's rows of the tenant exactly the source's; how many they are."""
    empty(target, tables, tenant_id)
    total = 0
    for table in tables:
        query = sql.SQL("SELECT {} FROM {} WHERE tenant_id = {}").format(
            _names(table.columns), sql.Identifier(table.name), sql.Literal(str(tenant_id))
        )
        staged = _stage(target, table, "rows", table.columns)
        into = sql.SQL("INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staged}").format(
            table=sql.Identifier(table.name), columns=_names(table.columns), staged=staged
        )
        for _ in _pour(source, query, target, staged, None if table.tree else CHUNK):
            total += target.execute(into).rowcount
            target.execute(sql.SQL("TRUNCATE {}").format(staged))
            tell(table.name, total)
        target.execute(sql.SQL("DROP TABLE {}").format(staged))
    return total


class Followed(NamedTuple):
    """What a round brought over."""

    notes: int
    anew: bool
    """Everything was copied once more, because single changes could not be told apart."""
    differing: list[str]
    """What is not equal among the rows that the notes named, in words."""


def follow(source: psycopg.Connection, target: psycopg.Connection, turnstile: str, tables: Sequence[Table], tenant_id: UUID) -> Followed:
    """Brings over what the source's turnstile noted, as it is at the moment that ``source`` looks at.

    The notes are gone when both transactions are committed; the target's must be the first.
    """
    changes = sql.Identifier(turnstile, "changes")
    counts: dict[str, int] = dict(source.execute(sql.SQL("SELECT table_name, count(*) FROM {} GROUP BY 1").format(changes)).fetchall())
    if not counts:
        return Followed(0, False, [])
    anew, differing = False, []
    changed = [table for table in tables if table.name in counts]
    try:
        if not all(table.key for table in changed):
            raise _Anew
        with target.transaction():
            differing = _apply(source, target, changes, changed, tenant_id)
    except (_Anew, errors.UniqueViolation, errors.ForeignKeyViolation):
        # Rows that swapped a unique value, or a table whose rows have no name: no order of single changes is known to be right.
        copy(source, target, tables, tenant_id)
        anew = True
    forget_notes(source, turnstile)
    return Followed(sum(counts.values()), anew, differing)


def forget_notes(source: psycopg.Connection, turnstile: str) -> None:
    """Deletes the notes that ``source`` sees: what it reads has them in it."""
    source.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(turnstile, "changes")))


class _Anew(Exception):
    """Single changes cannot be told apart."""


def _apply(source: psycopg.Connection, target: psycopg.Connection, changes: sql.Composable, changed: Sequence[Table],
           tenant_id: UUID) -> list[str]:  # fmt: skip
    """Brings the rows over that the notes name, and says which tables' differ among them afterwards."""
    staged, ours = {}, {}
    for table in changed:
        keys = tuple(name for name, _ in table.key)
        wanted = sql.SQL("SELECT DISTINCT {} FROM {} WHERE table_name = {}").format(
            sql.SQL(", ").join(
                sql.SQL("(key ->> {})::{} AS {}").format(sql.Literal(name), sql.SQL(type_), sql.Identifier(name))  # from the catalog
                for name, type_ in table.key
            ),
            changes,
            sql.Literal(table.name),
        )
        rows = sql.SQL("SELECT {} FROM {} t JOIN ({}) k USING ({})").format(
            _names(table.columns), sql.Identifier(table.name), wanted, _names(keys)
        )
        staged[table.name] = (_stage(target, table, "keys", keys), _stage(target, table, "rows", table.columns))
        ours[table.name] = _figure(source, table, sql.SQL("({}) r").format(rows), tenant_id)
        for query, into in zip((wanted, rows), staged[table.name], strict=True):
            for _ in _pour(source, query, target, into, None):
                pass
    for table in reversed(changed):
        keys_of, rows_of = staged[table.name]
        target.execute(
            sql.SQL("DELETE FROM {table} t USING {keys} k WHERE {same} AND NOT EXISTS (SELECT 1 FROM {rows} r WHERE {kept})").format(
                table=sql.Identifier(table.name), keys=keys_of, rows=rows_of, same=_equal(table, "t", "k"), kept=_equal(table, "r", "k")
            )
        )
    for table in changed:
        rest = [name for name in table.columns if name not in dict(table.key)]
        update = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in rest)
        target.execute(
            sql.SQL(
                "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {rows} ON CONFLICT ({keys}) DO {action}"
            ).format(
                table=sql.Identifier(table.name),
                columns=_names(table.columns),
                rows=staged[table.name][1],
                keys=_names([name for name, _ in table.key]),
                action=sql.SQL("UPDATE SET {}").format(update) if rest else sql.SQL("NOTHING"),
            )
        )
    theirs = {}
    for table in changed:
        rows = sql.SQL("{} t JOIN {} k USING ({})").format(
            sql.Identifier(table.name), staged[table.name][0], _names([name for name, _ in table.key])
        )
        theirs[table.name] = _figure(target, table, rows, tenant_id)
    differing = [f"of the changed rows {what}" for what in checksums.differences(ours, theirs)]
    for pair in staged.values():
        for name in pair:
            target.execute(sql.SQL("DROP TABLE {}").format(name))
    return differing


def _stage(target: psycopg.Connection, table: Table, what: str, columns: Sequence[str]) -> sql.Identifier:
    """An empty temporary table with some columns of a table."""
    name = sql.Identifier("pg_temp", f"{what}_{table.name}"[:63])
    target.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(f"{what}_{table.name}"[:63]), _names(columns), sql.Identifier(table.name)
        )
    )
    return name


def _pour(source: psycopg.Connection, query: sql.Composable, target: psycopg.Connection, into: sql.Composable,
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


def compare(source: psycopg.Connection, target: psycopg.Connection, tables: Sequence[Table],
            tenant_id: UUID) -> tuple[dict[str, Figure], list[str]]:  # fmt: skip
    """The figure of each of the source's tables, and what differs in the target, in words. Both sides at the same time."""

    def figures(connection: psycopg.Connection) -> dict[str, Figure]:
        return {table.name: _figure(connection, table, sql.Identifier(table.name), tenant_id) for table in tables}

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(figures, target)
        ours = figures(source)
        return ours, checksums.differences(ours, theirs.result())


def _figure(connection: psycopg.Connection, table: Table, rows: sql.Composable, tenant_id: UUID) -> Figure:
    return checksums.figure(connection, table.name, rows, dict(zip(table.columns, table.types, strict=True)), tenant_id)


def set_sequences(source: psycopg.Connection, target: psycopg.Connection, source_schema: str, target_schema: str) -> None:
    """Lets the target's sequences go on where the source's are; one that is ahead (other tenants use it too) stays."""
    query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = %s AND last_value IS NOT NULL"
    for name, value in source.execute(query, [source_schema]).fetchall():
        where = sql.Identifier(target_schema, name)
        target.execute(
            sql.SQL("SELECT setval(%s::regclass, greatest(%s, (SELECT last_value FROM {})))").format(where),
            [where.as_string(target), value],
        )


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _equal(table: Table, one: str, other: str) -> sql.Composable:
    return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name)) for name, _ in table.key)
