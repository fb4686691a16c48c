"""Which runs change, as it happens: one session that listens for all who look on."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import psycopg

from tenantry.operations.listener import Listener

CHANNEL: Final = "tenantry_runs"
PROBE: Final = 2.0
"""Seconds without a word after which the session is tried, so that a server that vanished is noticed."""
ANSWER: Final = 3.0
"""Seconds that it may take to answer."""

Tell = Callable[[], object]


class RunFeed:
    """Tells those who look at a run that it changed. After an outage it tells all of them: what was missed is not told again."""

    def __init__(self) -> None:
        self._watchers: dict[UUID, set[Tell]] = defaultdict(set)
        self._lock = threading.Lock()
        self._listener = Listener(CHANNEL, self, probe=PROBE, answer=ANSWER, without="changes of runs are not heard")

    def start(self) -> None:
        """Begins to listen."""
        self._listener.start()

    def close(self) -> None:
        """Ends; those who look on are told once more."""
        self._listener.close(0)
        self._tell_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be told."""
        return self._listener.closed

    @property
    def pid(self) -> int | None:
        """The session's process on the server; None while there is no session."""
        return self._listener.pid

    def catch_up(self, connection: psycopg.Connection) -> None:
        """Whoever looks on has to look once more."""
        self._tell_all()

    def hear(self, connection: psycopg.Connection, told: set[UUID], asked: float) -> None:
        """Tells who looks at one of these runs."""
        for run_id in told:
            self._tell(run_id)

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
