"""Where a PostgreSQL server is and how to open a connection to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tenantry import waiting
from tenantry.errors import InputError, TransientError, WorkError

if TYPE_CHECKING:
    import psycopg

MAINTENANCE_DATABASE = "postgres"
CONNECT_TIMEOUT = 10  # seconds

KEPT_ALIVE: Final[Mapping[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""libpq's: a server that vanished without a word (a failover, a cut network) is noticed in half a minute by who waits for it, in a minute
by who sends. The latter is also how long a server may be too busy to take what a COPY sends."""

LOCK_TIMEOUT: Final = 60
"""Seconds that a statement of ours waits for a lock where nothing else is said: no wait is without an end."""

SESSION: Final[Mapping[str, str]] = {
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""What every session of ours relies on, whatever the server, the database or the role has as its default
(ALTER SYSTEM, DATABASE, ROLE). The order of DateStyle is nobody's default and does not touch what we write: that it arrived says that all
of them did."""

_POOLER_HINT: Final = "Tenantry needs sessions of its own: point PGHOST and PGPORT at the server itself, not at a pooler such as PgBouncer"

_cursor_factory: type[psycopg.Cursor[Any]] | None = None


def set_cursor_factory(factory: type[psycopg.Cursor[Any]]) -> None:
    """What the connections that this process opens from now on ask with: a task's process counts what it asks."""
    global _cursor_factory  # one per process, as the process is one task's
    _cursor_factory = factory


def session_options(more: Mapping[str, str] | None = None) -> str:
    """``SESSION`` and ``more`` as libpq's `options` has them; what stands there is stronger than any default of the server's."""
    settings = {**SESSION, **(more or {})}
    return " ".join(f"-c {name}={value}" for name, value in ((n, v.replace("\\", r"\\").replace(" ", r"\ ")) for n, v in settings.items()))


def sslmode() -> str:
    """libpq's PGSSLMODE: one word for the platform's server and the tenants' own."""
    return os.environ.get("PGSSLMODE") or "require"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server and the administrator's account on it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sslmode: str

    @classmethod
    def from_environment(cls) -> Server:
        """The platform's server, from libpq's variables. ``InputError`` when PGHOST or PGUSER is not set."""
        missing = [name for name in ("PGHOST", "PGUSER") if not os.environ.get(name)]
        if missing:
            raise InputError(
                f"no PostgreSQL server: {' and '.join(missing)} not set",
                'set PGHOST, PGPORT, PGUSER and PGPASSWORD, or run: eval "$(tenantry local env)"',
                code="platform.unset",
            )
        return cls(
            os.environ["PGHOST"],
            int(os.environ.get("PGPORT") or 5432),
            os.environ["PGUSER"],
            os.environ.get("PGPASSWORD", ""),
            sslmode(),
        )

    def connect(self, database: str = MAINTENANCE_DATABASE, *, timeout: int = CONNECT_TIMEOUT) -> psycopg.Connection:
        """An open connection as the administrator; the caller closes it. ``WorkError`` when the server does not let us in.

        ``timeout`` is in seconds, libpq's least being 2.
        """
        import psycopg

        from tenantry.postgres.sessions import Session

        try:
            with waiting.on(f"PostgreSQL at {self.host}:{self.port} (a connection to {database})"):
                connection = Session.connect(
                    host=self.host,
                    port=self.port,
                    user=self.user,
                    password=self.password,
                    sslmode=self.sslmode,
                    dbname=database,
                    connect_timeout=timeout,
                    application_name="tenantry",
                    options=" ".join([os.environ.get("PGOPTIONS", ""), session_options()]),  # the user's own are the weaker ones
                    cursor_factory=_cursor_factory,
                    **KEPT_ALIVE,
                )
        except psycopg.OperationalError as error:
            # libpq: `connection to server at …, port … failed: the reason`, then a line of advice that is not about our variables.
            reason = str(error).strip().splitlines()[0].rpartition(" failed: ")[2]
            if "unsupported startup parameter" in reason:
                raise self._pooled(reason) from error
            # 3D000, 28…: the server answered, and would answer the same again. It tells by words only: no connection, no SQLSTATE.
            lasting = any(words in reason for words in ("does not exist", "authentication failed", "permission denied", "pg_hba.conf"))
            raise (WorkError if lasting else TransientError)(
                f"PostgreSQL at {self.host}:{self.port}, database {database}: {reason}",
                "check that the server is up and that PGHOST, PGPORT, PGUSER and PGPASSWORD are right, then run the same command again",
                code="platform.unreachable",
            ) from error
        if connection.info.parameter_status("DateStyle") != "ISO, YMD":
            connection.close()
            raise self._pooled("the session does not have the settings that it was opened with")
        if connection.info.server_version >= 170_000:  # before, there was no such limit, and no such setting
            connection.pgconn.exec_(b"SET transaction_timeout = 0")
        return connection

    def kept(self, database: str = MAINTENANCE_DATABASE) -> AbstractContextManager[psycopg.Connection[Any]]:
        """The same for a block, as ``with connect(database)``, but on a connection that this process keeps open for its next use.

        For the platform's own two databases: one that is dropped, renamed or copied must have no session that nobody uses.
        """
        from tenantry.postgres.kept import connection

        libpqs = tuple(sorted((name, value) for name, value in os.environ.items() if name == "HOME" or name.startswith("PG")))
        return connection((self, database, _cursor_factory, libpqs), lambda: self.connect(database), _cursor_factory)

    def _pooled(self, reason: str) -> WorkError:
        return WorkError(
            f"a connection pooler stands before PostgreSQL at {self.host}:{self.port}: {reason}", _POOLER_HINT, code="platform.unreachable"
        )


def passes(error: BaseException) -> bool:
    """Whether the cause goes away by itself and the same work may be tried again. Not every OperationalError does: a full disk stays."""
    from psycopg import Error, InterfaceError, OperationalError, errors

    if isinstance(error, OperationalError | InterfaceError) and (error.sqlstate is None or error.sqlstate.startswith("08")):
        return True  # a connection that broke, or could not be made
    passing: tuple[type[Error], ...] = (
        errors.LockNotAvailable,
        errors.DeadlockDetected,
        errors.SerializationFailure,
        errors.AdminShutdown,
        errors.CrashShutdown,
        errors.CannotConnectNow,
        errors.TooManyConnections,
    )
    return isinstance(error, (TransientError, *passing))


def may_act_as(connection: psycopg.Connection, role: str) -> None:
    """Makes the administrator a member of ``role`` where it is not allowed to take it on yet, and ends the transaction.

    An administrator that is not a superuser (every managed PostgreSQL) does not get this by creating the role; see
    https://www.postgresql.org/docs/18/role-attributes.html on CREATEROLE.
    """
    from psycopg import sql

    row = connection.execute("SELECT pg_has_role(current_user, %s, 'SET')", [role]).fetchone()
    if row is not None and not row[0]:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    connection.commit()


@contextmanager
def acting_as(connection: psycopg.Connection, role: str, *, search_path: str | None = None) -> Iterator[psycopg.Connection]:
    """One transaction in which everything is done by ``role``, so that what is made belongs to it. One that is open is committed first."""
    from psycopg import errors

    connection.commit()
    with ExitStack() as stack:
        try:
            stack.enter_context(_in_role(connection, role, search_path))
        except (errors.InsufficientPrivilege, errors.InvalidParameterValue):  # may not take it on yet, or there is none
            may_act_as(connection, role)
            stack.enter_context(_in_role(connection, role, search_path))
        yield connection


@contextmanager
def _in_role(connection: psycopg.Connection, role: str, search_path: str | None) -> Iterator[None]:
    from psycopg import sql

    entering = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role))
    if search_path is not None:
        entering += sql.SQL("; SET LOCAL search_path TO {}").format(sql.Identifier(search_path))
    with connection.transaction():
        connection.execute(entering)
        yield
