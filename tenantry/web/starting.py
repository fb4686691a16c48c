"""What each process of the service does once when it starts, so that no request waits for it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

from fastapi import FastAPI

from tenantry import console
from tenantry.operations import declarations


def make_routes(app: FastAPI) -> None:
    """FastAPI makes a router's routes when it is first asked for one, on the loop that everybody waits for: half a second of a core."""
    nowhere = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)


def settle() -> None:
    """What is there by now stays. To look for garbage among it, again and again, would stop all threads for a sixth of a second."""
    gc.collect()
    gc.freeze()


class ReadingAhead:
    """Reads the declarations beside the first requests. ``settled``: called when that is over."""

    def __init__(self, settled: Callable[[], None]) -> None:
        self._settled, self._over = settled, threading.Event()
        self._thread = threading.Thread(target=self._run, name="tenantry-reads-ahead", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits until it is over, however it ended; whether it is."""
        return self._over.wait(seconds)

    @property
    def over(self) -> bool:
        """Whether nobody has to wait for it any more."""
        return self._over.is_set()

    def _run(self) -> None:
        try:
            declarations.read_ahead()
            self._settled()
        except Exception as error:  # whoever declares a tenant is told what is wrong
            console.say(f"the declarations could not be read ahead: {error}")
        finally:
            self._over.set()
