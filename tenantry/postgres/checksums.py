"""What is in a tenant's tables, in one figure each that does not depend on the order of the rows, on the tenant's id or on the model.

Backups store it and moves compare both ends by it. A row's hash is PostgreSQL's own extended hash of the record (as hash partitioning
uses it, so it is the same in every version); a table has the sum of these, and the sum of their hashes. The first alone is what
manifests of format 1 hold: a record's hash is linear in those of its columns, so it does not see two rows that swapped a value.
Types whose hash means less than their text, or that have none, are hashed as text: as the connection's settings write it. It finds
accidents, not forgeries: for those the parts of a backup carry SHA-256 and the manifest a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import sql
from pydantic import BaseModel, ConfigDict

from tenantry.errors import WorkError
from tenantry.postgres import revisions
from tenantry.postgres.tables import rows_of

if TYPE_CHECKING:
    import psycopg

# Equal hash inputs are equal bytes: not numeric (1.0 = 1.00), float8 (-0 = 0), enums (hashed by OID), jsonb.
_EXACT: Final = frozenset({"uuid", "int2", "int4", "int8", "bool", "date", "timestamp", "timestamptz", "bytea"})
_TEXT: Final = frozenset({"text", "varchar"})
_SEED: Final = 7304


class Figure(BaseModel):
    """How many rows, their checksums, and the columns that these cover (without ``tenant_id``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    checksum: str
    """The sum of the rows' hashes."""
    columns: tuple[str, ...]
    mixed: str | None = None
    """The sum of the hashes of the rows' hashes; none in a manifest of format 1."""

    def equals(self, other: Figure) -> bool:
        """Whether both are of the same rows, as far as both can tell."""
        known = self.mixed is not None and other.mixed is not None
        return (
            self.columns == other.columns
            and (self.rows, self.checksum) == (other.rows, other.checksum)
            and (not known or self.mixed == other.mixed)
        )


def own_tables(connection: psycopg.Connection, schema: str) -> list[str]:
    """Every table of a tenant's own schema, also one that the tenant alone has; not what says how far it is migrated."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind IN ('r', 'p')"
        " AND NOT relispartition AND relname <> ALL (%s) ORDER BY relname",
        [schema, revisions.books()],
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


def figures(
    connection: psycopg.Connection, schema: str, tables: Iterable[str], tenant_id: UUID, *, inherited: bool = False
) -> dict[str, Figure]:
    """The figure of each table, as the connection's role sees it. ``WorkError`` when it sees a row of another tenant.

    ``inherited``: with the rows of tables that inherit from it, as manifests up to format 2 have it.
    """
    found = {}
    for table in tables:
        types = {name: type_ for name, type_, _ in columns(connection, schema, table)}
        rows = sql.Identifier(schema, table) if inherited else rows_of(connection, schema, table)
        found[table] = figure(connection, table, rows, types, tenant_id)
    return found


def figure(connection: psycopg.Connection, table: str, rows: sql.Composable, types: Mapping[str, str], tenant_id: UUID) -> Figure:
    """The figure of what stands in a FROM clause: all ``rows`` of ``table``, or some. ``types`` are those of the columns that count."""
    names = sorted(types.keys() - {"tenant_id"})
    record = sql.SQL("hash_record_extended(ROW({}), {})").format(
        sql.SQL(", ").join([_hashed(name, types[name]) for name in names] or [sql.SQL("0")]), sql.Literal(_SEED)
    )
    foreign = sql.SQL("tenant_id IS DISTINCT FROM {}").format(sql.Literal(tenant_id)) if "tenant_id" in types else sql.SQL("false")
    row = connection.execute(
        # OFFSET 0: the record is hashed once.
        sql.SQL(
            "SELECT count(*), coalesce(sum(hash), 0)::text, coalesce(sum(hashint8extended(hash, {})), 0)::text,"
            " count(*) FILTER (WHERE is_foreign) FROM (SELECT {} AS hash, {} AS is_foreign FROM {} OFFSET 0) hashed"
        ).format(sql.Literal(_SEED), record, foreign, rows)
    ).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has one row
    count, checksum, mixed, others = row
    if others:
        raise WorkError(f"{table} shows {others} rows of other tenants to {tenant_id}", "tenantry up --refresh puts its policies right")
    return Figure(rows=count, checksum=checksum, columns=tuple(names), mixed=mixed)


def differences(expected: Mapping[str, Figure], found: Mapping[str, Figure]) -> list[str]:
    """As sentences, what of ``expected`` is not so in ``found``; none when all is equal."""
    problems = []
    for table, wanted in expected.items():
        other = found.get(table)
        if other is None:
            problems.append(f"{table} is missing")
        elif other.rows != wanted.rows:
            problems.append(f"{table} has {other.rows} rows, not {wanted.rows}")
        elif not other.equals(wanted):
            problems.append(f"{table} has {wanted.rows} rows, but not the same")
    return problems + [f"{table} is too much" for table in found.keys() - expected.keys()]


def _hashed(name: str, kind: str) -> sql.Composable:
    column: Any = sql.Identifier(name)
    if kind in _EXACT:
        return sql.Composed([column])
    if kind in _TEXT:  # a collation that calls different texts equal would hash them alike
        return sql.SQL('{} COLLATE "C"').format(column)
    return sql.SQL('{}::text COLLATE "C"').format(column)
