"""Faults that a test asks a server of the local cloud for: delays, error answers, dropped connections."""

import threading
from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Fault:
    """What happens to the next `count` requests whose method and path match.

    `status` 0 only delays. `delay` is in seconds. `path` is a part of the path, `method` a verb; empty matches all.
    """

    status: int = 0
    count: int = 1
    delay: float = 0.0
    path: str = ""
    method: str = ""

    def matches(self, method: str, path: str) -> bool:
        return self.path in path and self.method.upper() in ("", method.upper())


class Faults:
    """The faults that are due, oldest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._due: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, wanted: dict[str, Any]) -> None:
        """Add a fault from its JSON form. Raises ValueError on an unknown field."""
        if unknown := set(wanted) - {field.name for field in fields(Fault)}:
            raise ValueError(f"unknown field of a fault: {', '.join(sorted(unknown))}")
        with self._lock:
            self._due.append(Fault(**wanted))

    def clear(self) -> None:
        with self._lock:
            self._due.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, counted down, or None."""
        with self._lock:
            for fault in self._due:
                if fault.matches(method, path):
                    fault.count -= 1
                    if fault.count <= 0:
                        self._due.remove(fault)
                    return fault
        return None
