"""One run per stack at a time, whoever starts it: gone the moment its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from tenantry.errors import TransientError
from tenantry.postgres import locks

LONGEST: Final = 600.0
"""Seconds that a run of the engine may take for whoever waits for its end."""


class Busy(TransientError):
    """Somebody else has the stack's lock."""

    code = "stack.busy"


@contextmanager
def held(stack: str) -> Iterator[None]:
    """Holds the stack's lock. ``Busy`` at once, naming the holder, when somebody else has it."""
    with ExitStack() as inside:
        try:
            inside.enter_context(locks.held(f"stack:{stack}"))
        except locks.Taken as taken:
            raise Busy(f"another run is at work on the stack {stack}{taken.holder}", taken.hint) from taken
        yield


def wait(stack: str) -> None:
    """Until nobody holds the stack's lock."""
    try:
        with locks.held(f"stack:{stack}", wait=LONGEST):
            pass
    except locks.Taken as taken:
        raise Busy(f"another run is at work on the stack {stack}{taken.holder}", taken.hint) from taken
