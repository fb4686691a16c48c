"""Who is at work: one row for each worker process, renewed every few seconds."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from tenantry.clients import process, registry

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
        """Whether it was on this machine and its process is no more: then nobody has to wait for the lease to end."""
        return self.host == socket.gethostname() and not process.alive(self.pid)


def new_id() -> str:
    """A name for this process as a worker; never used again."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def beat(worker: str) -> None:
    """A sign of life."""
    with registry.transaction() as connection:
        connection.execute(
            "INSERT INTO workers (id, host, pid) VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET seen_at = now()",
            [worker, socket.gethostname(), os.getpid()],
        )


def leave(worker: str) -> None:
    """Takes the worker off the list: it has ended, or its runs were given to others."""
    with registry.transaction() as connection:
        connection.execute("DELETE FROM workers WHERE id = %s", [worker])


def others(worker: str = "") -> list[Worker]:
    """Every other worker on the list, dead ones too."""
    with registry.transaction() as connection:
        rows = connection.execute("SELECT id, host, pid, seen_at FROM workers WHERE id <> %s", [worker])
        return [Worker(**row) for row in rows]


def alive() -> bool:
    """Whether any worker was heard of within its lease."""
    with registry.transaction() as connection:
        rows = connection.execute(
            "SELECT id, host, pid, seen_at FROM workers WHERE seen_at > now() - make_interval(secs => %s)", [LEASE]
        ).fetchall()
    return any(not Worker(**row).gone for row in rows)
