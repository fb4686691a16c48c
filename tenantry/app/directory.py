"""Looks tenants up in the control database, as the login ``tenantry__directory``, and remembers the answers until they change."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from tenantry.app.credentials import Credentials
from tenantry.app.hosts import normalised
from tenantry.app.listener import Listener
from tenantry.app.memory import Memory
from tenantry.app.settings import Settings
from tenantry.app.tenant import Connector, Tenant
from tenantry.errors import TransientError, WorkError

COLUMNS: Final = tuple(field.name for field in fields(Tenant) if not field.name.startswith("_"))
"""Those that are read; what a newer platform tells besides is passed over, and what an older one does not tell is None."""
BY: Final[Mapping[str, str]] = {
    kind: f"SELECT * FROM control.tenant_by_{kind}(%s)"  # noqa: S608  # constants
    for kind in ("host", "id", "slug", "invitation")
}
SETTINGS: Final = "SELECT control.tenant_settings(%s) AS found"

_KEPT_ALIVE: Final[Mapping[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "connect_timeout": 5,
    "application_name": "tenantry.app",
}


class Directory:
    """One for a process, for all of its threads and tasks; opened with the first look-up, closed by ``close`` or a ``with`` block.

    ``dsn``: of the control database, as ``tenantry__directory``; or a function that gives it (``tenantry.app.secrets.directory_dsn``),
    which is asked again where the server refuses the password: it may have been renewed. To PostgreSQL itself, because a pooler in
    transaction mode tells of no changes (then every look-up is asked). ``credentials``: a function that gives a tenant's password
    (``tenantry.app.secrets.Secrets()`` reads its secret), or passwords by role; None: those of the environment. ``defaults``: the
    application's own, for settings. ``pooler``: (host, port) to connect to in the place of the platform's server. ``token``: makes a
    tenant's token where rows are opened by signed contexts. ``options``: more for libpq. ``outage``: for how many seconds old answers are
    given when the directory cannot be asked. ``size``: how many are remembered.
    """

    def __init__(
        self,
        dsn: str | Callable[[], str],
        *,
        credentials: Credentials | None = None,
        defaults: Mapping[str, Any] | None = None,
        token: Callable[[Tenant], str] | None = None,
        pooler: tuple[str, int] | None = None,
        options: Mapping[str, Any] | None = None,
        outage: float = 60.0,
        size: int = 20_000,
    ) -> None:
        self._read = None if isinstance(dsn, str) else dsn
        dsn = dsn if isinstance(dsn, str) else dsn()
        self._dsn, self._outage, self._size = dsn, outage, size
        self._defaults = dict(defaults or {})
        asked = conninfo_to_dict(dsn)
        host, port = pooler or (
            str(asked.get("host") or os.environ.get("PGHOST") or "localhost"),
            str(asked.get("port") or os.environ.get("PGPORT") or 5432),
        )
        options = {"sslmode": asked["sslmode"], **(options or {})} if "sslmode" in asked else dict(options or {})
        self._connector = Connector(host, _port(port), credentials, token, options, self.settings, self.forget)
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._memory = Memory(self._size)
        self._listener: Listener | None = None
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def by_host(self, host: str) -> Tenant | None:
        """The tenant of a host name (a Host header's value); None: nobody's. ``TransientError`` when the directory cannot be asked."""
        name = normalised(host)
        return self._find("host", name) if name else None

    def by_id(self, id: UUID) -> Tenant | None:
        """The tenant of an id."""
        return self._find("id", id)

    def by_slug(self, slug: str) -> Tenant | None:
        """The tenant of a slug."""
        return self._find("slug", slug)

    def by_invitation(self, code: str) -> Tenant | None:
        """The tenant whom an invitation's code leads to; None: used up, taken back, expired or made up. Never from memory."""
        row = self._ask(BY["invitation"], hashlib.sha256(code.encode()).digest())
        return self._tenant(row) if row else None

    async def by_host_async(self, host: str) -> Tenant | None:
        """``by_host`` for asyncio: at once where it is remembered, else on a thread."""
        name = normalised(host)
        if name is None:
            return None
        known = self._memory.get(("host", name)) if self._pid == os.getpid() else None
        return known.value if known else await asyncio.to_thread(self._find, "host", name)

    def settings(self, id: UUID) -> Settings:
        """A tenant's settings, with the application's defaults; of one that is not there the defaults alone."""

        def ask() -> tuple[Settings, UUID]:
            row = self._ask(SETTINGS, id)
            return Settings((row or {}).get("found") or {}, self._defaults), id

        found: Settings = self._remembered(("settings", id), ask)
        return found

    def forget(self, id: UUID) -> None:
        """Asks anew when the tenant is looked up next."""
        self._memory.forget(id)

    @property
    def listening(self) -> bool:
        """Whether answers are remembered: changes are heard."""
        return self._memory.trusted

    def close(self) -> None:
        """Ends its thread and its connections; the next look-up begins anew."""
        with self._lock:
            listener, connection = self._listener, self._connection
            mine = self._pid == os.getpid()
            self._begin()
        if mine and listener:
            listener.close()
        if mine and connection:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _find(self, kind: str, value: Any) -> Tenant | None:
        def ask() -> tuple[Tenant | None, UUID | None]:
            row = self._ask(BY[kind], value)
            tenant = self._tenant(row) if row else None
            return tenant, tenant.id if tenant else None

        found: Tenant | None = self._remembered((kind, value), ask)
        return found

    def _remembered(self, key: tuple[str, Any], ask: Callable[[], tuple[Any, UUID | None]]) -> Any:
        self._listen()
        if (known := self._memory.get(key)) is not None:
            return known.value
        ticket = self._memory.ticket()
        try:
            value, tenant = ask()
        except TransientError:
            if (old := self._memory.last(key, self._outage)) is not None:
                return old.value
            raise
        self._memory.keep(ticket, key, value, tenant)
        return value

    def _listen(self) -> None:
        """Begins to listen before the first answer is asked for; again in a process that was forked off."""
        if self._listener is not None and self._pid == os.getpid():
            return
        if self._pid != os.getpid():
            self._begin()  # what the parent has stays the parent's
        with self._lock:
            if self._listener is None:
                listener = Listener(self._connect, self._memory, outage=self._outage)
                listener.start()
                self._listener = listener

    def _ask(self, question: str, argument: Any) -> dict[str, Any] | None:
        """One row or none, on a connection that is kept; a second attempt where that was gone."""
        self._listen()
        with self._asking:
            for last in (False, True):
                try:
                    if self._connection is None or self._connection.closed:
                        self._connection = self._connect()
                    return self._connection.execute(question.encode(), [argument]).fetchone()
                except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName) as error:
                    raise WorkError(
                        "this platform has no look-up yet", "it comes with the next: tenantry up --stack shared", code="platform.older"
                    ) from error
                except psycopg.OperationalError as error:
                    if self._connection is not None:
                        self._connection.close()
                    self._connection = None
                    if last:
                        raise TransientError(
                            f"the directory cannot be asked: {str(error).strip().splitlines()[0]}",
                            "check that the control database is up, and the directory's DSN",
                            code="platform.unreachable",
                        ) from error
        raise AssertionError("not reached")

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        used = self._dsn
        try:
            return self._connected(used)
        except psycopg.OperationalError as error:
            if self._read is None or "authentication failed" not in str(error):
                raise
            try:
                self._dsn = self._read()
            except TransientError:  # the secret cannot be read now: what is known stays, and is tried again
                raise error from None
            if self._dsn == used:
                raise
        return self._connected(self._dsn)

    @staticmethod
    def _connected(dsn: str) -> psycopg.Connection[dict[str, Any]]:
        options = {key: value for key, value in _KEPT_ALIVE.items() if key not in conninfo_to_dict(dsn)}
        return psycopg.connect(dsn, autocommit=True, row_factory=dict_row, prepare_threshold=None, **options)

    def _tenant(self, row: Mapping[str, Any]) -> Tenant:
        return Tenant(**{name: row.get(name) for name in COLUMNS}, _connector=self._connector)  # type: ignore[arg-type]  # as they are told


def _port(found: int | str) -> int | str:
    """A number; of several servers in one DSN libpq's list."""
    return int(found) if str(found).isdigit() else found
