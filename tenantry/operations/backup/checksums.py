"""What is in a tenant's tables, in one figure each that does not depend on the order of the rows, on the tenant's id or on the model.

A row's figure is PostgreSQL's own extended hash of the record (as hash partitioning uses it, so it is the same in every version); a
table's is their sum. Types whose hash means less than their text, or that have none, are hashed as text. It finds accidents, not
forgeries: for those the parts of a backup carry SHA-256 and the manifest a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import sql
from pydantic import BaseModel, ConfigDict

from tenantry.errors import WorkError

if TYPE_CHECKING:
    import psycopg

# Equal hash inputs are equal bytes: not numeric (1.0 = 1.00), float8 (-0 = 0), enums (hashed by OID), jsonb.
_EXACT: Final = frozenset({"uuid", "int2", "int4", "int8", "bool", "date", "timestamp", "timestamptz", "bytea"})
_TEXT: Final = frozenset({"text", "varchar"})
_SEED: Final = 7304


class Figure(BaseModel):
    """A table's rows, their checksum, and the columns that it covers (all but ``tenant_id``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    checksum: str
    columns: tuple[str, ...]


def own_tables(connection: psycopg.Connection, schema: str) -> list[str]:
    """Every table of a tenant's own schema, also one that the tenant alone has; not Alembic's."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind IN ('r', 'p')"
        " AND NOT relispartition AND relname <> 'alembic_version' ORDER BY relname",
        [schema],
    )
    return [name for (name,) in rows]


def columns(connection: psycopg.Connection, schema: str, table: str) -> list[tuple[str, str, bool]]:
    """Name, type and whether it is generated, of each column, in the table's order."""
    return connection.execute(
        """
        SELECT a.attname, t.typname, a.attgenerated <> '' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
        """,
        [schema, table],
    ).fetchall()


def figures(connection: psycopg.Connection, schema: str, tables: Iterable[str], tenant_id: UUID) -> dict[str, Figure]:
    """The figure of each table, as the connection's role sees it. ``WorkError`` when it sees a row of another tenant."""
    found = {}
    for table in tables:
        kinds = {name: kind for name, kind, _ in columns(connection, schema, table)}
        owned = kinds.pop("tenant_id", None) is not None
        names = sorted(kinds)
        record = sql.SQL("hash_record_extended(ROW({}), {})").format(
            sql.SQL(", ").join([_hashed(name, kinds[name]) for name in names] or [sql.SQL("0")]), sql.Literal(_SEED)
        )
        foreign = sql.SQL("count(*) FILTER (WHERE tenant_id IS DISTINCT FROM {})").format(sql.Literal(tenant_id)) if owned else sql.SQL("0")
        row = connection.execute(
            sql.SQL("SELECT count(*), coalesce(sum({}), 0)::text, {} FROM {}").format(record, foreign, sql.Identifier(schema, table))
        ).fetchone()
        assert row is not None  # noqa: S101  # an aggregate has one row
        if row[2]:
            raise WorkError(f"{table} shows {row[2]} rows of other tenants to {tenant_id}", "tenantry up --refresh puts its policies right")
        found[table] = Figure(rows=row[0], checksum=row[1], columns=tuple(names))
    return found


def differences(expected: Mapping[str, Figure], found: Mapping[str, Figure]) -> list[str]:
    """In words, what of ``expected`` is not so in ``found``; none when all is equal."""
    problems = []
    for table, figure in expected.items():
        other = found.get(table)
        if other is None:
            problems.append(f"{table} is missing")
        elif other.rows != figure.rows:
            problems.append(f"{table} has {other.rows} rows, not {figure.rows}")
        elif other != figure:
            problems.append(f"{table} has {figure.rows} rows, but not the same")
    return problems + [f"{table} is too much" for table in found.keys() - expected.keys()]


def _hashed(name: str, kind: str) -> sql.Composable:
    column: Any = sql.Identifier(name)
    if kind in _EXACT:
        return sql.Composed([column])
    if kind in _TEXT:  # a collation that calls different texts equal would hash them alike
        return sql.SQL('{} COLLATE "C"').format(column)
    return sql.SQL('{}::text COLLATE "C"').format(column)
