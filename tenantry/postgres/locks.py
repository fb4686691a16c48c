"""Locks between the platform's own processes: rows of a table beside the ledger, which no tenant's login can reach.

Not advisory locks: whoever may connect to a database may take every one of those there. A lock is its session's open transaction, and
is gone the moment its holder dies. Where tenants' tables themselves are kept still, a table is locked that only their owner may lock
(``migrations.entering_as``, ``turnstile``). Why, and what it costs: docs/adr/0020-locks-out-of-reach.md.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID, uuid5

import psycopg
from psycopg import sql

from tenantry import waiting
from tenantry.errors import TransientError
from tenantry.naming import NAMESPACE
from tenantry.postgres.server import Server

TURN: Final = 60
"""Seconds that a process waits for its turn where two write the same: they need far less."""

ENDING: Final = 1
"""Seconds within which PostgreSQL frees all that a transaction held, once it has begun to."""

NOTICED: Final = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
"""The server's: a holder whose machine has vanished without a word has let go after 11 seconds. Its own default is two hours."""

TURNS: Final = ("ledger",)
"""What ``turn`` is asked for. Their rows are there from the beginning: in one that is not committed yet nobody would be seen."""


class Taken(TransientError):
    """Someone else has the lock. ``holder``: who, in brackets, to be put behind the message; may be empty."""

    code = "lock.taken"

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"another process is at work on {name.replace(':', ' ')}{holder}", "wait until it has ended, then run again")
        self.holder = holder


@contextmanager
def held(
    name: str, *, wait: float = 0, shared: bool = False, refused: Callable[[Taken], TransientError] = lambda taken: taken
) -> Iterator[None]:
    """Holds the lock ``name`` for the block, alone or together with all that ``shared`` it; ``Taken`` after ``wait`` seconds, or what
    ``refused`` makes of that.

    In a session of its own in the maintenance database.
    """
    connection = Server.from_environment().connect()
    try:
        # Shown to whoever finds the lock taken; 63 bytes at most.
        connection.execute("SELECT set_config('application_name', %s, false)", [f"tenantry {os.getpid()}@{socket.gethostname()}"[:63]])
        for setting, value in NOTICED.items():
            connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
        _prepare(connection)
        _enter(connection, name)
        connection.commit()
        try:
            _take(connection, name, wait, shared)
        except psycopg.errors.LockNotAvailable as error:
            connection.rollback()
            raise refused(Taken(name, _holder(connection, name))) from error
        if (before := _taken_as_before(connection, name, shared)) is not None:
            raise refused(before)
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that broke has let go
            connection.rollback()
        connection.close()


def turn(connection: psycopg.Connection, name: str) -> None:
    """Waits until no other transaction is in the turn ``name`` (of ``TURNS``); it lasts to the end of the caller's.

    The connection is to the maintenance database.

    ``Taken`` after ``TURN`` seconds.
    """
    _prepare(connection)
    try:
        _take(connection, name, TURN, shared=False)
    except psycopg.errors.LockNotAvailable as error:
        with Server.from_environment().connect() as another:  # the caller's transaction answers no more
            raise Taken(name, _holder(another, name)) from error


def on_tables(connection: psycopg.Connection, schema: str) -> str:
    """Who has the strongest lock on the tables of ``schema`` besides this session, in brackets with a space before; '' for nobody.

    The session's role sees sessions of others as PostgreSQL lets it. No name is in it that a session gives itself.
    """
    row = connection.execute(
        """
        SELECT l.pid, a.usename, a.xact_start FROM pg_locks l
        JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = to_regnamespace(quote_ident(%s))
        JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY array_position('{AccessExclusiveLock,ExclusiveLock,ShareRowExclusiveLock,ShareLock,ShareUpdateExclusiveLock,
            RowExclusiveLock,RowShareLock}'::text[], l.mode), a.xact_start LIMIT 1
        """,
        [schema],
    ).fetchone()
    return _named(*row) if row else ""


