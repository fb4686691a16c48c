"""PostgreSQL's extensions: a database has each once, whatever schemas its tenants have. Their home is a schema that every store sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import psycopg
from psycopg import sql

from tenantry.errors import WorkError
from tenantry.naming import EXTENSIONS_SCHEMA, TENANT_SCHEMA

_TURN: Final = f"{EXTENSIONS_SCHEMA}.tenantry_turn"
"""A table that nobody but the database's owner has a right to, and so may lock: whoever makes an extension takes turns by it."""
_MADE: Final = re.compile(
    r"""\bcreate\s+extension\s+(?P<careful>if\s+not\s+exists\s+)?"?(?P<name>[\w-]+)"?
        (?P<options>(?:\s+(?:with|cascade|version\s+[^\s;]+|schema\s+[^\s;]+)\b)*)""",
    re.IGNORECASE | re.VERBOSE,
)
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)

# USAGE for all: who gets into a database works with columns of the extensions' types. Nothing else is in it.
HOME: Final = f"""
DO $home$ BEGIN
    -- A dump that was restored without rights has the schema alone.
    IF has_schema_privilege('public', to_regnamespace('{EXTENSIONS_SCHEMA}')::oid, 'USAGE') IS NOT TRUE THEN
        CREATE SCHEMA IF NOT EXISTS {EXTENSIONS_SCHEMA};
        CREATE TABLE IF NOT EXISTS {_TURN} ();
        GRANT USAGE ON SCHEMA {EXTENSIONS_SCHEMA} TO PUBLIC;
    END IF;
-- Whoever makes it at the same time was waited for. Where an administrator has made one by hand it is his to open.
EXCEPTION WHEN unique_violation OR duplicate_schema OR duplicate_table OR insufficient_privilege THEN NULL;
END $home$"""
"""Makes the home where it is missing; run as the database's owner."""


def making(script: str) -> str:
    """The statements that stand before ``script``: they make the extensions that it is to find, in their home.

    By itself `CREATE EXTENSION` makes one where new tables go, in one store's schema, and only a superuser can bring it from there to
    another. Two that make the same one at once would meet in the catalog, and one fail: where one is lacking they take turns.
    """
    found = list(_MADE.finditer(_COMMENT.sub(" ", script)))
    if not found:
        return "SELECT"
    statements = [_turn(made["name"] for made in found)]
    for made in found:
        if made["careful"] and not re.search(r"\bschema\b", made["options"], re.IGNORECASE):
            name, options = sql.Identifier(made["name"]).as_string(), re.sub(r"(?i)\bwith\b", "", made["options"]).strip()
            statements.append(f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {EXTENSIONS_SCHEMA} {options}")
    return "; ".join(statements)


def _turn(names: Iterable[str]) -> str:
    listed = ", ".join(sorted({sql.Literal(name).as_string() for name in names}))
    lacking = f"SELECT unnest(ARRAY[{listed}]::text[]) EXCEPT SELECT extname::text FROM pg_catalog.pg_extension"  # noqa: S608  # quoted
    return f"""DO $turn$ BEGIN
        IF to_regclass('{_TURN}') IS NOT NULL AND EXISTS ({lacking}) THEN LOCK TABLE {_TURN} IN EXCLUSIVE MODE; END IF;
    END $turn$"""


def bring_home(connection: psycopg.Connection, schema: str) -> None:
    """Takes the extensions out of a store's schema, as the administrator: who drops that schema drops them and all columns of their types.

    Only a superuser can; elsewhere they stay, and ``refuse_to_leave`` sees to it that the schema stays, too.
    """
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if schema == TENANT_SCHEMA or row != (True,):  # a database of one tenant's own goes as a whole
        return
    for name in _inside(connection, schema, relocatable=True):
        connection.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(sql.Identifier(name), sql.Identifier(EXTENSIONS_SCHEMA)))


def refuse_to_leave(connection: psycopg.Connection, schema: str) -> None:
    """``WorkError`` when extensions are in a schema that is to be dropped, in a database that others are in."""
    names = [] if schema == TENANT_SCHEMA else _inside(connection, schema)
    if names:
        raise WorkError(
            f"the extension {names[0]} is in the schema {schema}: dropped, it would take the columns of other tenants along",
            f"as a superuser in {connection.info.dbname}: ALTER EXTENSION {names[0]} SET SCHEMA {EXTENSIONS_SCHEMA}; then the same again",
        )


def _inside(connection: psycopg.Connection, schema: str, *, relocatable: bool = False) -> list[str]:
    rows = connection.execute(
        "SELECT extname FROM pg_extension WHERE extnamespace = to_regnamespace(quote_ident(%s)) AND (extrelocatable OR NOT %s) ORDER BY 1",
        [schema, relocatable],
    )
    return [name for (name,) in rows]


def explained(error: psycopg.Error) -> Exception:
    """What to raise for an error of a revision: itself, or what it means where the words of PostgreSQL do not say it."""
    found = re.match(r'extension "(.+)" already exists', error.diag.message_primary or "")
    lacking = re.match(r'permission denied to create extension "(.+)"', error.diag.message_primary or "")
    if lacking is not None:
        return WorkError(
            f"the extension {lacking[1]} is not one that an owner of a database may make: let an administrator make it in each database and"
            f" in the template, CREATE EXTENSION {lacking[1]} SCHEMA {EXTENSIONS_SCHEMA}"
        )
    if error.sqlstate != "42710" or found is None:
        return error
    return WorkError(
        f"the extension {found[1]} is there already, for all stores of the database: write CREATE EXTENSION IF NOT EXISTS {found[1]}"
    )


def installed(connection: psycopg.Connection) -> dict[str, str]:
    """Extension → schema, of all in the database but those that PostgreSQL brings itself."""
    return dict(
        connection.execute(
            "SELECT extname, extnamespace::regnamespace::name FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY oid"
        ).fetchall()
    )


def ensure(connection: psycopg.Connection, wanted: Mapping[str, str]) -> None:
    """Makes the extensions that the database lacks, in their schemas, as the connection's role; in the order given."""
    connection.execute(_turn(wanted).encode())
    there = installed(connection)
    for name, schema in wanted.items():
        if name not in there:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            connection.execute(sql.SQL("CREATE EXTENSION {} SCHEMA {}").format(sql.Identifier(name), sql.Identifier(schema)))
