"""The processes that the plugin host has forked: ended when their launcher is no more, and their exit codes handed to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket


class Children:
    """Each child has its launcher's connection here, on which the launcher says nothing: it is readable when the launcher has ended.

    A child can't be left to see that by itself: the program of a user runs in it, which may hold the interpreter's lock.
    """

    def __init__(self) -> None:
        self._launchers: dict[int, socket.socket] = {}
        # A byte for each signal: whoever waits for the sockets wakes when a child ends, and no handler of ours runs in between.
        self._died, self._told = socket.socketpair()
        for end in (self._died, self._told):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)

    def __len__(self) -> int:
        return len(self._launchers)

    @property
    def sockets(self) -> list[socket.socket]:
        """What is readable when there is something for ``look`` to see."""
        return [self._died, *self._launchers.values()]

    def fork(self, launcher: socket.socket) -> bool:
        """Forks a child in a process group of its own; True in the child, which keeps no socket of the host's."""
        child = os.fork()
        # By both, so that neither comes too late.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        if child:
            self._launchers[child] = launcher
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (launcher, self._told, *self.sockets):
            each.close()
        return True

    def look(self, readable: list[socket.socket]) -> None:
        """Buries the children that have ended, and ends those whose launcher has."""
        if self._died in readable:
            with contextlib.suppress(BlockingIOError):
                self._died.recv(4096)
            self._bury()
        for child, launcher in self._launchers.items():
            if launcher in readable:
                # What the child has started gets what the engine sends to a process group first; the child itself is done.
                with contextlib.suppress(OSError):
                    os.killpg(child, signal.SIGINT)
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                child, status = ended
                code = os.waitstatus_to_exitcode(status)
                if launcher := self._launchers.pop(child, None):
                    with launcher, contextlib.suppress(OSError):
                        launcher.send(bytes([code if code >= 0 else 128 - code]))  # killed: as a shell says it
