"""The ledger's tables: made, or given what they lack, by whoever writes the ledger."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import psycopg

SQL: Final = Path(__file__).with_name("ledger.sql")

_MARK: Final = "form "
FORM: Final = 1
"""As ledger.sql marks it. To be raised there and here with what an older program would misread; a column that it may leave out is none."""

_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS tenantry_ledger\.(\w+) \(\n(.*?)\n\);", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^    ([a-z_]+) ", re.MULTILINE)
_ADDED = re.compile(r"^ALTER TABLE tenantry_ledger\.(\w+) ADD COLUMN IF NOT EXISTS (\w+) ", re.MULTILINE)


@cache
def columns() -> Mapping[str, frozenset[str]]:
    """Table → its columns, as ledger.sql has them."""
    text = SQL.read_text(encoding="utf-8")
    found: dict[str, set[str]] = defaultdict(set)
    for table, body in _TABLE.findall(text):
        found[table] |= {*_COLUMN.findall(body)}
    for table, column in _ADDED.findall(text):
        found[table].add(column)
    return {table: frozenset(names) for table, names in found.items()}


def form_of(comment: object) -> int:
    """The form that the comment on the ledger's schema says; 0: it says none."""
    form = str(comment or "").removeprefix(_MARK)
    return int(form) if form.isdecimal() else 0


def make(connection: psycopg.Connection) -> None:
    """Makes what is not there, in the caller's transaction.

    Nothing is asked of a table that has all: an ``ALTER TABLE`` would wait for whoever is reading the ledger, also where it has nothing to
    do, and that reader for the tables that are locked already.
    """
    if not _whole(connection):
        connection.execute(SQL.read_bytes())


def _whole(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT (SELECT jsonb_object_agg(relname, columns) FROM ("
        " SELECT c.relname, jsonb_agg(a.attname) AS columns FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.relname) AS t),"
        " obj_description(n.oid, 'pg_namespace') FROM pg_namespace n WHERE n.nspname = 'tenantry_ledger'"
    ).fetchone()
    found, comment = row or (None, None)
    there = found or {}
    return form_of(comment) >= FORM and all(names <= {*there.get(table, ())} for table, names in columns().items())
