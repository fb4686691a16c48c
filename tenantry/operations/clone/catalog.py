"""What the tables of one schema are: columns, types, keys, as PostgreSQL's catalog has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenantry.postgres import revisions

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Column:
    """One column. ``type`` as SQL writes it; ``base`` and ``category`` see through domains, and through the array when ``array``."""

    name: str
    type: str
    base: str
    category: str
    """pg_type.typtype of the base: ``b`` plain, ``e`` enum, ``c`` composite, ``r`` range, ``m`` multirange."""
    array: bool
    length: int | None
    """Characters that a varchar or char takes; None: any number."""
    not_null: bool
    generated: bool
    identity: bool
    portable: bool
    """Whether its binary form means the same in every database: no type of ours is in it."""


@dataclass(frozen=True)
class ForeignKey:
    """``columns`` of ``table`` point at ``target_columns`` of ``target``, in that order; tenant_id is left out."""

    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table. ``columns`` in their order, tenant_id included; ``unique``: columns that some unique or exclusion index is about.

    ``key``: the primary key's, without tenant_id.
    """

    name: str
    columns: Mapping[str, Column]
    unique: frozenset[str]
    key: frozenset[str]

    @property
    def tenant_scoped(self) -> bool:
        """Whether its rows say whose they are."""
        return "tenant_id" in self.columns


@dataclass(frozen=True)
class Catalog:
    """The tables of a schema by name, without those that say how far it is migrated."""

    tables: Mapping[str, Table]
    foreign_keys: tuple[ForeignKey, ...]


def read(connection: psycopg.Connection, schema: str) -> Catalog:
    """The catalog of ``schema``."""
    columns: dict[str, dict[str, Column]] = {}
    for table, *values in connection.execute(_COLUMNS, {"schema": schema, "books": revisions.books()}).fetchall():
        found = columns.setdefault(table, {})
        if values[0] is not None:
            column = Column(*values)
            found[column.name] = column
    unique: dict[str, set[str]] = {}
    primary: dict[str, set[str]] = {}
    for table, name, is_primary in connection.execute(_UNIQUE, {"schema": schema}).fetchall():
        unique.setdefault(table, set()).add(name)
        if is_primary and name != "tenant_id":
            primary.setdefault(table, set()).add(name)
    tables = {
        name: Table(name, found, frozenset(unique.get(name, ())), frozenset(primary.get(name, ()))) for name, found in columns.items()
    }
    keys = tuple(_foreign_key(*row) for row in connection.execute(_FOREIGN_KEYS, {"schema": schema}).fetchall())
    return Catalog(tables, keys)


def tenant_tables(connection: psycopg.Connection, schema: str) -> frozenset[str]:
    """The tables of ``schema`` that have a ``tenant_id``."""
    return frozenset(name for name, table in read(connection, schema).tables.items() if table.tenant_scoped)


def _foreign_key(name: str, table: str, columns: list[str], target: str, target_columns: list[str]) -> ForeignKey:
    pairs = [pair for pair in zip(columns, target_columns, strict=True) if pair != ("tenant_id", "tenant_id")]
    return ForeignKey(name, table, tuple(a for a, _ in pairs), target, tuple(b for _, b in pairs))


_COLUMNS = """
WITH RECURSIVE bases AS (
    SELECT t.oid, t.oid AS base, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_type t
    UNION ALL
    SELECT b.oid, t.oid, t.typtype, t.typbasetype, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE b.typtypmod END,
           b.typnotnull OR (t.typtype = 'd' AND t.typnotnull)
    FROM bases b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
), plain AS (
    SELECT oid, base, typtypmod, typnotnull FROM bases WHERE typtype <> 'd'
)
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), format_type(element.oid, NULL), element.typtype,
       element.oid <> own.oid,
       CASE WHEN element.typname IN ('varchar', 'bpchar') AND length.modifier > 4 THEN length.modifier - 4 END,
       a.attnotnull OR coalesce(p.typnotnull, false), a.attgenerated <> '', a.attidentity <> '',
       own.typnamespace = 'pg_catalog'::regnamespace AND element.typnamespace = 'pg_catalog'::regnamespace AND element.typtype <> 'c'
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN plain p ON p.oid = a.atttypid
LEFT JOIN pg_type own ON own.oid = p.base
LEFT JOIN plain e ON e.oid = CASE
    WHEN own.typelem <> 0 AND own.typsubscript = 'array_subscript_handler'::regproc THEN own.typelem ELSE own.oid END
LEFT JOIN pg_type element ON element.oid = e.base
LEFT JOIN LATERAL (
    SELECT CASE WHEN a.atttypmod > 0 THEN a.atttypmod WHEN p.typtypmod > 0 THEN p.typtypmod ELSE e.typtypmod END AS modifier
) length ON true
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> ALL (%(books)s)
ORDER BY c.relname, a.attnum
"""

# An index over an expression depends on the columns in it.
_UNIQUE = """
SELECT c.relname, a.attname, i.indisprimary
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND (i.indisunique OR i.indisexclusion)
  AND (a.attnum = ANY (i.indkey) OR (i.indexprs IS NOT NULL AND EXISTS (
      SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
         AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)))
"""

_FOREIGN_KEYS = """
SELECT k.conname, c.relname,
       (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u (number, n)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number),
       t.relname,
       (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u (number, n)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = u.number)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
ORDER BY c.relname, k.conname
"""
