"""Who a host belongs to and how it should look: loaded into the memory of whoever answers for it, and kept true there.

With each new session that listens for changes, every tenant's version is compared with what is known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import UUID

import psycopg

from tenantry import console
from tenantry.app.listener import CHANNEL
from tenantry.control import faces
from tenantry.declaration.assets import content_type
from tenantry.declaration.branding import asset_key
from tenantry.operations.listener import Connect, Listener, connect
from tenantry.rendering.face import KEYS, PICTURES, Face

PROBE: Final = 0.2
"""Seconds without a word after which the session is tried."""
ANSWER: Final = 0.3
"""Seconds that the server may take for that; then the session counts as lost. With PROBE, a change is seen within a second even where the
network swallows everything without a word."""
SWEEP: Final = 60.0
"""Seconds after which all versions are compared, whatever was told."""
_BATCH: Final = 500

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
        without = "changes of tenants are not heard, and the runtime answers from what it has"
        self._listener = Listener(CHANNEL, self, probe=probe, answer=answer, without=without, connect=connect)
        self._keeper, self._sweep = keeper, sweep
        self._versions: dict[UUID, str] = {}
        self._current = self._swept = 0.0
        self._loaded = threading.Event()

    def start(self) -> None:
        """Begins."""
        self._listener.start()

    def wait(self, seconds: float) -> bool:
        """Waits until everything is loaded; whether it is."""
        return self._loaded.wait(seconds)

    def close(self) -> None:
        """Ends the thread."""
        self._listener.close()

    @property
    def pid(self) -> int | None:
        """The session's process on the server; None while there is no session."""
        return self._listener.pid

    @property
    def loaded(self) -> bool:
        """Whether everything was loaded once."""
        return self._loaded.is_set()

    @property
    def behind(self) -> float:
        """Seconds since the kept answers were last known to be true."""
        return time.monotonic() - self._current

    def catch_up(self, connection: psycopg.Connection) -> None:
        """Everything whose version is another than the one that is kept; what was written last before all others, because it is that
        mostly, and to compare 10,000 takes half a second."""
        began = time.monotonic()
        if self._versions:
            self._refresh_changed(connection, faces.versions(connection, KEYS, faces.written_last(connection, KEYS)))
        self._keeper.quarantined(faces.quarantined(connection))
        found = faces.versions(connection, KEYS)
        self._refresh_changed(connection, found)
        self._forget(self._versions.keys() - found.keys())
        self._current = self._swept = began
        self._loaded.set()

    def hear(self, connection: psycopg.Connection, told: set[UUID], asked: float) -> None:
        """Takes in what was told of tenants; now and then, whatever was told, everything is compared."""
        if told:
            self._refresh(connection, list(told))
            if any(id not in self._versions for id in told):  # gone, or never there: its names may be in quarantine
                self._keeper.quarantined(faces.quarantined(connection))
        self._current = asked
        if asked - self._swept > self._sweep:
            self.catch_up(connection)

    def _refresh_changed(self, connection: psycopg.Connection, found: Mapping[UUID, str]) -> None:
        self._refresh(connection, [id for id, version in found.items() if self._versions.get(id) != version])

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
