"""Whose turn it is to migrate a schema: a lock on its version table."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql

from tenantry.errors import TransientError
from tenantry.postgres import locks, revisions

TURN: Final = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(revisions.VERSION_TABLE))
"""Whoever migrates a schema has its version table to himself; nobody but the owner has a right to it, and so to that lock."""

# As Alembic makes it. Whoever makes it at the same time is waited for.
TABLE_THERE: Final = sql.SQL(
    """
    DO $there$ BEGIN
        CREATE TABLE IF NOT EXISTS {table} (version_num varchar(32) NOT NULL, CONSTRAINT {key} PRIMARY KEY (version_num));
    EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL;
    END $there$
    """
).format(table=sql.Identifier(revisions.VERSION_TABLE), key=sql.Identifier(f"{revisions.VERSION_TABLE}_pkc"))


def keep_out(connection: psycopg.Connection, schema: str, owner: str) -> None:
    """No migration of ``schema`` begins until the connection's transaction ends, which begins here; one under way is waited for.

    ``TransientError`` when that takes longer than the session waits for a lock.
    """
    table = sql.Identifier(schema, revisions.version_table(schema))
    try:
        connection.execute(sql.SQL("SET LOCAL ROLE {}; LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(owner), table))
    except psycopg.errors.LockNotAvailable as error:
        connection.rollback()
        raise TransientError(
            f"the tables of {schema} are being migrated{locks.on_tables(connection, schema)}", "it is tried again when that has ended"
        ) from error
