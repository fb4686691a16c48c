"""Why something of the control database is not there: this program's tables are still to be made, a newer one's are there, or someone
dropped them."""

from __future__ import annotations

import psycopg

from tenantry.errors import OlderProgram, TenantryError, WorkError
from tenantry.naming import CONTROL_DATABASE, CONTROL_SCHEMA
from tenantry.postgres import revisions
from tenantry.postgres.server import Server
from tenantry.stores import program_door

MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)
"""How PostgreSQL says that it is not there."""


def explained(error: Exception) -> TenantryError:
    """One of ``MISSING`` with its cause and what to do: a run makes what the migrations have not made yet, and nothing twice."""
    first = (str(error).strip().splitlines() or [""])[0]
    if at_head():  # then no run would make it again, and the other hint would lead in a circle
        return WorkError(
            f"something of the control database was dropped: {first}",
            "bring it back from the server's backup: docs/operations.md, When something is down; tenantry up makes no table twice",
        )
    try:
        program_door.enter()
    except OlderProgram as older:  # the platform went on under a process that had begun its work before
        return older
    except Exception:  # noqa: S110  # a second error would hide the first
        pass
    return WorkError(
        f"the control database is not at this program's version: {first}",
        "bring it there: tenantry up --stack shared",
        code="platform.older",
    )


def at_head() -> bool:
    """Whether the control database says that it has all that this program's migrations make."""
    try:
        with Server.from_environment().connect(CONTROL_DATABASE) as connection:
            return revisions.version(connection, CONTROL_SCHEMA) == revisions.head("control")
    except Exception:  # a second error would hide the first
        return False
