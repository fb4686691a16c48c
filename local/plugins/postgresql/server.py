"""One PostgreSQL server: connections, transactions, and what a role that is not a superuser needs for the time being."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from local.plugins.framework import ProviderError, retrying

# libpq reports a failed connection as text only: these pass by themselves, the others (password, database, certificate) do not.
TRANSIENT: Final = (
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "timeout expired",
    "server closed the connection",
    "system is starting up",
    "system is shutting down",
    "in recovery mode",
    "too many clients",
    "remaining connection slots",
)
TAKEN: Final = "If it is this stack's own, run again: it is taken over. If not, give this another name, or take that over with import_."
HINTS: Final = {
    "42710": TAKEN,
    "42P04": TAKEN,
    "42P06": TAKEN,
    "42501": "Connect as a role that may do this (the provider's username, or PGUSER).",
    "42704": "Create what it names first, or correct the name.",
    "3F000": "Create the schema first, or correct its name.",
    "2BP01": "Something still depends on it: remove that first.",
    "55006": "Sessions are still connected to it: end them.",
}


@dataclass
class Server:
    """Where the server is and as whom to connect; nothing is connected before the first call and nothing stays connected after one."""

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)
    role: str | None
    superuser: bool
    sslmode: str
    sslrootcert: str | None
    connect_timeout: int
    max_connections: int

    def __post_init__(self) -> None:
        limited = self.max_connections > 0
        self._slots: AbstractContextManager[Any] = threading.BoundedSemaphore(self.max_connections) if limited else nullcontext()

    @property
    def current_user(self) -> str:
        """The role as which statements run: not the log-in name where the server maps user names."""
        return self.role or self.username

    @contextmanager
    def transaction(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A transaction in the database (the provider's own by default), committed at the end of the block."""
        with self._slots, self._connect(database or self.database, autocommit=False) as connection:
            yield connection

    @contextmanager
    def session(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A session for statements that cannot run in a transaction."""
        with self._slots, self._connect(database or self.database, autocommit=True) as connection:
            yield connection

    def _connect(self, database: str, autocommit: bool) -> psycopg.Connection:
        options: dict[str, Any] = {"sslrootcert": self.sslrootcert} if self.sslrootcert else {}
        try:
            return retrying(
                _is_transient,
                psycopg.connect,
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password,
                dbname=database,
                sslmode=self.sslmode,
                connect_timeout=max(self.connect_timeout, 0),
                fallback_application_name="Tenantry's stand-in for the postgresql provider",
                autocommit=autocommit,
                **options,
            )
        except psycopg.OperationalError as error:
            raise ProviderError(
                f"error connecting to PostgreSQL server {self.host}:{self.port} ({database}, as {self.username}): {_one_line(error)}",
                "Check that the server runs, and the provider's arguments or PGHOST, PGPORT, PGUSER, PGPASSWORD and PGSSLMODE.",
            ) from error


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Reports a statement's error as ``error <what>: <PostgreSQL's words>`` with a hint."""
    try:
        yield
    except psycopg.Error as error:
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        hint = HINTS.get(error.sqlstate or "", error.diag.message_hint or "")
        raise ProviderError(f"error {what}: {_one_line(error.diag.message_primary or error)}{detail}", hint) from error


def lock_role(connection: psycopg.Connection, role: str) -> None:
    """Hold back everybody else who changes this role or its members, until the transaction or the autocommit session ends."""
    lock = "pg_advisory_lock" if connection.autocommit else "pg_advisory_xact_lock"
    _wait_for_locks(connection)
    connection.execute(f"SELECT {lock}(oid::bigint) FROM pg_roles WHERE rolname = %s", [role])  # noqa: S608
    connection.execute(
        f"SELECT {lock}(member::bigint) FROM pg_auth_members JOIN pg_roles ON roleid = pg_roles.oid WHERE rolname = %s",  # noqa: S608
        [role],
    )


@contextmanager
def member_of(connection: psycopg.Connection, roles: Sequence[str]) -> Iterator[None]:
    """Makes the current user a member of the roles for the block, unless it is a superuser or one of them is.

    PostgreSQL allows no circular membership: a role that is a member of the current user gives that up for the block. An error in the
    block is for the transaction's rollback to undo.
    """
    user = _one(connection, "SELECT CURRENT_USER")
    if _is_superuser(connection, user):
        yield
        return
    borrowed = [role for role in dict.fromkeys(roles) if role != user and not _is_superuser(connection, role)]
    given_up = [role for role in borrowed if leave(connection, user, role)]
    granted = [role for role in borrowed if join(connection, role, user)]
    yield
    for role in granted:
        leave(connection, role, user)
    for role in given_up:
        if _one(connection, "SELECT true FROM pg_roles WHERE rolname = %s", role):
            join(connection, user, role)


def join(connection: psycopg.Connection, role: str, member: str) -> bool:
    """Make ``member`` a member of ``role``; False where it is one."""
    if role == member or _is_member(connection, role, member):
        return False
    with explained(f"granting role {role} to {member}"):
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(member)))
    return True


def leave(connection: psycopg.Connection, role: str, member: str) -> bool:
    """End ``member``'s membership of ``role``; False where there is none (any more)."""
    if role == member or not _is_member(connection, role, member):
        return False
    with explained(f"revoking role {role} from {member}"):
        connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), sql.Identifier(member)))
    return True


def _is_member(connection: psycopg.Connection, role: str, member: str) -> bool:
    query = "SELECT true FROM pg_auth_members WHERE pg_get_userbyid(roleid) = %s AND pg_get_userbyid(member) = %s AND set_option"
    return _one(connection, query, role, member) is not None


def _is_superuser(connection: psycopg.Connection, role: str) -> bool:
    return bool(_one(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = %s", role))


def _wait_for_locks(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = 0")


def _one(connection: psycopg.Connection, query: str, *parameters: Any) -> Any:
    row = connection.execute(query, parameters).fetchone()  # type: ignore[arg-type]  # the callers' own literals
    return row[0] if row else None


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and any(text in str(error) for text in TRANSIENT)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
