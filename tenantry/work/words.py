"""What a run tells while it is at work, no faster than the journal should be written to."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Timer
from typing import Final

import psycopg

from tenantry.errors import TenantryError

PAUSE: Final = 0.5
"""Seconds between two words that are written."""


class Words:
    """Passes the first word on to ``write`` at once, and of those within ``PAUSE`` after one only the last, when that has passed.

    A step's last word is its end, which is written in any case: what is still held back by then is held back for good.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._written = float("-inf")
        self._held: str | None = None
        self._timer: Timer | None = None

    def tell(self, text: str) -> None:
        """Raises what ``write`` raises; nothing for a word that is held back."""
        with self._lock:
            left = self._written + PAUSE - time.monotonic()
            if left > 0:
                self._held = text
                if self._timer is None:
                    self._timer = Timer(left, self._late)
                    self._timer.daemon = True
                    self._timer.start()
            else:
                self._pass_on(text)

    def over(self) -> None:
        """The step ends: no word of it is written after this."""
        with self._lock:
            self._held = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _late(self) -> None:
        with self._lock:
            self._timer = None
            if self._held is not None:
                with suppress(TenantryError, psycopg.Error):  # whatever is wrong, the step's own next word meets it too
                    self._pass_on(self._held)

    def _pass_on(self, text: str) -> None:
        self._held = None
        self._written = time.monotonic()
        self._write(text)
