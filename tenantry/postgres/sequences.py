"""Sequences after rows were brought into a store: none gives out a number that a row has.

It concerns every column that is numbered from a sequence: identity, serial, or a default of its own with nextval().
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import sql

from tenantry.errors import WorkError
from tenantry.postgres import tables

if TYPE_CHECKING:
    import psycopg

STEPS: Final = 10_000
"""Numbers that are drawn to go forward; for a longer way the sequence is set. Others may be drawing at the same time: between looking and
setting they do not come so far, but they might draw one or two, which setting would let be given out once more."""


class _Use(NamedTuple):
    """A column that is numbered from a sequence. ``step`` is negative where it counts down."""

    schema: str
    name: str
    step: int
    limit: int
    table: str
    column: str
    text: bool


def advance(connection: psycopg.Connection, schema: str) -> None:
    """Lets every sequence go on behind the values in the columns of ``schema`` that it numbers; one that is ahead stays.

    As the tables' owner. Where row security holds, the values are those that the connection sees. What was drawn is not rolled back.
    """
    for use, value in _behind(connection, schema):
        _forward(connection, sql.Identifier(use.schema, use.name), use.step, value)


def carry(source: psycopg.Connection, target: psycopg.Connection, source_schema: str, target_schema: str) -> None:
    """Lets each of the target's sequences be where the source's of the same name is, or further."""
    query = (
        "SELECT s.sequencename, s.last_value FROM pg_sequences s WHERE s.schemaname = %s AND s.last_value IS NOT NULL ORDER BY sequencename"
    )
    steps = "SELECT sequencename, increment_by FROM pg_sequences WHERE schemaname = %s"
    known: dict[str, int] = dict(target.execute(steps, [target_schema]).fetchall())
    for name, value in source.execute(query, [source_schema]).fetchall():
        if name in known:
            _forward(target, sql.Identifier(target_schema, name), known[name], value)


def require_ahead(connection: psycopg.Connection, schema: str) -> None:
    """``WorkError`` when a sequence would give out a number that a row of ``schema`` has."""
    found = [f"{use.name} of {use.table}.{use.column} is not past {value}" for use, value in _behind(connection, schema)]
    if found:
        raise WorkError(f"sequences would give out numbers that rows have: {'; '.join(found[:3])}", "report it: a fault of Tenantry's")


def _behind(connection: psycopg.Connection, schema: str) -> list[tuple[_Use, int]]:
    """The uses of sequences that are behind, with the furthest value of the column."""
    found = []
    for use in (_Use(*row) for row in connection.execute(_USES, {"schema": schema}).fetchall()):
        value = _furthest(connection, schema, use)
        if value is not None and (_next(connection, sql.Identifier(use.schema, use.name), use.step) - value) * use.step <= 0:
            found.append((use, value))
    return found


def _furthest(connection: psycopg.Connection, schema: str, use: _Use) -> int | None:
    column: sql.Composable = sql.Identifier(use.column)
    number, where = column, sql.Composed([])
    if use.text:  # a number as text, as some applications keep it
        number = sql.SQL("{}::numeric").format(column)
        where = sql.SQL(" WHERE {} ~ '^[0-9]{{1,18}}$'").format(column)
    query = sql.SQL("SELECT {}({}) FROM {}{}").format(
        sql.SQL("max" if use.step > 0 else "min"), number, tables.rows_of(connection, schema, use.table), where
    )
    row = connection.execute(query).fetchone()
    value: Any = row[0] if row else None
    if value is None or not Decimal(value).is_finite():
        return None
    # Beyond its end it gives out nothing any more.
    return min(int(value), use.limit) if use.step > 0 else max(int(value), use.limit)


def _next(connection: psycopg.Connection, sequence: sql.Identifier, step: int) -> int:
    row = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sequence)).fetchone()
    assert row is not None  # noqa: S101  # a sequence has one row
    return int(row[0]) + (step if row[1] else 0)


def _forward(connection: psycopg.Connection, sequence: sql.Identifier, step: int, value: int) -> None:
    """Past ``value``, never back."""
    following = _next(connection, sequence, step)
    missing = (value - following) // step + 1
    name = sequence.as_string(connection)
    if 0 < missing <= STEPS:
        connection.execute("SELECT max(nextval(%s::regclass)) FROM generate_series(1, %s)", [name, missing])
    elif missing > STEPS:
        connection.execute("SELECT setval(%s::regclass, %s)", [name, value])


# What a column's default draws from is a dependency of the default; identity and serial are owned by their column.
_USES: Final = """
SELECT DISTINCT n.nspname, s.relname, q.seqincrement, CASE WHEN q.seqincrement > 0 THEN q.seqmax ELSE q.seqmin END,
       c.relname, a.attname, t.typcategory = 'S'
FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p') AND t.typcategory IN ('N', 'S')
UNION
SELECT n.nspname, s.relname, q.seqincrement, CASE WHEN q.seqincrement > 0 THEN q.seqmax ELSE q.seqmin END,
       c.relname, a.attname, t.typcategory = 'S'
FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid JOIN pg_sequence q ON q.seqrelid = d.refobjid
JOIN pg_class s ON s.oid = q.seqrelid JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_class c ON c.oid = f.adrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.adnum JOIN pg_type t ON t.oid = a.atttypid
WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
  AND c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p') AND t.typcategory IN ('N', 'S')
  AND a.attgenerated = ''
ORDER BY 1, 2, 5, 6
"""
