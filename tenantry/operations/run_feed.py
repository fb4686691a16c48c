"""Which runs change, as it happens: one session that listens for all who look on."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

import psycopg

from tenantry import console
from tenantry.errors import TenantryError
from tenantry.naming import CONTROL_DATABASE
from tenantry.postgres.server import Server

CHANNEL: Final = "tenantry_runs"
KEEPALIVE: Final = 15.0
"""Seconds without a word after which the session is tried, so that a server that vanished is noticed."""
_FIRST, _LONGEST = 0.1, 5.0  # seconds between two attempts to connect

Tell = Callable[[], object]


class RunFeed:
    """Tells those who look at a run that it changed. After an outage it tells all of them: what was missed is not told again."""

    def __init__(self) -> None:
        self._watchers: dict[UUID, set[Tell]] = defaultdict(set)
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="tenantry-runs", daemon=True)
        self.pid: int | None = None
        """The session's process on the server; None while there is no session."""

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def close(self) -> None:
        """Ends; those who look on are told once more."""
        self._closing.set()
        self._tell_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be told."""
        return self._closing.is_set()

    @contextmanager
    def watching(self, run_id: UUID, tell: Tell) -> Iterator[None]:
        """``tell`` is called, on the feed's thread, each time that the run may have changed."""
        with self._lock:
            self._watchers[run_id].add(tell)
        try:
            yield
        finally:
            with self._lock:
                self._watchers[run_id].discard(tell)
                if not self._watchers[run_id]:
                    del self._watchers[run_id]

    def _run(self) -> None:
        pause = _FIRST
        while not self._closing.is_set():
            try:
                with Server.from_environment().connect(CONTROL_DATABASE) as connection:
                    connection.autocommit = True
                    connection.execute(f"LISTEN {CHANNEL}")
                    self.pid, pause = connection.info.backend_pid, _FIRST
                    self._tell_all()
                    self._listen(connection)
            except (psycopg.Error, TenantryError, OSError) as error:
                console.say(f"changes of runs are not heard: {str(error).strip().partition(chr(10))[0]}")
            self.pid = None
            self._closing.wait(pause)
            pause = min(pause * 2, _LONGEST)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._closing.is_set():
            heard = False
            for notify in connection.notifies(timeout=KEEPALIVE, stop_after=1):
                heard = True
                with suppress(ValueError):  # whoever may connect may say anything here
                    self._tell(UUID(notify.payload))
            if not heard:
                connection.execute("SELECT 1")

    def _tell(self, run_id: UUID) -> None:
        with self._lock:
            chosen = list(self._watchers.get(run_id, ()))
        for tell in chosen:
            tell()

    def _tell_all(self) -> None:
        with self._lock:
            chosen = [tell for watchers in self._watchers.values() for tell in watchers]
        for tell in chosen:
            tell()
