"""Forks commands from a process that has read the modules: there are many commands, and reading takes longer than most of their work.

``python -m tests.forks`` is that process; its standard input is a socket. A request is a pickled ``Work`` with three open files: for
standard output, for standard error, and one that the command's exit code is written to. The answer is its process id. When the socket is
closed, what is still at work is killed.
"""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

COMMANDS = Path(__file__).parents[1] / "tenantry" / "commands"
READ: Final = (
    "dbos", "boto3", "psycopg", "pulumi.automation", "tenantry.cli",
    *(f"tenantry.commands.{file.stem}" for file in sorted(COMMANDS.glob("[a-z]*.py"))),
    "tenantry.operations.engine", "tenantry.operations.kinds", "tenantry.operations.worker",
)  # fmt: skip
"""No module of ours may import a kill point's function by name: it would keep the one that does not kill, and the test would say that
nothing was killed."""
REQUEST: Final = 4 * 1024 * 1024  # bytes, more than any


@dataclass(frozen=True)
class Work:
    """`tenantry …`: its environment, working directory and arguments, and what is called first in its process."""

    environment: dict[str, str]
    cwd: str
    arguments: tuple[str, ...]
    before: Callable[[], None] | None = None


def serve(requests: socket.socket) -> Work | None:
    """Serves until the other end is closed. In a forked process it returns at once, with what that process is to do."""
    wakened, wake = os.pipe()
    for end in (wakened, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    working: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(wakened, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == wakened:
                    os.read(wakened, 4096)
                    _bury(working)
                    continue
                data, files, _, _ = socket.recv_fds(requests, REQUEST, 3)
                if not data:
                    for pid in working:
                        os.killpg(pid, signal.SIGKILL)
                    return None
                # Once it has a session of its own, whoever knows the id may kill all of it.
                ready, say = os.pipe()
                if pid := os.fork():
                    os.close(say)
                    os.read(ready, 1)
                    os.close(ready)
                    working[pid] = files.pop()
                    for file in files:
                        os.close(file)
                    requests.send(pid.to_bytes(4, "big"))
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setsid()
                for number, file in zip((1, 2), files, strict=False):
                    os.dup2(file, number)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.closerange(3, max(wakened, wake, ready, say, requests.fileno(), *files, *working.values(), 3) + 1)
                work: Work = pickle.loads(data)  # noqa: S301  the tests have written it
                return work


def _bury(working: dict[int, int]) -> None:
    """Tells the exit codes of the commands that have ended."""
    for pid in list(working):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told = working.pop(pid)
            os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(told)


def main() -> None:
    for module in READ:
        import_module(module)
    from tenantry.declaration import hosts

    hosts._suffixes()  # read once, too
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=os.dup(0))
    work = serve(requests)
    if work is None:
        return
    os.environ.clear()
    os.environ.update(work.environment)
    time.tzset()
    os.chdir(work.cwd)
    sys.argv = ["tenantry", *work.arguments]
    sys.modules["__main__"].__package__ = None  # usage messages then name the program as it is called
    if work.before:
        work.before()
    from tenantry import cli

    code = 1
    try:
        cli.main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # shown, as by the interpreter
        traceback.print_exc()
    finally:
        # All of an interpreter's end but taking every module apart, which takes a third of most commands' time.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
