"""A server of the local cloud as a process of its own, known by id *and* start time, so that a recycled id is never ended."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from local import private
from tenantry.clients.environment import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

END_SECONDS = 10


@dataclass(frozen=True)
class Process:
    """A process that was started: its id, and when it started in seconds since 1970."""

    pid: int
    started: float

    @classmethod
    def spawn(cls, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
        """Starts ``command`` in a session of its own, so that it outlives us and no Ctrl-C reaches it; what it says goes to ``log``.

        ``environment`` is what it gets beyond the plain variables: a server of the local cloud has no use for a user's own keys.
        """
        private.folder(log.parent)
        with open(log, "ab", opener=private.opener) as out:  # Path.open takes no opener
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**plain(), **environment},
                start_new_session=True,
                umask=private.UMASK,
            )
        child.returncode = 0  # never waited for: it is meant to outlive us, and Popen would warn
        return cls(child.pid, psutil.Process(child.pid).create_time())

    @classmethod
    def running(cls, first: list[str], last: list[str]) -> list[Process]:
        """The processes whose command line begins with ``first`` and ends with ``last``."""
        found = []
        for process in psutil.process_iter(["cmdline", "create_time"]):
            line = process.info["cmdline"] or []
            if line[: len(first)] == first and line[-len(last) :] == last:
                found.append(cls(process.pid, process.info["create_time"]))
        return found

    def _live(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if ours else None

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self._live() is not None

    def end(self) -> None:
        """Asks the process to end, and after END_SECONDS makes it; its children go with it."""
        process = self._live()
        if process is None:
            return
        family = [process, *process.children(recursive=True)]
        process.terminate()
        deadline = time.monotonic() + END_SECONDS
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        for member in family:
            try:
                # is_running compares the start time too.
                if member.is_running():
                    member.kill()
            except psutil.Error:
                continue
