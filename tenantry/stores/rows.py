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

from psycopg import errors, sql

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


def _grouped(some: Iterable[Table]) -> list[tuple[Group, list[Table]]]:
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
    for _, members in reversed(_grouped(some)):
        tables.together(target, [sql.SQL("DELETE FROM {} WHERE {}").format(table.rows, where) for table in members])


def copy(source: psycopg.Connection, target: psycopg.Connection, some: Sequence[Table], tenant_id: UUID,
         tell: Callable[[str, int], None] = lambda table, rows: None) -> int:  # fmt: skip
    """Makes the target's rows of the tenant exactly the source's; how many they are."""
    empty(target, some, tenant_id)
    total = 0
    for group, members in _grouped(some):
        staged = {table: _stage(target, f"rows_{number}", table, table.columns) for number, table in enumerate(members)}
        into = [
            sql.SQL("INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staged}").format(
                table=sql.Identifier(table.name), columns=_names(table.columns), staged=staged[table]
            )
            for table in members
        ]
        for table in members:
            query = sql.SQL("SELECT {} FROM {} WHERE tenant_id = {}").format(_names(table.columns), table.rows, sql.Literal(str(tenant_id)))
            for _ in _pour(source, query, target, staged[table], None if group.inward else CHUNK):
                if not group.inward:
                    total += target.execute(into[0]).rowcount
                    target.execute(sql.SQL("TRUNCATE {}").format(staged[table]))
                tell(table.name, total)
        if group.inward:
            total += tables.together(target, into)
        for name in staged.values():
            target.execute(sql.SQL("DROP TABLE {}").format(name))
    return total


class Followed(NamedTuple):
    """What a round brought over."""

    notes: int
    anew: bool
    """Everything was copied once more, because single changes could not be told apart."""
    differing: list[str]
    """What is not equal among the rows that the notes named, in words."""
    unknown: Sequence[str] = ()
    """Tables that the notes name and nobody copies. Then nothing was brought over, and the notes stay."""


def follow(source: psycopg.Connection, target: psycopg.Connection, turnstile: str, some: Sequence[Table], tenant_id: UUID) -> Followed:
    """Brings over what the source's turnstile noted, as it is at the moment that ``source`` looks at.

    The notes are gone when both transactions are committed; the target's must be the first.
    """
    changes = sql.Identifier(turnstile, "changes")
    # A note without a key is of a whole table, which was truncated.
    query = sql.SQL("SELECT table_name, count(*), bool_or(key = '{{}}') FROM {} GROUP BY 1").format(changes)
    counts = {name: (number, whole) for name, number, whole in source.execute(query).fetchall()}
    if not counts:
        return Followed(0, False, [])
    notes = sum(number for number, _ in counts.values())
    if unknown := sorted(counts.keys() - {table.name for table in some}):
        return Followed(notes, False, [], unknown)
    anew, differing = False, []
    changed = [table for table in some if table.name in counts]
    try:
        if any(whole for _, whole in counts.values()):  # also those of a table that has no key
            raise _Anew
        with target.transaction():
            differing = _apply(source, target, changes, changed, tenant_id)
    except (_Anew, errors.UniqueViolation, errors.ExclusionViolation, errors.ForeignKeyViolation, errors.RestrictViolation):
        # Rows that swapped a unique value, or a table whose rows have no name: no order of single changes is known to be right.
        copy(source, target, some, tenant_id)
        anew = True
    forget_notes(source, turnstile)
    return Followed(notes, anew, differing)


def forget_notes(source: psycopg.Connection, turnstile: str) -> None:
    """Deletes the notes that ``source`` sees: what it reads has them in it."""
    source.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(turnstile, "changes")))


class _Anew(Exception):
    """Single changes cannot be told apart."""


