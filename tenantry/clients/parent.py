"""The engine's death, as seen by a process that it has started: an engine that was killed ends none of them."""

from __future__ import annotations

import os
import threading
import time

SECONDS = 1.0


class Parent:
    """The process that started this one: the engine, or the plugin host, which ends what it has forked when the engine has ended."""

    def __init__(self) -> None:
        self._pid = os.getppid()

    @property
    def gone(self) -> bool:
        """Whether it has ended: then someone else is our parent."""
        return os.getppid() != self._pid

    def die_with(self) -> None:
        """Ends this process, without asking it, soon after its parent has ended."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.gone:
            time.sleep(SECONDS)
        os._exit(1)
