"""The tables of a schema: in which order rows go in and out, which of them have to go together, and what is read of one of them.

A table is a root: a partitioned one with all of its partitions, or a plain one without those that inherit from it, which are tables of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

if TYPE_CHECKING:
    import psycopg


class Group(NamedTuple):
    """Tables whose foreign keys point at each other in a circle, or one table alone."""

    names: tuple[str, ...]
    inward: bool
    """A foreign key of one of them points into the group: their rows have to go in, or out, in one statement."""


def groups(connection: psycopg.Connection, schema: str) -> list[Group]:
    """The tenant tables of ``schema`` (those with a ``tenant_id``), each after the groups that its foreign keys point at."""
    names = connection.execute(
        """
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname
        """,
        [schema],
    ).fetchall()
    # A partition may have, or be the target of, a key that its root has not.
    keys = connection.execute(
        """
        SELECT DISTINCT c.relname, t.relname FROM pg_constraint k
        JOIN pg_class c ON c.oid = coalesce(pg_partition_root(k.conrelid)::oid, k.conrelid)
        JOIN pg_class t ON t.oid = coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid)
        WHERE k.contype = 'f' AND c.relnamespace = to_regnamespace(quote_ident(%s)) AND t.relnamespace = c.relnamespace
        """,
        [schema],
    ).fetchall()
    needs: dict[str, set[str]] = {name: set() for (name,) in names}
    for table, target in keys:
        if table in needs and target in needs:
            needs[table].add(target)
    return [Group(found, any(needs[name] & set(found) for name in found)) for found in _ordered(needs)]


def names(connection: psycopg.Connection, schema: str) -> list[str]:
    """The tenant tables of ``schema``, each after the ones that its foreign keys point at, as far as these are in no circle."""
    return [name for group in groups(connection, schema) for name in group.names]


def _ordered(needs: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Groups of names, each after those that it needs; those that need each other in a circle are one."""
    group = {name: (name,) for name in needs}
    while True:
        order: dict[tuple[str, ...], set[tuple[str, ...]]] = {group[name]: set() for name in needs}
        for name, targets in needs.items():
            order[group[name]] |= {group[target] for target in targets} - {group[name]}
        try:
            return list(TopologicalSorter(order).static_order())
        except CycleError as error:
            met = tuple(sorted({name for names in error.args[1] for name in names}))
            group |= dict.fromkeys(met, met)


def rows_of(connection: psycopg.Connection, schema: str, table: str) -> sql.Composable:
    """What stands in a FROM clause, or behind DELETE FROM: the table's own rows, and not those of tables that inherit from it."""
    row = connection.execute(
        "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(format('%%I.%%I', %s::text, %s::text))", [schema, table]
    ).fetchone()
    return only(sql.Identifier(schema, table), partitioned=row == (True,))


def only(table: sql.Identifier, *, partitioned: bool) -> sql.Composable:
    """The same where the kind is known. A partitioned table has no rows of its own: there ONLY would read nothing."""
    return table if partitioned else sql.SQL("ONLY {}").format(table)


def together(connection: psycopg.Connection, statements: Sequence[sql.Composed]) -> int:
    """Data-modifying statements as one, so that foreign keys are checked when all of it is done; how many rows were affected.

    It needs no key to be deferrable, and no lock on a table. Not for statements that touch the same row.
    """
    if len(statements) == 1:
        return connection.execute(statements[0]).rowcount
    names = [sql.Identifier(f"part_{number}") for number in range(len(statements))]
    query = sql.SQL("WITH {} SELECT {}").format(
        sql.SQL(", ").join(
            sql.SQL("{} AS ({} RETURNING 1)").format(name, statement) for name, statement in zip(names, statements, strict=True)
        ),
        sql.SQL(" + ").join(sql.SQL("(SELECT count(*) FROM {})").format(name) for name in names),
    )
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def delete(connection: psycopg.Connection, schema: str, some: Iterable[Group], where: sql.Composable | None = None) -> None:
    """Deletes the rows that the connection's role sees, or those of them that ``where`` is about; ``some`` is as ``groups`` orders it."""
    condition = sql.SQL(" WHERE ") + where if where is not None else sql.SQL("")
    for group in reversed(list(some)):
        together(connection, [sql.SQL("DELETE FROM {}{}").format(rows_of(connection, schema, name), condition) for name in group.names])
