"""Listens for changes of tenants, on a connection and a thread of its own, and hears itself to know that it does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from tenantry.app.memory import LIFETIME, Memory
from tenantry.app.notifications import received

CHANNEL: Final = "tenantry_directory"
PROBE: Final = "probe:"
"""Begins what a listener tells itself; others pass it over."""

KEEPALIVE: Final = 15.0
"""Seconds between two probes. A server that vanished, a session that was ended and a pooler that swallows notifications are noticed by
one that does not come back."""

ANSWER: Final = 5.0  # seconds that a probe may take
_FIRST, _LONGEST = 0.1, 5.0  # seconds between two attempts to connect

log = logging.getLogger("tenantry.app")


class Listener:
    """One thread that keeps ``memory`` honest. It ends with ``close``, or with the process."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], memory: Memory, *, outage: float) -> None:
        self._connect, self._memory, self._outage = connect, memory, outage
        self._closing, self._settled = threading.Event(), threading.Event()
        self._heard: set[str] = set()
        self._swept, self._said = time.monotonic(), ""
        self.pid: int | None = None
        """The session's process on the server."""
        self._thread = threading.Thread(target=self._run, name="tenantry-directory", daemon=True)

    def start(self) -> None:
        """Begins, and waits until it listens or could not."""
        self._thread.start()
        self._settled.wait(ANSWER)

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        self._memory.deaf()
        self._thread.join(ANSWER)

    def _run(self) -> None:
        pause = _FIRST
        while not self._closing.is_set():
            try:
                with self._connect() as connection:
                    connection.add_notify_handler(lambda notify: self._hear(notify.payload))
                    _require_session(connection)
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._probe(connection)
                    self._memory.listening()
                    self.pid, pause = connection.info.backend_pid, _FIRST
                    self._said = ""
                    self._settled.set()
                    self._listen(connection)
            except (psycopg.Error, OSError) as error:
                self._say(str(error).strip().partition("\n")[0])
            finally:
                self._memory.deaf()
                self.pid = None
            self._settled.set()
            self._sweep()
            self._closing.wait(pause)
            pause = min(pause * 2, _LONGEST)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        due = time.monotonic() + KEEPALIVE
        while not self._closing.is_set():
            self._wait(connection, 1.0)
            self._sweep()
            if time.monotonic() >= due:
                self._probe(connection)
                due = time.monotonic() + KEEPALIVE

    def _probe(self, connection: psycopg.Connection[Any]) -> None:
        token = PROBE + uuid4().hex
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, token])
        end = time.monotonic() + ANSWER
        while token not in self._heard:
            if time.monotonic() > end:
                raise psycopg.OperationalError("notifications do not arrive")
            self._wait(connection, 0.5)
        self._heard.clear()

    def _wait(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        """Hears what has come within that time."""
        for payload in received(connection, seconds)[1]:
            self._hear(payload.decode())

    def _hear(self, payload: str) -> None:
        if payload.startswith(PROBE):
            self._heard.add(payload)
            return
        with suppress(ValueError):  # whoever may connect may say anything here
            self._memory.forget(UUID(payload))

    def _say(self, why: str) -> None:
        """Once for a cause, not with each attempt."""
        if why != self._said and not self._closing.is_set():
            log.warning("the directory's changes are not heard, and every look-up is asked: %r", why)
            self._said = why

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > LIFETIME:
            self._memory.sweep(max(LIFETIME, self._outage))
            self._swept = time.monotonic()


def _require_session(connection: psycopg.Connection[Any]) -> None:
    """Raises ``OperationalError`` behind a pooler, which tells each client of another process than the one that serves it."""
    row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
    found = row["pid"] if isinstance(row, dict) else row and row[0]
    if found != connection.info.backend_pid:
        raise psycopg.OperationalError("a pooler stands before the control database; connect the directory to PostgreSQL itself")
