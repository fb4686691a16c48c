"""Where passwords are compared: one at a time, in a thread that the system lets wait for everybody else."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple, Unpack

from tenantry.errors import TooMany

WAITING: Final = 20
"""How many may wait: some seconds of work. Whoever comes then is told to come again."""
NICE: Final = 10
"""The niceness of the thread, and of the four that argon2 starts from it: they hold no lock of the interpreter's meanwhile."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Hashing:
    """A place for work that takes a core and 64 MiB."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "tenantry-hashes", _behind_all)
        self._there = 0

    async def __call__(self, work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
        """What ``work`` gives. ``TooMany`` where too many wait."""
        if self._there > WAITING:
            raise TooMany("too many people sign in at this moment", "try again in some seconds", seconds=WAITING / 4)
        self._there += 1
        asked = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        asked.add_done_callback(self._left)
        return await asked

    def _left(self, _: object) -> None:
        self._there -= 1


def _behind_all() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.nice(NICE)
