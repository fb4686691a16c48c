"""Which lock of the state backend is whose: written down by each run, so that a later one can tell whether its holder is no more.

The backend notes a host name and a process id, which two containers may share: docs/adr/0002-adoption.md.
"""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

import psycopg

from tenantry.backend import state_files
from tenantry.clients import place, process
from tenantry.control import ledger_schema, workers
from tenantry.postgres import locks

WORKER: Final = "TENANTRY_WORKER"
"""The variable that tells a run of the engine which worker started it."""

SOON: Final = timedelta(seconds=30)
"""Within this time of its start an engine has taken its lock, or is about to fail."""

EXACT: Final = timedelta(seconds=1)
"""What the engine's messages cut off a time."""


@dataclass(frozen=True)
class Lock:
    """A lock of the state backend, as the engine's message tells it."""

    id: str
    user: str
    host: str
    pid: int
    at: datetime


@dataclass(frozen=True)
class Engine:
    """The stack's last run of the engine, as it wrote itself down."""

    locks: tuple[str, ...]
    """The backend's that were there when its program began: its own, and of any that came too late, which takes its own back.
    Empty: the run was started by `tenantry`, and had not got to the program."""
    host: str
    place: str
    worker: str | None
    since: datetime

    def holds(self, lock: Lock) -> bool:
        """Whether the lock is this run's."""
        if self.locks:
            return lock.id in self.locks
        return self.host == lock.host and self.since - EXACT <= lock.at <= self.since + SOON

    def is_gone(self, lock: Lock) -> bool:
        """Whether it is proven that the holder of its lock is no more: it was here, or its worker is dead (``workers.dead``)."""
        if self.place == place.here():
            return not process.alive(lock.pid)
        return self.worker is not None and workers.dead(self.worker)


def read(connection: psycopg.Connection, stack: str) -> Engine | None:
    """The stack's last run; None: nothing is known of one."""
    if connection.execute("SELECT to_regclass('tenantry_ledger.engines')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT locks, host, place, worker, since FROM tenantry_ledger.engines WHERE stack = %s", [stack]).fetchone()
    return Engine(tuple(row[0]), *row[1:]) if row else None


def begin(connection: psycopg.Connection, stack: str) -> None:
    """Writes down that this process, which holds the stack's lock of ours, is about to start the engine.

    Not where the backend's lock is there already: what is known of its holder must stay known.
    """
    if _locks(stack):
        return
    if connection.execute("SELECT to_regclass('tenantry_ledger.engines')").fetchone() == (None,):
        with connection.transaction():
            locks.turn(connection, "ledger")
            ledger_schema.make(connection)
    _write(connection, stack, [], workers.own())


def note(connection: psycopg.Connection, stack: str) -> None:
    """The program's part: writes down which lock its engine holds, whoever started it. The ledger is there."""
    present = _locks(stack)
    if present:
        _write(connection, stack, present, os.environ.get(WORKER))


def left_behind(connection: psycopg.Connection, stack: str) -> Lock | None:
    """A lock of the stack's whose process was on a machine of this name and is not to be seen here: it was killed, or is in another
    container. None where there is none, and where that can be told, so that the next run of ours removes it by itself."""
    last, files = read(connection, stack), state_files.backend()
    for path in _paths(stack):
        with suppress(ValueError, KeyError):  # it went meanwhile
            found = json.loads(files.read(path) if files else b"")
            at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", found["timestamp"]))
            lock = Lock(PurePosixPath(path).stem, found["username"], found["hostname"], found["pid"], at)
            if lock.host == socket.gethostname() and not process.alive(lock.pid) and not (last and last.holds(lock) and last.is_gone(lock)):
                return lock
    return None


def _locks(stack: str) -> list[str]:
    """The ids of the stack's locks in the backend, where it keeps them as files."""
    return [PurePosixPath(path).stem for path in _paths(stack)]


def _paths(stack: str) -> list[str]:
    files = state_files.backend()
    return list(files.present(f"{state_files.ROOT}/locks/organization/{state_files.PROJECT}/{stack}/")) if files else []


def _write(connection: psycopg.Connection, stack: str, held: list[str], worker: str | None) -> None:
    connection.execute(
        "INSERT INTO tenantry_ledger.engines (stack, locks, host, place, worker, since) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (stack) DO UPDATE SET locks = EXCLUDED.locks, host = EXCLUDED.host, place = EXCLUDED.place,"
        " worker = EXCLUDED.worker, since = EXCLUDED.since",
        # By this machine's clock, which the lock's time is by, too.
        [stack, held, socket.gethostname(), place.here(), worker, datetime.now(UTC)],
    )
