"""One run per stack at a time, whoever starts it: an advisory lock in PostgreSQL, gone the moment its holder dies."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenantry.clients.postgres import Server
from tenantry.errors import TransientError

if TYPE_CHECKING:
    import psycopg


@contextmanager
def held(stack: str) -> Iterator[None]:
    """Holds the stack's lock. ``TransientError`` at once, naming the holder, when somebody else has it."""
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        key = f"tenantry:stack:{stack}"
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key]).fetchone()
        if row is None or not row[0]:
            raise TransientError(
                f"another run is at work on the stack {stack}{_holder(connection, key)}", "wait until it has ended, then run again"
            )
        # Shown to whoever finds the lock taken; 63 bytes at most.
        connection.execute("SELECT set_config('application_name', %s, false)", [f"tenantry {os.getpid()}@{socket.gethostname()}"[:63]])
        yield


def _holder(connection: psycopg.Connection, key: str) -> str:
    row = connection.execute(
        """
        SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted
          AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)
        """,
        [key],
    ).fetchone()
    return f" ({row[0]}, since {row[1]:%H:%M:%S})" if row else ""
