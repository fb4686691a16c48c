"""One session that listens for changes in the control database, on its own thread, and notices within moments that it hears nothing more.

With each new session it listens first, and then lets its hearer catch up: what was told before is not told again.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus

from tenantry import console
from tenantry.app.notifications import received
from tenantry.errors import TenantryError
from tenantry.naming import CONTROL_DATABASE
from tenantry.postgres.server import Server

_FIRST, _LONGEST = 0.05, 0.5  # seconds between two attempts to connect
_CONNECT: Final = 2  # seconds, libpq's least

Connect = Callable[[], psycopg.Connection]


def connect() -> psycopg.Connection:
    """To the control database of this process's environment."""
    return Server.from_environment().connect(CONTROL_DATABASE, timeout=_CONNECT)


class Hearer(Protocol):
    """What a listener listens for. It is called on the listener's thread."""

    def catch_up(self, connection: psycopg.Connection) -> None:
        """Takes in everything as it is now. Whatever changes from now on is told."""

    def hear(self, connection: psycopg.Connection, told: set[UUID], asked: float) -> None:
        """Takes in what was ``told``, perhaps nothing: all that had happened by ``asked``, a moment of the monotonic clock."""


class Listener:
    """A session that listens on ``channel``, whose payloads are ids, for ``hearer``.

    ``probe``: seconds without a word after which the session is tried; ``answer``: seconds that the server may take for that, then the
    session counts as lost. ``without``: what it means that nothing is heard, for whoever reads the log.
    """

    def __init__(self, channel: str, hearer: Hearer, *, probe: float, answer: float, without: str, connect: Connect = connect) -> None:
        self._channel, self._hearer, self._without = channel, hearer, without
        self._probing, self._answer, self._connect = probe, answer, connect
        self._told: set[UUID] = set()
        self._said = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tenantry-listens-{channel}", daemon=True)
        self.pid: int | None = None
        """The session's process on the server; None while there is no session."""

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def close(self, wait: float = 5.0) -> None:
        """Ends the thread, and waits for that as long."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(wait)

    @property
    def closed(self) -> bool:
        """Whether it was told to end."""
        return self._closing.is_set()

    def _run(self) -> None:
        pause = _FIRST
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                with self._connect() as connection:
                    connection.autocommit, connection.prepare_threshold = True, None
                    _be_impatient(connection)
                    connection.add_notify_handler(lambda notify: self._hear(notify.payload))
                    connection.execute(f"LISTEN {self._channel}")
                    self._told.clear()
                    self._hearer.catch_up(connection)
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

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._closing.is_set():
            asked = time.monotonic()
            if not self._heard(connection, self._probing):
                asked = time.monotonic()
                self._probe(connection)
            told, self._told = self._told, set()
            self._hearer.hear(connection, told, asked)

    def _heard(self, connection: psycopg.Connection, seconds: float) -> bool:
        """Whether something came within that time; it is taken in."""
        anything, payloads = received(connection, seconds)
        for payload in payloads:
            self._hear(payload.decode(errors="replace"))
        return anything

    def _probe(self, connection: psycopg.Connection) -> None:
        """Raises ``OperationalError`` where the server does not answer in time: what it says, it says on this connection."""
        pgconn, end = connection.pgconn, time.monotonic() + self._answer
        pgconn.send_query(b"SELECT 1")
        pgconn.flush()
        while pgconn.is_busy():
            if time.monotonic() > end:
                raise psycopg.OperationalError("the session that listens does not answer")
            self._heard(connection, max(0.0, end - time.monotonic()))
        while (result := pgconn.get_result()) is not None:
            if result.status != ExecStatus.TUPLES_OK:
                raise psycopg.OperationalError("the session that listens has ended")

    def _hear(self, payload: str) -> None:
        with suppress(ValueError):  # whoever may connect may say anything here
            self._told.add(UUID(payload))

    def _say(self, why: str) -> None:
        """Once for a cause, not with each attempt."""
        if why != self._said and not self._closing.is_set():
            console.say(f"{self._without}: {why}")
            self._said = why


def _be_impatient(connection: psycopg.Connection) -> None:
    """A server that takes nothing for seconds is gone; Linux's, where there is such an option."""
    option: Any = getattr(socket, "TCP_USER_TIMEOUT", None)
    with suppress(OSError), socket.socket(fileno=connection.fileno()) as shared:
        try:
            if option is not None and shared.family != socket.AF_UNIX:
                shared.setsockopt(socket.IPPROTO_TCP, option, 2_000)
        finally:
            shared.detach()
