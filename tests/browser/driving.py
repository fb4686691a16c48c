"""A real browser that a test drives by the DevTools protocol, over pipes: no port, and no library of websockets."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import programs
from tests.browser.running import FLAGS, NAMES


class Tab:
    """A page of the browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._read, self._number, self._session = commands, answers, b"", 0, ""

    def open(self, address: str) -> None:
        """Opens the page."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.send("Page.enable")
        self.send("Page.navigate", url=address)

    def send(self, method: str, *, timeout: float = 30, **parameters: Any) -> dict[str, Any]:
        """What the browser answers."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            told = self._next(deadline, method)
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                return dict(told["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of what a page's script would say, a promise's where it is one."""
        told = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def _next(self, deadline: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._read:
            left = deadline - time.monotonic()
            assert left > 0, f"the browser did not answer {method}"
            if select.select([self._answers], [], [], left)[0]:
                piece = os.read(self._answers, 65536)
                assert piece, "the browser ended"
                self._read += piece
        line, _, self._read = self._read.partition(b"\0")
        return dict(json.loads(line))


@contextmanager
def tab() -> Iterator[Tab]:
    """A browser of its own, which ends with the test."""
    theirs, commands = os.pipe()
    answers, told = os.pipe()
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, 20) for each in (theirs, told)]  # they become 3 and 4, whatever these are here
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as home:
        browser = [programs.find(*NAMES, package="chromium"), *FLAGS.split(), f"--user-data-dir={home}", "--remote-debugging-pipe"]
        shell = ["bash", "-c", f'exec "$0" "$@" 3<&{high[0]} 4>&{high[1]} {high[0]}<&- {high[1]}>&-', *browser]
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(shell, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=high, start_new_session=True)
        for each in (theirs, told, *high):
            os.close(each)
        try:
            yield Tab(commands, answers)
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # the browser is several processes
            process.wait(30)
            os.close(commands)
            os.close(answers)
