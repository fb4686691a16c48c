"""One run per stack at a time, whoever starts it: gone the moment its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tenantry.clients import locks
from tenantry.errors import TransientError


@contextmanager
def held(stack: str) -> Iterator[None]:
    """Holds the stack's lock. ``TransientError`` at once, naming the holder, when somebody else has it."""
    with ExitStack() as inside:
        try:
            inside.enter_context(locks.held(f"stack:{stack}"))
        except locks.Taken as taken:
            raise TransientError(f"another run is at work on the stack {stack}{taken.holder}", taken.hint) from taken
        yield
