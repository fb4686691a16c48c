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
import select
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

from tenantry import preload

COMMANDS = Path(__file__).parents[1] / "tenantry" / "commands"
READ: Final = (
    "pulumi.automation", "tenantry.cli", *preload.STORES, *preload.REST,
    *(f"tenantry.commands.{file.stem}" for file in sorted(COMMANDS.glob("[a-z]*.py"))),
    "tenantry.engine.automation", "tenantry.operations.catalogue", "tenantry.work.worker",
)  # fmt: skip
"""No module of ours may import a kill point's function by name: it would keep the one that does not kill, and the test would say that
nothing was killed."""
REQUEST: Final = 4 * 1024 * 1024  # bytes, more than any


@dataclass(frozen=True)
class Work:
    """`tenantry …`: its environment and arguments, and what is called first in its process."""

    environment: dict[str, str]
    arguments: tuple[str, ...]
    before: Callable[[], None] | None = None


def serve(requests: socket.socket) -> Work | None:
    """Serves until the other end is closed. In a forked process it returns at once, with what that process is to do."""
    died, told = socket.socketpair()
    for end in (died, told):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told.fileno())
    working: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, died], [], [])
        if died in ready:
            died.recv(4096)
            _bury(working)
        if requests not in ready:
            continue
        data, files, _, _ = socket.recv_fds(requests, REQUEST, 3)
        if not data:
            for pid in working:
                os.killpg(pid, signal.SIGKILL)
            return None
        pid = _fork(files)
        if not pid:
            for end in (requests, died, told):
                end.detach()  # closed already
            work: Work = pickle.loads(data)  # noqa: S301  the tests have written it
            return work
        working[pid] = files.pop()
        for file in files:
            os.close(file)
        requests.send(pid.to_bytes(4, "big"))


def _fork(files: list[int]) -> int:
    """The id of a new process, which has a session by now: whoever has the id may kill all of it. In it 0, and no files but its streams."""
    ready, say = os.pipe()
    if pid := os.fork():
        os.close(say)
        os.read(ready, 1)
        os.close(ready)
        return pid
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, errors, _ = files
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, errors)):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    return 0


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
    import typer.main

    from local.engine import roads
    from tenantry import cli, hosts
    from tenantry.engine import workspace

    hosts.suffixes()  # read once, too
    if engine := roads.locate():
        os.environ["PATH"] = f"{engine}{os.pathsep}{os.environ['PATH']}"
        workspace.command()  # asks the engine for its version
    cli._register()
    command = typer.main.get_command(cli.app)  # and so many commands made
    cli._register, typer.main.get_command = lambda: None, lambda app: command
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=os.dup(0))
    work = serve(requests)
    if work is None:
        return
    os.environ.clear()
    os.environ.update(work.environment)
    time.tzset()
    sys.argv = ["tenantry", *work.arguments]
    sys.modules["__main__"].__package__ = None  # usage messages then name the program as it is called
    if work.before:
        work.before()
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
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
