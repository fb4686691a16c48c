"""How many rows a tenant's tables have and what is in them, as one number each that does not depend on the rows' order or place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

Sum = tuple[int, int]
"""Rows, and the sum of a 64-bit hash of each row's text. It finds accidents, not forgeries."""

Sums = dict[str, Sum]
"""The same by table."""


def of(connection: psycopg.Connection, tables: Mapping[str, Sequence[str]]) -> Sums:
    """Of each table (name → columns) what the connection may see; both sides of a comparison need the same text settings."""
    return {
        name: query(connection, sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(name)))
        for name, columns in tables.items()
    }


def query(connection: psycopg.Connection, rows: sql.Composable) -> Sum:
    """Of what a query gives; the order of its columns counts."""
    row = connection.execute(
        sql.SQL('SELECT count(*), coalesce(sum(hashtextextended(r::text COLLATE "C", 0)), 0) FROM ({}) r').format(rows)
    ).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has one row
    return int(row[0]), int(row[1])
