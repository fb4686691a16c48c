"""What keeps an application's login within its bounds on a server as a whole: where it may connect, and what it may take."""

from __future__ import annotations

import psycopg

from tenantry.postgres import connect_rights, login_limits
from tenantry.postgres.connect_rights import Opening

ATTEMPTS = 5


def mend(connection: psycopg.Connection) -> list[Opening]:
    """Puts right what is not as it should be on the connection's server, and commits; the openings that this administrator cannot shut.

    The connection is an administrator's to the maintenance database, with no transaction open. Before a run of the engine, whose refresh
    would stumble over settings that a login gave itself.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.transaction():
                login_limits.mend(connection)
            break
        except psycopg.errors.InternalError_:  # "tuple concurrently updated": another run does the same
            if attempt == ATTEMPTS:
                raise
    return connect_rights.shut(connection)


def faults(connection: psycopg.Connection) -> list[str]:
    """The same as sentences, for people; nothing is changed."""
    limits = [f"{role} {line}" for role, lines in login_limits.faults(connection).items() for line in lines]
    return [*limits, *map(str, connect_rights.openings(connection))]