def busy(connection: psycopg.Connection, schema: str, what: str, look: str, error: psycopg.Error) -> TransientError:
    """What to raise where a lock on the tables of ``schema`` was not to be had: what they are, by whom, and what to look for."""
    said = f"the tables in {connection.info.dbname} are {what}{on_tables(connection, schema)}: {str(error).splitlines()[0]}"
    return TransientError(said, f"it is tried again; look for {look}", code="tenant.busy")


def _named(pid: int, role: str, since: object, program: str = "") -> str:
    """In the words of pg_stat_activity: the process is the server's, which pg_terminate_backend() ends."""
    return f" (process {pid} of role {role}{f', {program}' if program else ''}{f', since {since:%H:%M:%S}' if since else ''})"


def _prepare(connection: psycopg.Connection) -> None:
    """Makes the table, once for a server. Whoever makes it at the same time is waited for."""
    for _ in range(3):
        if connection.execute("SELECT to_regclass('tenantry_ledger.locks')").fetchone() != (None,):
            return
        made_meanwhile = (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject, psycopg.errors.DuplicateTable)
        try:
            with suppress(*made_meanwhile), connection.transaction():
                connection.execute("CREATE SCHEMA IF NOT EXISTS tenantry_ledger")
                connection.execute("CREATE TABLE IF NOT EXISTS tenantry_ledger.locks (name uuid PRIMARY KEY)")
                for name in TURNS:
                    _enter(connection, name)
        except psycopg.errors.LockNotAvailable as error:
            raise Taken("the ledger's first tables", "") from error


def _enter(connection: psycopg.Connection, name: str) -> None:
    connection.execute("INSERT INTO tenantry_ledger.locks (name) VALUES (%s) ON CONFLICT DO NOTHING", [_key(name)])


def _key(name: str) -> UUID:
    """A digest: a tenant's name does not outlive the tenant here."""
    return uuid5(NAMESPACE, f"lock:{name}")


def _take(connection: psycopg.Connection, name: str, wait: float, shared: bool) -> None:
    mode = ("SHARE" if shared else "UPDATE") + ("" if wait else " NOWAIT")
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(int(wait * 1000)))
    with waiting.on(f"the lock of {name}"):
        connection.execute(sql.SQL("SELECT FROM tenantry_ledger.locks WHERE name = {} FOR " + mode).format(_key(name)))
    connection.execute("SET LOCAL lock_timeout TO DEFAULT")


def _holder(connection: psycopg.Connection, name: str) -> str:
    """Who has the row: its xmax is the holder's transaction, which the holder has locked. Of many that share it, nobody is named."""
    row = connection.execute(
        """
        SELECT a.pid, a.usename, a.backend_start, a.application_name
        FROM tenantry_ledger.locks k JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = k.xmax
        JOIN pg_stat_activity a USING (pid) WHERE k.name = %s
        """,
        [_key(name)],
    ).fetchone()
    return _named(*row) if row else ""


def _taken_as_before(connection: psycopg.Connection, name: str, shared: bool) -> Taken | None:
    """Holds also the advisory lock that was this lock up to the release before this table, so that a process of that release and one
    of this do not both think that they have it. One that someone else than the platform holds counts for nothing. To be removed with
    the release after this one."""
    key, kind = f"tenantry:{name}", "_shared" if shared else ""
    # A holder that ends lets its row go a moment before this one.
    deadline = time.monotonic() + ENDING
    while True:
        row = connection.execute(f"SELECT pg_try_advisory_xact_lock{kind}(hashtextextended(%s, 0))", [key]).fetchone()  # ours
        if row is not None and row[0]:
            return None
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    other = connection.execute(
        """
        SELECT a.pid, a.usename, a.backend_start, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0) AND a.usename = session_user
        """,
        [key],
    ).fetchone()
    return None if other is None else Taken(name, _named(*other))
