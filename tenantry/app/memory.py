"""What is remembered of the directory's answers. Used only while somebody listens for changes, and for ``LIFETIME`` at most.

An answer that was under way while its tenant changed is not remembered: which of the two it shows cannot be known.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

LIFETIME: Final = 60.0
"""Seconds."""


class Ticket(NamedTuple):
    """Taken before a question is asked, to tell what has come meanwhile."""

    session: int
    told: int


@dataclass(frozen=True)
class Answer:
    """One remembered answer; ``tenant`` is whom it is about, None: nobody."""

    value: Any
    tenant: UUID | None
    session: int
    at: float


class Memory:
    """Thread-safe. ``size`` bounds it: what was not asked for longest goes first, so that made-up host names take no more."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock, self._lock = size, clock, threading.Lock()
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._keys: dict[UUID | None, set[Hashable]] = {}
        self._changed: dict[UUID, int] = {}
        self._session = self._sessions = self._told = 0

    def listening(self) -> None:
        """Somebody listens from now on: what was learnt before counts no more."""
        with self._lock:
            self._sessions += 1
            self._session = self._sessions
            self._changed.clear()

    def deaf(self) -> None:
        """Nobody listens: every question is asked."""
        with self._lock:
            self._session = 0

    @property
    def trusted(self) -> bool:
        """Whether somebody listens."""
        return self._session != 0

    def ticket(self) -> Ticket:
        with self._lock:
            return Ticket(self._session, self._told)

    def get(self, key: Hashable) -> Answer | None:
        """The answer, where it can be relied upon."""
        with self._lock:
            found = self._answers.get(key)
            if found is None or found.session != self._session or self._clock() - found.at > LIFETIME:
                return None
            self._answers.move_to_end(key)
            return found

    def last(self, key: Hashable, seconds: float) -> Answer | None:
        """The answer, reliable or not, that is not older than that: for when nobody can be asked."""
        with self._lock:
            found = self._answers.get(key)
            return found if found is not None and self._clock() - found.at <= seconds else None

    def keep(self, ticket: Ticket, key: Hashable, value: Any, tenant: UUID | None) -> None:
        """Remembers an answer to a question that was asked after ``ticket`` was taken."""
        with self._lock:
            newest = self._told if tenant is None else self._changed.get(tenant, 0)
            if ticket.session == 0 or ticket.session != self._session or newest > ticket.told:
                self._drop(key)
                return
            self._drop(key)
            self._answers[key] = Answer(value, tenant, ticket.session, self._clock())
            self._keys.setdefault(tenant, set()).add(key)
            while len(self._answers) > self._size:
                self._drop(next(iter(self._answers)))

    def forget(self, tenant: UUID) -> None:
        """Something of the tenant has changed. Whoever was nobody's may be his now."""
        with self._lock:
            self._told += 1
            self._changed[tenant] = self._told
            for owner in (tenant, None):
                for key in self._keys.pop(owner, ()):
                    self._answers.pop(key, None)

    def sweep(self, seconds: float) -> None:
        """Lets go of what is older than that, and of the notes on changes that no question can have met."""
        with self._lock:
            now = self._clock()
            for key in [key for key, answer in self._answers.items() if now - answer.at > seconds]:
                self._drop(key)
            old = self._told - 10_000
            self._changed = {tenant: told for tenant, told in self._changed.items() if told > old}

    def __len__(self) -> int:
        return len(self._answers)

    def _drop(self, key: Hashable) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None and (keys := self._keys.get(answer.tenant)) is not None:
            keys.discard(key)
            if not keys:
                del self._keys[answer.tenant]