def _apply(source: psycopg.Connection, target: psycopg.Connection, changes: sql.Composable, changed: Sequence[Table],
           tenant_id: UUID) -> list[str]:  # fmt: skip
    """Brings the rows over that the notes name, and says which tables' differ among them afterwards."""
    staged, ours = {}, {}
    for number, table in enumerate(changed):
        keys = tuple(name for name, _ in table.key)
        wanted = sql.SQL("SELECT DISTINCT {} FROM {}, jsonb_to_record(key) AS k ({}) WHERE table_name = {}").format(
            sql.SQL(", ").join(sql.Identifier("k", name) for name in keys),
            changes,
            sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in table.key),  # the catalog's
            sql.Literal(table.name),
        )
        rows = sql.SQL("SELECT {} FROM {} t JOIN ({}) k USING ({})").format(_names(table.columns), table.rows, wanted, _names(keys))
        staged[table.name] = (_stage(target, f"keys_{number}", table, keys), _stage(target, f"rows_{number}", table, table.columns))
        ours[table.name] = _figure(source, table, sql.SQL("({}) r").format(rows), tenant_id)
        for query, into in zip((wanted, rows), staged[table.name], strict=True):
            for _ in _pour(source, query, target, into, None):
                pass
    for _, members in reversed(_grouped(changed)):
        tables.together(target, [_deletion(table, *staged[table.name]) for table in members])
    for _, members in _grouped(changed):
        if any(_renumbered(target, table, staged[table.name][1]) for table in members):
            raise _Anew
        if updates := [found for table in members if (found := _update(table, staged[table.name][1])) is not None]:
            tables.together(target, updates)
        tables.together(target, [_insertion(table, staged[table.name][1]) for table in members])
    theirs = {}
    for table in changed:
        rows = sql.SQL("{} t JOIN {} k USING ({})").format(table.rows, staged[table.name][0], _names([name for name, _ in table.key]))
        theirs[table.name] = _figure(target, table, rows, tenant_id)
    differing = [f"of the changed rows {what}" for what in checksums.differences(ours, theirs)]
    for pair in staged.values():
        for name in pair:
            target.execute(sql.SQL("DROP TABLE {}").format(name))
    return differing


def _deletion(table: Table, keys: sql.Composable, rows: sql.Composable) -> sql.Composed:
    """Of the rows that were changed, those that are no more."""
    return sql.SQL("DELETE FROM {table} t USING {keys} k WHERE {same} AND NOT EXISTS (SELECT 1 FROM {rows} r WHERE {kept})").format(
        table=table.rows, keys=keys, rows=rows, same=_equal(table, "t", "k"), kept=_equal(table, "r", "k")
    )


def _renumbered(target: psycopg.Connection, table: Table, rows: sql.Composable) -> bool:
    """Whether a row has another number than before: it takes it only when it goes in anew."""
    if not table.counted:
        return False
    other = sql.SQL("({}) IS DISTINCT FROM ({})").format(
        sql.SQL(", ").join(sql.Identifier("t", name) for name in table.counted),
        sql.SQL(", ").join(sql.Identifier("r", name) for name in table.counted),
    )
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} t JOIN {} r ON {} WHERE {})").format(table.rows, rows, _equal(table, "t", "r"), other)
    return target.execute(query).fetchone() == (True,)


def _update(table: Table, rows: sql.Composable) -> sql.Composed | None:
    """Not ON CONFLICT, which a deferrable key does not serve."""
    rest = [name for name in table.columns if name not in dict(table.key) and name not in table.counted]
    if not rest:
        return None
    values = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("r", name)) for name in rest)
    return sql.SQL("UPDATE {} t SET {} FROM {} r WHERE {}").format(table.rows, values, rows, _equal(table, "t", "r"))


def _insertion(table: Table, rows: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {rows} r"
        " WHERE NOT EXISTS (SELECT 1 FROM {own} t WHERE {same})"
    ).format(table=sql.Identifier(table.name), columns=_names(table.columns), rows=rows, own=table.rows, same=_equal(table, "t", "r"))


def _stage(target: psycopg.Connection, name: str, table: Table, columns: Sequence[str]) -> sql.Identifier:
    """An empty temporary table with some columns of a table."""
    target.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(name), _names(columns), sql.Identifier(table.name)
        )
    )
    return sql.Identifier("pg_temp", name)


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


def compare(source: psycopg.Connection, target: psycopg.Connection, some: Sequence[Table],
            tenant_id: UUID) -> tuple[dict[str, Figure], list[str]]:  # fmt: skip
    """The figure of each of the source's tables, and what differs in the target, in words. Both sides at the same time."""

    def figures(connection: psycopg.Connection) -> dict[str, Figure]:
        return {table.name: _figure(connection, table, table.rows, tenant_id) for table in some}

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(figures, target)
        ours = figures(source)
        return ours, checksums.differences(ours, theirs.result())


def _figure(connection: psycopg.Connection, table: Table, rows: sql.Composable, tenant_id: UUID) -> Figure:
    return checksums.figure(connection, table.name, rows, dict(zip(table.columns, table.types, strict=True)), tenant_id)


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _equal(table: Table, one: str, other: str) -> sql.Composable:
    return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name)) for name, _ in table.key)
