"""The platform's own two processes in a local cloud: the service, and the worker that does what it is asked for.

They need a platform, so it is not `up` that starts them. They stay until `down`, and are started anew where the code has changed since.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import env
from local.cloud import ports
from local.cloud.process import Process
from local.cloud.servers import READY_SECONDS, last_words
from local.home import CLONE
from local.plugins import kept
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from local.cloud.record import Record
    from local.cloud.servers import State
    from local.home import Home

PORT = 8080
"""Of the service, where it is free when the service is first started."""


@dataclass(frozen=True)
class Command:
    """A command of `tenantry` that goes on until it is ended. ``serves``: it listens on a port, and is ready when it answers."""

    name: str
    arguments: tuple[str, ...]
    serves: bool = False

    def start(self, home: Home, record: Record) -> State:
        """Starts it where it does not run, or runs older code. ``WorkError`` with the end of its log where it ends at once."""
        if self.state(home, record) == "running" and not _outdated(record.processes[self.name]):
            return "running"
        self.stop(home, record)
        port = _port(record) if self.serves else None
        arguments = [*self.arguments, *(("--port", str(port)) if port else ())]
        own = {name: value for name, value in os.environ.items() if name.startswith("TENANTRY_")}
        command = [sys.executable, "-c", "from tenantry.cli import main; main()", *arguments]
        log = home.log / f"{self.name}.log"
        process = Process.spawn(command, log, {**own, **env.environment(home), "PYTHONPATH": str(CLONE), **_service_url(port)})
        record.started(self.name, port, process)
        deadline = time.monotonic() + READY_SECONDS
        settled = time.monotonic() + 1
        while not ports.answers(port) if port else time.monotonic() < settled:
            if not process.alive or time.monotonic() > deadline:
                self.stop(home, record)
                raise WorkError(f"the local {self.name} ended at once, or did not answer: {last_words(log)}", f"see {log}")
            time.sleep(0.05)
        return "started"

    def stop(self, home: Home, record: Record) -> None:
        """Ends it. A run that the worker has in hand goes on with the next one."""
        record.end(self.name)

    def state(self, home: Home, record: Record) -> State:
        return "running" if (record.answers if self.serves else record.alive)(self.name) else "stopped"


COMMANDS = (Command("service", ("serve",), serves=True), Command("worker", ("worker",)))


def begun(record: Record) -> list[Command]:
    """Those that were started and not ended."""
    return [command for command in COMMANDS if command.name in record.processes]


def _port(record: Record) -> int:
    taken = frozenset(number for name, number in record.ports.items() if name != "service")
    return ports.choose(record.ports.get("service", PORT), taken)


def _service_url(port: int | None) -> dict[str, str]:
    return {"TENANTRY_SERVICE_URL": f"http://{ports.HOST}:{port}"} if port else {}


def _outdated(process: Process) -> bool:
    return any(changed > process.started * 1e9 for _, changed, _ in kept.code())
