"""An SMTP server that does as a test tells it: refuses, cuts the line, waits, kills."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer

from tests.listening import Listener

Answer = str | None
"""What is answered; None: the connection is cut without an answer."""


@dataclass
class Stubborn(Listener):
    """A server on a port of its own. ``on`` maps a verb (``MAIL``, ``RCPT``, ``DATA``, ``TEXT``: the whole text has come) to its answer."""

    on: dict[str, Callable[[bytes], Answer]] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    """The mails as they came, but for the dot that ends them."""
    seen: list[str] = field(default_factory=list)

    def server(self) -> ThreadingTCPServer:
        outer = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 stubborn ESMTP")
                while line := self.rfile.readline():
                    outer.seen.append(line.decode().rstrip())
                    verb = line.split()[0].decode().upper()
                    if verb == "QUIT":
                        self.say("221 bye")
                        return
                    if verb == "DATA":
                        answer = outer.on["DATA"](line) if "DATA" in outer.on else "354 go on"
                        if answer is None:
                            return
                        self.say(answer)
                        if not answer.startswith("354"):  # no text follows what was refused
                            continue
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            if not (more := self.rfile.readline()):
                                return
                            text += more
                        outer.contents.append(text[:-3].replace(b"\r\n..", b"\r\n."))
                        outer.taken.append(email.message_from_bytes(text[:-3], policy=email.policy.default))
                        if not self.answer("TEXT", text, "250 taken"):
                            return
                    elif not self.answer(verb, line, "250 fine"):
                        return

            def answer(self, verb: str, line: bytes, default: str) -> bool:
                answer = outer.on[verb](line) if verb in outer.on else default
                if answer is not None:
                    self.say(answer)
                return answer is not None

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        return server

    @property
    def recipients(self) -> list[str]:
        return [line.split("<")[1].split(">")[0] for line in self.seen if line.upper().startswith("RCPT")]

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]
