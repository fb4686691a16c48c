"""Where passwords are compared: two at a time, and not in the threads that answer everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple, Unpack

from anyio import CapacityLimiter, to_thread

from tenantry.errors import TooMany

AT_ONCE: Final = 2
WAITING: Final = 20
"""How many may wait: some seconds of work. Whoever comes then is told to come again."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Hashing:
    """A place for work that takes a core and 64 MiB."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(AT_ONCE)
        self._there = 0

    async def __call__(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        """What ``work`` gives. ``TooMany`` where too many wait."""
        if self._there >= AT_ONCE + WAITING:
            raise TooMany("too many people sign in at this moment", "try again in some seconds", seconds=WAITING / AT_ONCE / 2)
        self._there += 1
        try:
            return await to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._there -= 1
