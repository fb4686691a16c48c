"""A real browser that opens pages of a test's own server, and the list of what it asked that server for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple

from tests import programs
from tests.listening import Quiet, listening

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS: Final = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage --disable-extensions --window-size=1200,900"
)
TIMEOUT: Final = 180
"""Seconds until a browser that does not come to an end is a failure."""
SETTLE: Final = 250
"""Milliseconds that a page may take, after it has loaded, to load or run something more."""
LEAKS: Final = "/leak/"

# Opens all pages, some at a time; says when all have been open for a while.
_WALKER: Final = """<!doctype html><title>walker</title>
<style>iframe { position: absolute; top: 0; left: 0; width: 300px; height: 200px; border: 0 }</style>
<script>
const pages = %s, wait = ms => new Promise(done => setTimeout(done, ms))
const open = page => new Promise(done => {
  const frame = document.createElement('iframe')
  frame.onload = async () => { await wait(%d); frame.remove(); done() }
  frame.src = page
  document.body.append(frame)
})
onload = async () => {
  while (pages.length) await Promise.race([Promise.all(pages.splice(0, 48).map(open)), wait(20000)])
  await fetch('/done')
}
</script><body>
"""


class Page(NamedTuple):
    """What the server answers: media type, content, further headers."""

    kind: str
    content: bytes
    headers: Mapping[str, str] = {}


class Site:
    """A server on 127.0.0.1 that keeps the path of every request."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.cookies: dict[str, str] = {}
        """What the last request of a path showed."""
        self.finished = threading.Event()

    def leak(self, name: str) -> str:
        """An address that nothing may ask for."""
        return f"{self.address}{LEAKS}{name}"

    def leaks(self) -> set[str]:
        """The names of the leaks that were asked for."""
        return {path.removeprefix(LEAKS) for path in self.asked if path.startswith(LEAKS)}


@contextmanager
def site() -> Iterator[Site]:
    """A server for the pages of one test."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found.asked.append(path)
            found.cookies[path] = self.headers.get("Cookie", "")
            if path == "/done":
                found.finished.set()
            page = found.pages.get(path)
            self.send_response(200 if page or path == "/done" else 404)
            body = page.content if page else b""
            self.send_header("Content-Type", page.kind if page else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (page.headers if page else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_HEAD = do_GET

        def handle(self) -> None:
            with suppress(ConnectionError):  # a browser that has seen enough hangs up
                super().handle()

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        found = Site(address)
        yield found


def visit(site: Site, paths: Sequence[str], *, host: str = "127.0.0.1") -> None:
    """Opens each of the site's pages in a real browser, which ends when all have been open for a while.

    ``host``: as which it is opened; each below ``test`` is this machine.
    """
    site.pages["/walker"] = Page("text/html", (_WALKER % (json.dumps(list(paths)), SETTLE)).encode())
    site.finished.clear()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as home:
        command = [
            programs.find(*NAMES, package="chromium"),
            *FLAGS.split(),
            f"--user-data-dir={home}",
            "--remote-debugging-port=0",
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            f"{site.address.replace('127.0.0.1', host)}/walker",
        ]
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            try:
                assert site.finished.wait(TIMEOUT), (
                    f"the browser did not come to an end: {Path(home, 'log').read_text(errors='replace')[-500:]}"
                )
            finally:
                os.killpg(process.pid, signal.SIGTERM)  # the browser is several processes
                process.wait(30)
