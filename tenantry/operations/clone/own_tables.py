"""Fills tables that are the clone's alone: without indexes, references and triggers, which are put back when the rows are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tenantry.clients.stores import TenantStore


@dataclass(frozen=True)
class _Part:
    """An index, constraint or setting: what takes it away and what puts it back."""

    drop: sql.Composed
    restore: sql.Composed


@contextmanager
def emptied(connection: psycopg.Connection, store: TenantStore, tables: Sequence[str]) -> Iterator[None]:
    """In a transaction as the owner: empties the tables and takes away what would be checked row by row; puts it back at the end.

    Nobody sees the tables in between: they are locked until the transaction ends, and a kill leaves them as they were.
    """
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(_listed(store, tables)))
    settings = _settings(connection, store.schema, tables)
    references = _references(connection, store.schema)
    indexes = _indexes(connection, store.schema, tables)
    taken = [part for part in (*settings, *references, *indexes) if _taken(connection, part)]
    connection.execute(sql.SQL("TRUNCATE {}").format(_listed(store, tables)))
    yield
    # Indexes before the references that need them, the guard last.
    for part in reversed(taken):
        connection.execute(part.restore)


def _taken(connection: psycopg.Connection, part: _Part) -> bool:
    try:
        with connection.transaction():
            connection.execute(part.drop)
    except psycopg.errors.DependentObjectsStillExist:  # a view groups by the key: then it is kept up row by row
        return False
    return True


def _listed(store: TenantStore, tables: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(store.schema, table) for table in tables)


def _settings(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> list[_Part]:
    """Forced row security, which `COPY … FROM` cannot pass, and the triggers that are on."""
    rows = connection.execute(
        """
        SELECT c.relname, NULL::name FROM pg_class c
        WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relname = ANY (%(tables)s) AND c.relforcerowsecurity
        UNION ALL
        SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relname = ANY (%(tables)s)
          AND NOT t.tgisinternal AND t.tgenabled = 'O' AND t.tgparentid = 0
        """,
        {"schema": schema, "tables": list(tables)},
    ).fetchall()
    parts = []
    for name, trigger in rows:
        table = sql.Identifier(schema, name)
        if trigger is None:
            off, on = sql.SQL("NO FORCE ROW LEVEL SECURITY").format(), sql.SQL("FORCE ROW LEVEL SECURITY").format()
        else:
            off = sql.SQL("DISABLE TRIGGER {}").format(sql.Identifier(trigger))
            on = sql.SQL("ENABLE TRIGGER {}").format(sql.Identifier(trigger))
        parts.append(_Part(sql.SQL("ALTER TABLE {} {}").format(table, off), sql.SQL("ALTER TABLE {} {}").format(table, on)))
    return parts


def _references(connection: psycopg.Connection, schema: str) -> list[_Part]:
    rows = connection.execute(
        """
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = to_regnamespace(quote_ident(%s))
        """,
        [schema],
    )
    return [_constraint(sql.Identifier(schema, table), *row) for table, *row in rows]


def _indexes(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> list[_Part]:
    """Those of plain tables; a partitioned table keeps its own."""
    rows = connection.execute(
        """
        SELECT c.relname, coalesce(k.conname, x.relname), k.oid IS NOT NULL, coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(x.oid))
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
        LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u', 'x')
        WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relkind = 'r' AND c.relname = ANY (%s)
        """,
        [schema, list(tables)],
    )
    return [
        _constraint(sql.Identifier(schema, table), name, definition)
        if constraint
        else _Part(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)), sql.SQL(definition).format())
        for table, name, constraint, definition in rows
    ]


def _constraint(table: sql.Identifier, name: str, definition: str) -> _Part:
    return _Part(
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, sql.Identifier(name)),
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, sql.Identifier(name), sql.SQL(definition)),
    )
