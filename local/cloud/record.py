"""`cloud.json`: which ports a local cloud has chosen, once, and which processes serve them now."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from local import private
from local.cloud import ports
from local.cloud.process import Process

if TYPE_CHECKING:
    from pathlib import Path

    from local.home import Home


@dataclass
class Record:
    """Ports and processes by the server's name. PostgreSQL keeps its own process id."""

    path: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, home: Home) -> Record:
        """What stands in the home's file; empty where there is none."""
        try:
            stored = json.loads(home.record.read_text())
        except FileNotFoundError:
            return cls(home.record)
        return cls(home.record, stored["ports"], {name: Process(**process) for name, process in stored["processes"].items()})

    def started(self, name: str, port: int | None, process: Process | None) -> None:
        """Notes, at once and whole, that server ``name`` has been started; servers start side by side."""
        with self._guard:
            if port is not None:
                self.ports[name] = port
            if process:
                self.processes[name] = process
            self._save()

    def alive(self, name: str) -> bool:
        """Whether server ``name`` has a process that still runs."""
        return name in self.processes and self.processes[name].alive

    def answers(self, name: str) -> bool:
        """Whether server ``name`` runs and answers on its port."""
        return self.alive(name) and ports.answers(self.ports[name])

    def end(self, name: str) -> None:
        """Ends server ``name`` where it runs."""
        if process := self.processes.get(name):
            process.end()
        self.ended(name)

    def ended(self, name: str) -> None:
        """Notes that server ``name`` has been ended; its port stays chosen."""
        with self._guard:
            self.processes.pop(name, None)
            self._save()

    def _save(self) -> None:
        processes = {name: asdict(process) for name, process in self.processes.items()}
        private.write(self.path, json.dumps({"ports": self.ports, "processes": processes}, indent=2).encode())
