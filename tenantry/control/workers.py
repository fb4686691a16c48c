"""Who is at work: one row for each worker process, renewed every few seconds."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from tenantry import waiting
from tenantry.clients import place, process
from tenantry.control.database import transaction

BEAT = 2.0
"""Seconds between two signs of life."""

LEASE = 15.0
"""Seconds without a sign of life after which a worker is dead."""


@dataclass(frozen=True)
class Worker:
    """A worker that was alive when it was last seen."""

    id: str
    host: str
    pid: int
    seen_at: datetime

    @property
    def gone(self) -> bool:
        """Whether it was here and its process is no more: then nobody has to wait for the lease to end."""
        return self.id.rpartition(":")[2].partition("-")[0] == place.here() and not process.alive(self.pid)


_own: str | None = None


def new_id() -> str:
    """A name for this process as a worker; never used again. It tells where the process id is to be looked for."""
    return f"{socket.gethostname()}:{os.getpid()}:{place.here()}-{uuid4().hex[:8]}"


def own() -> str | None:
    """The worker that this process is, from its first sign of life until it leaves the list; None: it is none."""
    return _own


def beat(worker: str) -> None:
    """A sign of life of this process."""
    global _own  # one per process, as the process id is
    with transaction() as connection:
        connection.execute(
            "INSERT INTO workers (id, host, pid) VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET seen_at = now()",
            [worker, socket.gethostname(), os.getpid()],
        )
    _own = worker


def leave(worker: str) -> None:
    """Takes the worker off the list: it has ended, or its runs were given to others."""
    global _own
    if worker == _own:
        _own = None
    with transaction() as connection:
        connection.execute("DELETE FROM workers WHERE id = %s", [worker])


def others(worker: str = "") -> list[Worker]:
    """Every other worker on the list, dead ones too."""
    with transaction() as connection:
        rows = connection.execute("SELECT id, host, pid, seen_at FROM workers WHERE id <> %s", [worker])
        return [Worker(**row) for row in rows]


def alive(but: str = "") -> bool:
    """Whether any worker was heard of within its lease, ``but`` for one."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT id, host, pid, seen_at FROM workers WHERE seen_at > now() - make_interval(secs => %s) AND id <> %s", [LEASE, but]
        ).fetchall()
    return any(not Worker(**row).gone for row in rows)


def dead(worker: str) -> bool:
    """Whether a worker is no more: off the list, gone, or without a sign of life for a lease that was spent looking."""
    seen_at, end = None, time.monotonic() + LEASE
    with waiting.on(f"a sign of life of the worker {worker}"):
        while time.monotonic() < end:
            found = next((other for other in others() if other.id == worker), None)
            if found is None or found.gone:
                return True
            if seen_at not in (None, found.seen_at):
                return False
            seen_at = found.seen_at
            time.sleep(0.5)
    return True
