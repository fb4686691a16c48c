"""A tenant as the directory answers for it: where it lives, and transactions there in which it sees its own rows and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import pq

from tenantry.app.credentials import Credentials, Login, login
from tenantry.app.settings import Settings
from tenantry.errors import InputError, TransientError, WorkError

State = Literal["pending", "active", "moving", "maintenance", "suspended", "offboarding", "deleted"]
"""``pending``: it is being made. ``moving``: its rows are being copied to another place, and it works meanwhile. ``maintenance``: its
rows are being replaced by a backup's. ``offboarding``: it is going, and its data is still there."""

OPEN: Final = frozenset({"active", "moving"})

CONTEXT: Final = (
    "SELECT set_config('app.tenant_id', %s, true), set_config('app.tenant_token', %s, true), set_config('search_path', %s, true)"
)
"""What a transaction begins with. All three end with it, so the session can be anybody's next: PgBouncer in transaction mode is safe."""

BESIDE: Final = ("extensions", "public")
"""What comes after a tenant's own schema in the search path."""

MOVED: Final = "does not live here any more"

current: ContextVar[Tenant | None] = ContextVar("tenantry.tenant", default=None)
"""The tenant of the request at hand, as the middleware found it."""


class Place(NamedTuple):
    """What a pool of connections is for. All ``rls`` tenants of a cell have the same."""

    host: str
    port: int | str
    database: str
    role: str


@dataclass(frozen=True)
class Connector:
    """How an application connects: what the directory does not know."""

    host: str
    port: int | str
    """Of the platform's server or of the pooler before it."""
    credentials: Credentials | None = field(repr=False)
    token: Callable[[Tenant], str] | None
    """For tenants that take signed row contexts: makes their token (docs/row-context.md)."""
    options: Mapping[str, Any]
    """More for libpq: ``sslmode``, ``connect_timeout``, …"""
    settings: Callable[[UUID], Settings]
    forget: Callable[[UUID], None]


