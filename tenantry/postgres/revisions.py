"""The revisions of a tree of migrations: which there are, which one a schema is at, and their SQL."""

from __future__ import annotations

import hashlib
from functools import cache
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, TextIO

import psycopg
from psycopg import sql

from tenantry.declaration import migration_tool
from tenantry.declaration.migration_tool import MigrationTool
from tenantry.errors import InputError
from tenantry.naming import CONTROL_SCHEMA
from tenantry.postgres import extensions, tool_commands
from tenantry.settings import migrations_dir

if TYPE_CHECKING:
    from alembic.config import Config

Tree = Literal["control", "tenant"]
VERSION_TABLE = "alembic_version"
RECORD = "tenantry_version"
"""Where it is written which revision a store is at whose tables are made by the application's own tool."""
EARLIER = "alembic:"
"""Before the revision of a store that is still as `migrations/tenant` made it, where a tool has taken that place."""
# alembic.context and alembic.op are one per process; the engine's provider runs several resources at once.
_ALEMBIC = Lock()


def tool(tree: Tree = "tenant") -> MigrationTool | None:
    """The application's own tool, where it makes the tables of a tree: never those of the control database."""
    return migration_tool.declared() if tree == "tenant" else None


def revisions(tree: Tree) -> tuple[str, ...]:
    """A tree's revisions, oldest first: what the application's own tool says of them, else the files of the tree."""
    own = tool(tree)
    return tool_commands.revisions(own) if own else files(tree)


def has(tree: Tree, revision: str) -> bool:
    """Whether this checkout has the revision. A tool that tells no history is asked when it gets there."""
    own = tool(tree)
    return bool(own and (own.history is None or revision.startswith(EARLIER))) or revision in revisions(tree)


def newer(tree: Tree, revision: str) -> bool:
    """Whether the revision comes after all that this checkout has, as far as that can be told."""
    return not has(tree, revision) if tool(tree) else revision > head(tree)


def version_table(schema: str) -> str:
    """Where it is written which revision ``schema`` is at; whoever migrates it has that table to himself."""
    return RECORD if schema != CONTROL_SCHEMA and tool() else VERSION_TABLE


def books() -> list[str]:
    """The tables in a store that are neither a tenant's nor the application's: what says how far it is migrated."""
    own = tool()
    return [VERSION_TABLE, RECORD, *(own.tables if own else ())]


@cache
def files(tree: Tree) -> tuple[str, ...]:
    """The revisions of a tree of ours, read from the file names alone: every run asks, and importing Alembic takes a second."""
    return tuple(sorted(path.name.split("_")[0] for path in (migrations_dir() / tree).glob("[0-9]*_*.py")))


def head(tree: Tree) -> str:
    """The newest revision of a tree."""
    return revisions(tree)[-1]


@cache
def guards(tree: str) -> str:
    """Digest of the files that say who may do what with a tree's tables. ``InputError`` when one is not there."""
    files = ("isolation.sql", "control_grants.yaml") if tree == "control" else ("isolation.sql", "row_context.sql")
    root = migrations_dir()
    if missing := [name for name in files if not (root / name).is_file()]:
        raise InputError(
            f"{root} has no {' and no '.join(missing)}", "take control/ and the files beside it over from this Tenantry's own migrations/"
        )
    return hashlib.sha256(b"".join((root / name).read_bytes() for name in files)).hexdigest()[:16]


def version(connection: psycopg.Connection, schema: str) -> str | None:
    """The revision that ``schema`` is at; None when it was never migrated."""
    table = sql.Identifier(schema, version_table(schema))
    if connection.execute("SELECT to_regclass(%s)", [table.as_string(connection)]).fetchone() == (None,):
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def isolation() -> bytes:
    """What guards the tables, to be run behind ``entering_as``."""
    return (migrations_dir() / "isolation.sql").read_bytes()


@cache
def rendered(tree: Tree, current: str, target: str) -> str | None:
    """The SQL that takes a schema from one revision to a later one, version row included; it names no schema: the search path says which.

    None when a migration between the two looks at the database while it runs: only ``apply`` can run that one.
    """
    from alembic import command

    output = StringIO()
    config = _configuration(tree, output)
    config.attributes.update(connection=None, schema=None)
    with _ALEMBIC:
        try:
            command.upgrade(config, f"{current}:{target}", sql=True)
        except AttributeError:  # op.get_bind() is None without a connection
            return None
    text = output.getvalue()
    return f"{extensions.making(text)};\n{text}"


def run_sql_beside(python_file: str) -> None:
    """For a migration: runs the .sql file that stands beside the .py file and has its name."""
    from alembic import op

    text = Path(python_file).with_suffix(".sql").read_text(encoding="utf-8")
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(f"{text}\n;")
    else:
        op.get_bind().exec_driver_sql(text.replace("%", "%%"))


def _configuration(tree: Tree, output: TextIO | None = None) -> Config:
    from alembic.config import Config

    config = Config() if output is None else Config(output_buffer=output)
    config.set_main_option("script_location", str(migrations_dir()))
    config.set_main_option("version_locations", str(migrations_dir() / tree))
    config.set_main_option("path_separator", "os")
    return config
