"""What changed of a tenant's rows since they were copied, brought after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from psycopg import errors, sql

from tenantry.postgres import checksums, tables
from tenantry.stores.rows import Table, copy, equal, figure, grouped, names, pour, stage

if TYPE_CHECKING:
    import psycopg


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
        rows = sql.SQL("SELECT {} FROM {} t JOIN ({}) k USING ({})").format(names(table.columns), table.rows, wanted, names(keys))
        staged[table.name] = (stage(target, f"keys_{number}", table, keys), stage(target, f"rows_{number}", table, table.columns))
        ours[table.name] = figure(source, table, sql.SQL("({}) r").format(rows), tenant_id)
        for query, into in zip((wanted, rows), staged[table.name], strict=True):
            for _ in pour(source, query, target, into, None):
                pass
    for _, members in reversed(grouped(changed)):
        tables.together(target, [_deletion(table, *staged[table.name]) for table in members])
    for _, members in grouped(changed):
        if any(_renumbered(target, table, staged[table.name][1]) for table in members):
            raise _Anew
        if updates := [found for table in members if (found := _update(table, staged[table.name][1])) is not None]:
            tables.together(target, updates)
        tables.together(target, [_insertion(table, staged[table.name][1]) for table in members])
    theirs = {}
    for table in changed:
        rows = sql.SQL("{} t JOIN {} k USING ({})").format(table.rows, staged[table.name][0], names([name for name, _ in table.key]))
        theirs[table.name] = figure(target, table, rows, tenant_id)
    differing = [f"of the changed rows {what}" for what in checksums.differences(ours, theirs)]
    for pair in staged.values():
        for name in pair:
            target.execute(sql.SQL("DROP TABLE {}").format(name))
    return differing


def _deletion(table: Table, keys: sql.Composable, rows: sql.Composable) -> sql.Composed:
    """Of the rows that were changed, those that are no more."""
    return sql.SQL("DELETE FROM {table} t USING {keys} k WHERE {same} AND NOT EXISTS (SELECT 1 FROM {rows} r WHERE {kept})").format(
        table=table.rows, keys=keys, rows=rows, same=equal(table, "t", "k"), kept=equal(table, "r", "k")
    )


def _renumbered(target: psycopg.Connection, table: Table, rows: sql.Composable) -> bool:
    """Whether a row has another number than before: it takes it only when it goes in anew."""
    if not table.counted:
        return False
    other = sql.SQL("({}) IS DISTINCT FROM ({})").format(
        sql.SQL(", ").join(sql.Identifier("t", name) for name in table.counted),
        sql.SQL(", ").join(sql.Identifier("r", name) for name in table.counted),
    )
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} t JOIN {} r ON {} WHERE {})").format(table.rows, rows, equal(table, "t", "r"), other)
    return target.execute(query).fetchone() == (True,)


def _update(table: Table, rows: sql.Composable) -> sql.Composed | None:
    """Not ON CONFLICT, which a deferrable key does not serve."""
    rest = [name for name in table.columns if name not in dict(table.key) and name not in table.counted]
    if not rest:
        return None
    values = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("r", name)) for name in rest)
    return sql.SQL("UPDATE {} t SET {} FROM {} r WHERE {}").format(table.rows, values, rows, equal(table, "t", "r"))


def _insertion(table: Table, rows: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {rows} r"
        " WHERE NOT EXISTS (SELECT 1 FROM {own} t WHERE {same})"
    ).format(table=sql.Identifier(table.name), columns=names(table.columns), rows=rows, own=table.rows, same=equal(table, "t", "r"))
