"""The command line at work in processes of its own, forked from one that has read the modules (``tests.forks``).

A test of how the program starts, or of what a signal does to a fresh interpreter, starts one by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from local.home import CLONE
from tests.forking import Forker, Work

TIMEOUT: Final = 300  # seconds


_forker = cache(lambda: Forker("tests.forks", environment={**os.environ, "PYTHONPATH": str(CLONE), "GRPC_ENABLE_FORK_SUPPORT": "false"}))


class Command:
    """`tenantry …` at work in a session of its own. It has what the tests use of ``subprocess.Popen``."""

    def __init__(
        self, environment: Mapping[str, str], *arguments: str, apart: bool = False, before: Callable[[], None] | None = None
    ) -> None:
        """``apart``: standard error goes to ``stderr``, otherwise where the output goes. ``before`` is called first, in the process."""
        self.args = ("tenantry", *arguments)
        self.returncode: int | None = None
        self._code, told = os.pipe()
        with ExitStack() as files:
            output = files.enter_context(tempfile.NamedTemporaryFile("r+", prefix="tenantry-command-"))
            errors = files.enter_context(tempfile.NamedTemporaryFile("r+", prefix="tenantry-command-")) if apart else output
            self.pid = _forker().fork(Work(dict(environment), arguments, before), output.fileno(), errors.fileno(), told)
            self.stdout = _Output(Path(output.name), self)
            self.stderr = _Output(Path(errors.name), self) if apart else None
        os.close(told)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._code], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(os.read(self._code, 16))
            os.close(self._code)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """The rest of what it said, once it has ended."""
        self.wait(timeout)
        return self.stdout.read(), self.stderr.read() if self.stderr else ""

    def kill(self) -> None:
        """SIGKILL for the command, the engine and every plugin."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait(30)


class _Output:
    """What a command has written so far, and what it goes on to write."""

    def __init__(self, path: Path, command: Command) -> None:
        self._file = path.open(encoding="utf-8", errors="replace")
        self._command = command

    def read(self) -> str:
        return self._file.read()

    def readline(self) -> str:
        """The next line, waited for; what there is of it where the command has ended."""
        line = ""
        while not line.endswith("\n"):
            ended = self._command.poll() is not None  # asked first: what it writes before it ends is read after
            line += (more := self._file.readline())
            if ended and not more:
                break
            if not more:
                time.sleep(0.01)
        return line

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")


def run(environment: Mapping[str, str], *arguments: str, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `tenantry …` to its end; never raises for its exit code. After ``TIMEOUT`` it is killed with all that it started."""
    command = Command(environment, *arguments, apart=True, before=before)
    try:
        output, errors = command.communicate(TIMEOUT)
    except subprocess.TimeoutExpired:
        command.kill()
        raise
    return subprocess.CompletedProcess(command.args, command.wait(), output, errors)
