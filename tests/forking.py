"""Processes that have read some modules, and fork another for each request: reading takes longer than most of their work.

``Forker`` starts one (`python -m MODULE`); its standard input is a socket. A request is a pickled ``Work`` with three open files: for
standard output, for standard error, and one that the exit code is written to. The answer is the new process's id. When the socket is
closed, what is still at work is killed.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from local.home import CLONE

REQUEST: Final = 4 * 1024 * 1024  # bytes, more than any


@dataclass(frozen=True)
class Work:
    """What a process is to do: its environment and arguments, and what is called first in it."""

    environment: dict[str, str]
    arguments: tuple[str, ...]
    before: Callable[[], None] | None = None

    def enter(self) -> None:
        """Gives this process that environment, and nothing of its own."""
        os.environ.clear()
        os.environ.update(self.environment)
        time.tzset()


class Forker:
    """The process that forks, begun as ``python -m arguments``. It ends, and all that it has forked, with this one."""

    def __init__(self, *arguments: str, environment: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
        self._turn = threading.Lock()
        with theirs:
            # A session of its own: Ctrl-C is for pytest, which ends it.
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=CLONE, env=dict(environment), stdin=theirs, start_new_session=True
            )

    def fork(self, work: Work, *files: int) -> int:
        """The id of the process that does ``work``."""
        with self._turn:
            socket.send_fds(self._requests, [pickle.dumps(work)], files)
            answer = self._requests.recv(4)
        assert answer, "the process that forks has ended"
        return int.from_bytes(answer, "big")


def serve() -> Work | None:
    """Serves until the other end of standard input is closed. In a forked process it returns at once, with what that process is to do."""
    requests = socket.socket(fileno=os.dup(0))
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
