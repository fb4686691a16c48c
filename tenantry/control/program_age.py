"""Whether this program is older than the platform: something of it is at a revision, or in a form, that this checkout does not have.

An older program would stop amid its work at the first table that a newer one has migrated, and leave a stack unfinished. So every door
asks before anything: the stacks' programs, what starts the engine or asks for a run, a worker, and whoever opens the control database
first. A platform that is older than the program is an upgrade, and nothing is said.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from tenantry.errors import OlderProgram, WorkError
from tenantry.naming import CONTROL_SCHEMA, SHARED_STACK, TEMPLATE_DATABASE
from tenantry.postgres import revisions, template
from tenantry.postgres.revisions import Tree

HINT: Final = "git pull, or install the release that brought it there; then run the same again"

_looked: set[tuple[str, int]] = set()


def require(connection: psycopg.Connection[Any]) -> None:
    """Raises ``OlderProgram`` by the revisions of the control database and of the template, on a connection to the former as its owner."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(CONTROL_SCHEMA, revisions.VERSION_TABLE)
        row = cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL, (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s)",
            [table.as_string(connection), TEMPLATE_DATABASE],
        ).fetchone()
        there, comment = row or (False, None)
        if there:
            for (found,) in cursor.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchall():
                require_revision("control", found, "the control database is")
    marked = template.marked(comment)
    if marked is not None:
        require_revision("tenant", marked.revision, "the template of tenants' tables is")
        if marked.form > int(template.FORM):
            raise older(f"the template of tenants' databases is of form {marked.form}, this checkout makes form {template.FORM}")


def require_upgraded(connection: psycopg.Connection[Any]) -> None:
    """Raises ``WorkError`` where the control database lacks what this program's migrations make: a worker would spoil the runs that an
    older one has left in the queue, because it writes what there is no column for."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        table = sql.Identifier(CONTROL_SCHEMA, revisions.VERSION_TABLE)
        (found,) = cursor.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone() or (None,)
    newest = revisions.head("control")
    if found != newest:
        raise WorkError(
            f"the platform is older than this program: the control database is at revision {found}, this program's newest is {newest}",
            f"bring it there, and then let workers begin: tenantry up --stack {SHARED_STACK}",
            code="platform.older",
        )


def require_first(connection: psycopg.Connection[Any]) -> None:
    """``require``, once for each server: a process that has begun its work is not stopped amid it."""
    server = (connection.info.host, connection.info.port)
    if server not in _looked:
        require(connection)
        _looked.add(server)


def require_revision(tree: Tree, revision: str | None, what: str, hint: str = HINT) -> None:
    """Raises ``OlderProgram`` for a revision that the checkout does not have; ``what`` says who is at it, with its verb."""
    if revision is not None and not revisions.has(tree, revision):
        newest = revisions.head(tree)
        raise older(f"{what} at revision {revision}, which this checkout does not have (its newest is {newest})", hint)


def older(what: str, hint: str = HINT) -> OlderProgram:
    """What to raise; ``what`` says what of the platform is newer."""
    return OlderProgram(f"this program is older than the platform: {what}", hint)
