"""A receiver of webhooks on 127.0.0.1 that does as a test tells it: answers, hangs, drips, redirects; with TLS where a test wants it."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.listening import Listener, Quiet


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Receiver(Listener):
    """``answer`` gives a status for a request, or writes to the handler itself and gives None. ``names``: SNI, one for each connection."""

    answer: Callable[[Request, BaseHTTPRequestHandler], int | None] = lambda request, handler: 200
    certificate: Path | None = None
    requests: list[Request] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    def server(self) -> ThreadingHTTPServer:
        outer = self

        class Handler(Quiet):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, text)
                outer.requests.append(request)
                status = outer.answer(request, self)
                if status is not None:
                    self.send_response(status)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"ok")

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Whoever hangs up does so because a test wants it."""

        server = Server(("127.0.0.1", 0), Handler)
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
            context.sni_callback = lambda connection, name, _: self.names.append(name)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [request.id for request in self.requests]


def hang(request: Request, handler: BaseHTTPRequestHandler) -> None:
    """Never answers."""
    time.sleep(60)


def drip(request: Request, handler: BaseHTTPRequestHandler) -> None:
    """One byte at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(600):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)
