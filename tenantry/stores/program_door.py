"""The question of ``program_age`` as a door asks it: of the platform, and of the tables that the work is about to touch."""

from __future__ import annotations

from contextlib import suppress

import psycopg

from tenantry.control import program_age
from tenantry.control.database import if_there
from tenantry.errors import WorkError
from tenantry.stores import table_sets


def enter(stack: str | None = None) -> None:
    """Raises ``OlderProgram`` where the platform, or the tenant tables of ``stack``, were brought further than this program knows.

    One look into each database. Of a platform that is not there, and of tables that cannot be looked at, the work itself will tell.
    """
    if_there(program_age.require, None)
    if stack is not None:
        enter_stack(stack)


def enter_stack(stack: str) -> None:
    """The same of the stack's tables alone."""
    found: dict[str, str] = {}
    with suppress(WorkError, psycopg.Error):
        found = table_sets.of_stack(stack)
    for name, revision in sorted(found.items()):
        program_age.require_revision("tenant", revision, f"{name} is")
