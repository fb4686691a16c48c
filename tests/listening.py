"""A server of a test on 127.0.0.1: it answers from the entering to the leaving."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Self


@contextmanager
def listening(server: TCPServer) -> Iterator[str]:
    """Has the server answer until the end; its address."""
    answering = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    answering.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        answering.join()


class Quiet(BaseHTTPRequestHandler):
    """What answers HTTP and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


class Listener:
    """A server that a class describes; ``server`` makes it."""

    def server(self) -> TCPServer:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._leaving = ExitStack()
        self._server = self.server()
        self._leaving.enter_context(listening(self._server))
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])
