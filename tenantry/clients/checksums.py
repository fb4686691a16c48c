"""How many rows a tenant's tables have and what is in them, as one number each that does not depend on the rows' order or place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

Sums = dict[str, tuple[int, int]]
"""Table → rows, and the sum of a 64-bit hash of each row's text. It finds accidents, not forgeries."""


def of(connection: psycopg.Connection, tables: Mapping[str, Sequence[str]]) -> Sums:
    """Of each table (name → columns) what the connection may see; both sides of a comparison need the same text settings."""
    found = {}
    for name, columns in tables.items():
        row = connection.execute(
            sql.SQL('SELECT count(*), coalesce(sum(hashtextextended(ROW({})::text COLLATE "C", 0)), 0) FROM {}').format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(name)
            )
        ).fetchone()
        assert row is not None  # noqa: S101  # an aggregate has one row
        found[name] = (int(row[0]), int(row[1]))
    return found
