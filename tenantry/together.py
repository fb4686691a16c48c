"""What takes long to find out, and many threads ask for at once: one of them finds it out for all who have asked before it begins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Calls ``work`` as a plain call would, but that threads which wait for it at the same time share what it gives, or raises.

    Nobody gets what was begun before he asked. Who holds a lock that ``work`` takes must not ask: it may be another thread that works.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._next: Future[T] | None = None
        """What has not begun yet."""

    def __call__(self) -> T:
        """What it gives."""
        with self._lock:
            found, first = self._next, self._next is None
            if found is None:
                found = self._next = Future()
        if first:
            with self._turn:
                with self._lock:
                    self._next = None
                try:
                    found.set_result(self._work())
                except BaseException as error:
                    found.set_exception(error)
        return found.result()
