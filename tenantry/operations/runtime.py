"""Who a host belongs to and how it should look: loaded into the memory of whoever answers for it, and kept true there.

One thread listens for changes, on a connection of its own. With each new connection it listens first, and then compares every tenant's
version with what it knows: what was told in between is not told again.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus

from tenantry import console
from tenantry.app.listener import CHANNEL
from tenantry.control import faces
from tenantry.declaration.assets import content_type
from tenantry.declaration.branding import asset_key
from tenantry.errors import TenantryError
from tenantry.naming import CONTROL_DATABASE
from tenantry.postgres.server import Server
from tenantry.rendering.face import KEYS, PICTURES, Face

PROBE: Final = 0.3
"""Seconds without a word after which the session is tried."""
ANSWER: Final = 0.5
"""Seconds that the server may take for that; then the session counts as lost. With PROBE, a change is seen within a second even where the
network swallows everything without a word."""
SWEEP: Final = 60.0
"""Seconds after which all versions are compared, whatever was told."""
_BATCH: Final = 500
_FIRST, _LONGEST = 0.05, 0.5  # seconds between two attempts to connect
_CONNECT: Final = 2  # seconds, libpq's least

OPEN: Final = frozenset({"active", "moving"})
"""The states in which a tenant's people are let in: docs/application.md."""


@dataclass(frozen=True, slots=True)
class RuntimeTenant:
    """A tenant, its host names (lower case, punycode) and, where it is open, its documents: name → text, and its pictures."""

    id: UUID
    state: str
    hosts: tuple[str, ...]
    documents: Mapping[str, str]
    pictures: Mapping[str, tuple[str, str]]
    """The name that one is served under → bucket and key of its object."""
    icon: str | None
    """The path of the picture that is the browser's icon; None: it is among the documents."""


Connect = Callable[[], psycopg.Connection]


def connect() -> psycopg.Connection:
    """To the control database of this process's environment."""
    return Server.from_environment().connect(CONTROL_DATABASE, timeout=_CONNECT)


class Keeper(Protocol):
    """Where the answers are kept. It is told by one thread while others read."""

    def keep(self, tenants: Collection[RuntimeTenant], gone: Collection[UUID]) -> None:
        """Takes these in the place of what it has of them, at once, and lets go of those that are gone."""

    def quarantined(self, hosts: frozenset[str]) -> None:
        """Takes these as all the host names that a deleted tenant had and nobody has been given since."""


