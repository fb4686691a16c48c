"""Writes down who read what through the service, beside the requests: on one thread, a batch each second, and never in anybody's way.

Reads that are alike (who, from where, which route, which tenant and filter) within one batch are one line with their number. Where
PostgreSQL is away the lines wait in memory, so many at most; what finds no room is counted, and the number is said when it is there again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import psycopg

from tenantry import console
from tenantry.control import audit_reads, runs
from tenantry.control.audit_reads import Read, ReadLine
from tenantry.control.database import transaction
from tenantry.errors import TenantryError
from tenantry.escape import escaped
from tenantry.operations.callers import Caller
from tenantry.settings import platform_settings
from tenantry.sweep import explained

BEAT: Final = 1.0
"""Seconds between two batches, at most."""
MOST: Final = 10_000
"""Lines that wait in memory."""
LONGEST: Final = 300
"""Characters of what somebody else has chosen: a filter, a name."""
ACTION: Final = "read log"
"""The action in the audit log of a loss."""
_ENDING: Final = 3.0  # seconds that the last batch may take

Write = Callable[[Sequence[ReadLine]], None]


class ReadLog:
    """One process's. ``write``: another than PostgreSQL's; ``beat``: seconds between two batches."""

    def __init__(self, write: Write | None = None, *, beat: float = BEAT, most: int = MOST) -> None:
        self._write, self._beat, self._most = write or _written, beat, most
        self._lock = threading.Lock()
        self._new: dict[Read, tuple[datetime, UUID, int]] = {}
        self._waiting: list[ReadLine] = []
        self._untold = 0
        self._said = ""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Reads that were not written down, since the process began."""

    def start(self) -> None:
        """Begins to write."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="tenantry-reads", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what is left, if that takes no longer than moments; else it is lost, and said so."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(_ENDING)
        with self._lock:
            left = sum(line.reads for line in self._waiting) + sum(reads for _, _, reads in self._new.values())
        if left:
            console.say(f"{left} reads were not written down: PostgreSQL did not take them in time")

    def note(self, who: Caller, address: str, tenant: UUID | None, run: UUID | None, route: str, detail: str) -> UUID:
        """Takes in one read; its id. It waits for nothing."""
        read = Read(
            _short(who.holder), _short(who.name), _short(who.credential), _short(address), tenant, run, _short(route), _short(detail)
        )
        request = uuid4()
        with self._lock:
            found = self._new.get(read)
            if found is not None:
                self._new[read] = (found[0], found[1], found[2] + 1)
            elif len(self._new) + len(self._waiting) < self._most:
                self._new[read] = (datetime.now(UTC), request, 1)
            else:
                self.lost += 1
                self._untold += 1
        return request if found is None else found[1]

    def _run(self) -> None:
        while not self._ending.wait(self._beat):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            new, self._new = self._new, {}
            self._waiting += [ReadLine(at, read, request, reads) for read, (at, request, reads) in new.items()]
            batch = tuple(self._waiting)
        try:
            if batch:
                self._write(batch)
        except (TenantryError, psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._say("what is read is not written down, it waits", error)
            return
        except Exception as error:  # it would fail again and again, and keep what follows from being written
            gone = sum(line.reads for line in batch)
            with self._lock:
                self.lost += gone
                self._untold += gone
            self._say("what is read is not written down, it is lost", error)
        with self._lock:
            del self._waiting[: len(batch)]
        try:
            self._tell_loss()
        except Exception as error:
            self._say("that reads were lost is not written down, it waits", error)
        else:
            self._said = ""

    def _tell_loss(self) -> None:
        with self._lock:
            count = self._untold
        if count:
            _noted(count)
            console.say(f"{count} reads were not written down")
            with self._lock:
                self._untold -= count

    def _say(self, what: str, error: Exception) -> None:
        """Once for a cause, not with each attempt."""
        text = f"{what}: {explained(error)[0]}"
        if text != self._said:
            console.say(text)
            self._said = text


def keep() -> timedelta:
    """How long a line is kept: the setting tenantry:readLogDays."""
    return timedelta(days=int(platform_settings().read_log_days))


def purge() -> int:
    """Forgets the lines whose time is over; how many."""
    with transaction() as connection:
        return audit_reads.purge(connection, keep())


def _written(lines: Sequence[ReadLine]) -> None:
    audit_reads.add(lines, keep())


def _noted(count: int) -> None:
    with transaction() as connection:
        runs.audit(connection, None, "service", ACTION, f"{count} reads were not written down")


def _short(text: str) -> str:
    return escaped(text)[:LONGEST]