@dataclass(frozen=True)
class Tenant:
    """One answer of the directory. Of a deleted tenant there is an ``id`` and a ``state``, and a ``slug`` while one is known."""

    id: UUID
    state: State
    slug: str | None
    name: str | None
    host: str | None
    """Its host name under the platform's domain."""
    isolation: str | None
    address: str | None
    port: int | None
    """Of a server of its own; None: the platform's."""
    database: str | None
    schema: str | None
    role: str | None
    bucket: str | None
    prefix: str | None
    version: str | None
    """The same as long as nothing of all this changes."""
    secret: str | None
    """The ARN of the secret that the login and its password are in; None: the platform keeps none."""
    secret_since: datetime | None
    """Since when it says what it says."""
    _connector: Connector = field(repr=False, compare=False)

    @property
    def open(self) -> bool:
        """Whether its people are let in."""
        return self.state in OPEN

    @property
    def settings(self) -> Settings:
        """Features, limits, theme and texts that are in force."""
        return self._connector.settings(self.id)

    @property
    def place(self) -> Place:
        """Where its rows are; ``TransientError`` or ``WorkError`` where nobody may go there now."""
        self.require_open()
        there = self._connector
        at: tuple[str, int | str] = (self.address, self.port or 5432) if self.address else (there.host, there.port)
        return Place(*at, str(self.database), str(self.role))

    def require_open(self) -> None:
        """Raises ``TransientError`` for a tenant that is being made or restored, ``WorkError`` for one that is shut."""
        if self.open:
            return
        said = f"tenant {self.slug or self.id} is {self.state}"
        if self.state in ("pending", "maintenance"):
            raise TransientError(said, "try again in a moment", code="tenant.busy")
        raise WorkError(said, "answer for it as the page docs/application.md says", code="tenant.state")

    def conninfo(self) -> dict[str, Any]:
        """What to open a connection with, as keywords of ``psycopg.connect`` (and of psycopg_pool's ``kwargs``).

        Nothing is prepared on the server: in transaction mode the next statement may meet another session.
        """
        host, port, database, _ = self.place
        username, password = login(self._connector.credentials, self)
        return {
            "application_name": "tenantry.app",
            "connect_timeout": 10,
            **self._connector.options,
            "host": host,
            "port": port,
            "dbname": database,
            "user": username,
            "password": password,
            "prepare_threshold": None,
        }

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection to where it lives. Rows are seen in a ``transaction`` only."""
        with _reaching(self):
            there = self.conninfo()
            try:
                return psycopg.connect(**there)
            except psycopg.OperationalError as error:
                if (renewed := self._renewed(there, error)) is None:
                    raise
            return psycopg.connect(**renewed)

    async def connect_async(self) -> psycopg.AsyncConnection[Any]:
        """The same for asyncio."""
        with _reaching(self):
            # A secret is read over the network: not by the thread that everybody waits for.
            reads = callable(self._connector.credentials)
            there = await asyncio.to_thread(self.conninfo) if reads else self.conninfo()
            try:
                return await psycopg.AsyncConnection.connect(**there)
            except psycopg.OperationalError as error:
                if (renewed := await asyncio.to_thread(self._renewed, there, error)) is None:
                    raise
            return await psycopg.AsyncConnection.connect(**renewed)

    def _renewed(self, there: Mapping[str, Any], error: psycopg.OperationalError) -> dict[str, Any] | None:
        """With what to try once more, where the password was refused because it was renewed; None: there is nothing new."""
        renewed = getattr(self._connector.credentials, "renewed", None)
        if renewed is None or "authentication failed" not in str(error):
            return None
        try:
            found: Login | None = renewed(self, Login(there["user"], there["password"]))
        except TransientError:  # a tenant that has moved has another secret: it is looked up anew
            return None
        return None if found is None else {**there, "user": found.username, "password": found.password}

    def context(self) -> tuple[str, str, str]:
        """The values of ``CONTEXT``: id, token, search path."""
        path = ", ".join(_quoted(name) for name in (str(self.schema), *BESIDE))
        return str(self.id), self._connector.token(self) if self._connector.token else "", path

    @contextmanager
    def transaction(self, connection: psycopg.Connection[Any] | None = None) -> Iterator[psycopg.Connection[Any]]:
        """One transaction in the tenant's context, on a connection of yours (a pool's for its ``place``) or a new one.

        ``InputError`` on a connection that is in a transaction already: its context would be somebody's.
        """
        with ExitStack() as stack:
            used = connection if connection is not None else stack.enter_context(self.connect())
            _require_idle(used)
            with _told(self), used.transaction():
                used.execute(CONTEXT, self.context())
                yield used

    @asynccontextmanager
    async def transaction_async(
        self, connection: psycopg.AsyncConnection[Any] | None = None
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """The same for asyncio."""
        used = connection if connection is not None else await self.connect_async()
        try:
            _require_idle(used)
            with _told(self):
                async with used.transaction():
                    await used.execute(CONTEXT, self.context())
                    yield used
        finally:
            if connection is None:
                await used.close()


def moved(error: BaseException | None) -> bool:
    """Whether the cause is that the tenant lives elsewhere since a moment ago: looked up again, it is found there."""
    while error is not None:
        if isinstance(error, psycopg.errors.ObjectNotInPrerequisiteState) and MOVED in str(error):
            return True
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return False


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _require_idle(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    if connection.info.transaction_status != pq.TransactionStatus.IDLE:
        raise InputError(
            "the connection is in a transaction, which may be another tenant's",
            "end it first: commit, roll back, or take another connection",
        )


@contextmanager
def _told(tenant: Tenant) -> Iterator[None]:
    """What is remembered of a tenant that has moved is forgotten at once."""
    try:
        yield
    except psycopg.Error as error:
        if moved(error):
            tenant._connector.forget(tenant.id)
        raise


@contextmanager
def _reaching(tenant: Tenant) -> Iterator[None]:
    """A place that does not let the tenant in may be the one of yesterday, and so may a secret that cannot be read."""
    try:
        yield
    except (psycopg.OperationalError, TransientError):
        tenant._connector.forget(tenant.id)
        raise