class RuntimeFeed:
    """Feeds a ``Keeper``. While PostgreSQL is away what is kept stays, and ``behind`` says for how long."""

    def __init__(
        self, keeper: Keeper, *, connect: Connect = connect, probe: float = PROBE, answer: float = ANSWER, sweep: float = SWEEP
    ) -> None:
        self._connect = connect
        self._keeper, self._probing, self._answer, self._sweep = keeper, probe, answer, sweep
        self._versions: dict[UUID, str] = {}
        self._told: set[UUID] = set()
        self._said = ""
        self._current = 0.0
        self._closing, self._loaded = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="tenantry-runtime", daemon=True)
        self.pid: int | None = None
        """The session's process on the server; None while there is no session."""

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits until everything is loaded; whether it is."""
        return self._loaded.wait(seconds)

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(5)

    @property
    def loaded(self) -> bool:
        """Whether everything was loaded once."""
        return self._loaded.is_set()

    @property
    def behind(self) -> float:
        """Seconds since the kept answers were last known to be true."""
        return time.monotonic() - self._current

    def _run(self) -> None:
        pause = _FIRST
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                with self._connect() as connection:
                    connection.autocommit, connection.prepare_threshold = True, None
                    _be_impatient(connection)
                    connection.add_notify_handler(lambda notify: self._hear(notify.payload))
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._load(connection)
                    self.pid, self._said = connection.info.backend_pid, ""
                    self._listen(connection)
            except (psycopg.Error, TenantryError, OSError) as error:
                self._say(str(error).strip().partition("\n")[0])
            except Exception as error:
                self._say(repr(error))
            self.pid = None
            # A server that is slow, and not lost, is not asked for everything at once again and again.
            pause = _FIRST if time.monotonic() - began > 10 * self._answer else min(pause * 2, _LONGEST)
            self._closing.wait(pause)

    def _load(self, connection: psycopg.Connection) -> None:
        """Everything whose version is another than the one that is kept."""
        began = time.monotonic()
        self._told.clear()
        self._keeper.quarantined(faces.quarantined(connection))
        found = faces.versions(connection, KEYS)
        changed = [id for id, version in found.items() if self._versions.get(id) != version]
        self._refresh(connection, changed)
        self._forget(self._versions.keys() - found.keys())
        self._current = began
        self._loaded.set()

    def _listen(self, connection: psycopg.Connection) -> None:
        swept = time.monotonic()
        while not self._closing.is_set():
            asked = time.monotonic()
            if not self._heard(connection, self._probing):
                asked = time.monotonic()
                self._probe(connection)
            if self._told:
                told, self._told = self._told, set()
                self._refresh(connection, list(told))
                if any(id not in self._versions for id in told):  # gone, or never there: its names may be in quarantine
                    self._keeper.quarantined(faces.quarantined(connection))
            self._current = asked
            if time.monotonic() - swept > self._sweep:
                self._load(connection)
                swept = time.monotonic()

    def _refresh(self, connection: psycopg.Connection, ids: list[UUID]) -> None:
        for first in range(0, len(ids), _BATCH):
            batch = ids[first : first + _BATCH]
            rows = list(faces.of(connection, KEYS, batch))
            self._keeper.keep([_safely(row) for row in rows], set(batch) - {row.id for row in rows})
            for id in batch:
                self._versions.pop(id, None)
            self._versions |= {row.id: row.version for row in rows}

    def _forget(self, ids: Collection[UUID]) -> None:
        self._keeper.keep((), ids)
        for id in list(ids):
            del self._versions[id]

    def _heard(self, connection: psycopg.Connection, seconds: float) -> bool:
        """Whether something came within that time; it is taken in."""
        with selectors.DefaultSelector() as waiting:  # select() itself takes no descriptor above 1023
            waiting.register(connection, selectors.EVENT_READ)
            readable = waiting.select(seconds)
        if readable:
            connection.pgconn.consume_input()  # raises when the server is gone
        while (notify := connection.pgconn.notifies()) is not None:
            self._hear(notify.extra.decode(errors="replace"))
        return bool(readable)

    def _probe(self, connection: psycopg.Connection) -> None:
        """Raises ``OperationalError`` where the server does not answer in time: what it says, it says on this connection."""
        pgconn, end = connection.pgconn, time.monotonic() + self._answer
        pgconn.send_query(b"SELECT 1")
        pgconn.flush()
        while pgconn.is_busy():
            if time.monotonic() > end:
                raise psycopg.OperationalError("the session that listens for changes does not answer")
            self._heard(connection, max(0.0, end - time.monotonic()))
        while (result := pgconn.get_result()) is not None:
            if result.status != ExecStatus.TUPLES_OK:
                raise psycopg.OperationalError("the session that listens for changes has ended")

    def _hear(self, payload: str) -> None:
        with suppress(ValueError):  # whoever may connect may say anything here
            self._told.add(UUID(payload))

    def _say(self, why: str) -> None:
        """Once for a cause, not with each attempt."""
        if why != self._said and not self._closing.is_set():
            console.say(f"changes of tenants are not heard, and the runtime answers from what it has: {why}")
            self._said = why


def _safely(row: faces.FaceRow) -> RuntimeTenant:
    """A value that nobody has thought of spoils its own tenant's look, and nobody else's."""
    try:
        return made(row)
    except Exception as error:
        console.say(f"{row.slug} is shown with the built-in look, because its own cannot be made: {error!r}")
        return made(replace(row, settings={}))


def made(row: faces.FaceRow) -> RuntimeTenant:
    """What is answered for a tenant."""
    documents: dict[str, str] = {}
    pictures: dict[str, tuple[str, str]] = {}
    icon = None
    if row.state in OPEN:
        face = Face.of(str(row.id), row.slug, row.name, row.settings)
        for use, name in (("logo", face.logo), ("favicon", face.favicon)):
            if name:
                pictures[name] = (row.bucket, asset_key(row.prefix, use, row.settings[f"branding.{use}"]))
        icon = f"{PICTURES}{face.favicon}" if face.favicon else None
        documents = {
            "tenant": face.tenant(row.state, row.host),
            "branding.json": face.branding(),
            "theme.css": face.stylesheet(),
            "manifest.webmanifest": face.manifest(icon or "/runtime/favicon.ico", content_type(icon or ".svg")),
            "favicon.ico": face.icon(),
        }
    return RuntimeTenant(row.id, row.state, tuple(row.hosts), documents, pictures, icon)


def _be_impatient(connection: psycopg.Connection) -> None:
    """A server that takes nothing for seconds is gone; Linux's, where there is such an option."""
    option: Any = getattr(socket, "TCP_USER_TIMEOUT", None)
    with suppress(OSError), socket.socket(fileno=connection.fileno()) as shared:
        try:
            if option is not None and shared.family != socket.AF_UNIX:
                shared.setsockopt(socket.IPPROTO_TCP, option, 2_000)
        finally:
            shared.detach()
