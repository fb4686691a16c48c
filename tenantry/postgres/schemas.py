"""What is asked of schemas and done to them as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg


def those_there(connection: psycopg.Connection, schema: str, names: Sequence[str]) -> list[str]:
    """Those of the tables ``names`` that are in ``schema``."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind IN ('r', 'p')"
        " AND relname = ANY(%s)",
        [schema, list(names)],
    )
    return [name for (name,) in rows]


def rename(connection: psycopg.Connection, old: str, new: str) -> None:
    """Renames a schema together with what names it in text: the search paths that functions in it have of their own. As its owner, in a
    transaction.

    A function made with `SET search_path FROM CURRENT` keeps the name of its schema: under another one its triggers would fail, or write
    into the tables that took the name.
    """
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
    rows = connection.execute(
        """
        SELECT format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
               substr(setting, length('search_path=') + 1)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL unnest(p.proconfig) setting
        WHERE n.nspname = %s AND starts_with(setting, 'search_path=')
        """,
        [new],
    ).fetchall()
    written = {old, sql.Identifier(old).as_string(connection)}
    for routine, path in rows:
        names = [name.strip() for name in path.split(",")]
        if written.isdisjoint(names):
            continue
        changed = [sql.Identifier(new).as_string(connection) if name in written else name for name in names]
        connection.execute(sql.SQL("ALTER ROUTINE {} SET search_path = {}").format(sql.SQL(routine), sql.SQL(", ".join(changed))))
