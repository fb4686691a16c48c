"""One run per stack at a time, whoever starts it: gone the moment its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tenantry.errors import TransientError
from tenantry.postgres import locks

LONGEST: Final = 600.0
"""Seconds that a run of the engine may take for whoever waits for its end."""


class Busy(TransientError):
    """Someone else has the stack's lock."""

    code = "stack.busy"


@contextmanager
def held(stack: str) -> Iterator[None]:
    """Holds the stack's lock. ``Busy`` at once, naming the holder, when someone else has it."""
    with _held(stack):
        yield


def wait(stack: str) -> None:
    """Until nobody holds the stack's lock."""
    with _held(stack, LONGEST):
        pass


def _held(stack: str, wait: float = 0) -> AbstractContextManager[None]:
    def refused(taken: locks.Taken) -> Busy:
        return Busy(f"another run is at work on the stack {stack}{taken.holder}", taken.hint)

    return locks.held(f"stack:{stack}", wait=wait, refused=refused)
