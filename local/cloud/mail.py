"""The SMTP sink: takes every mail, delivers none, and keeps each as an .eml file.

A second delivery with a known Message-ID to the same recipients is counted, not kept: as a mailbox does that drops duplicates.

python -m local.cloud.mail --port PORT --directory DIR
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import hashlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from local import private
from local.cloud.ports import HOST

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Mail:
    """One received mail. ``received`` is in seconds since 1970; ``deliveries`` counts how often it came with this Message-ID."""

    path: Path
    received: float
    sender: str
    recipients: list[str]
    subject: str
    text: str
    html: str
    message_id: str
    deliveries: int


def received(directory: Path) -> list[Mail]:
    """All mail in ``directory``, oldest first."""
    return [_read(path) for path in sorted(directory.glob("*.eml"))]


def _read(path: Path) -> Mail:
    again = path.with_suffix(".again")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    try:
        subject, body, page = str(message.get("Subject", "")), message.get_body(("plain", "html")), message.get_body(("html",))
        text, html = body.get_content() if body else "", page.get_content() if page else ""
    except Exception as error:  # email's parser raises what it likes on a mail that is none; the others are shown all the same
        subject, text, html = f"(cannot be read: {error})", "", ""
    return Mail(
        path=path,
        received=path.stat().st_mtime,
        sender=str(message.get("X-Mail-From", "")),
        recipients=str(message.get("X-Rcpt-To", "")).split(", "),
        subject=subject,
        text=text,
        html=html,
        message_id=str(message.get("Message-ID", "")).strip(),
        deliveries=1 + (again.read_bytes().count(b"\n") if again.exists() else 0),
    )


class Sink:
    """aiosmtpd's handler that writes each mail to a folder, whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self._known = {_identity(mail.message_id, mail.recipients): mail.path for mail in received(directory) if mail.message_id}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = cast("bytes", envelope.content)
        message_id = email.message_from_bytes(content).get("Message-ID")  # by the policy that decodes nothing
        identity = _identity(str(message_id).strip(), envelope.rcpt_tos)
        known = self._known.get(identity) if message_id else None
        if known is not None and known.exists():
            with open(known.with_suffix(".again"), "a", opener=private.opener) as again:  # Path.open takes no opener
                again.write(f"{time.time()}\n")
            return "250 kept before"
        self._count += 1
        # The envelope's addresses stand in no header of the mail itself (think of a Bcc).
        envelope_lines = f"X-Mail-From: {envelope.mail_from}\r\nX-Rcpt-To: {', '.join(envelope.rcpt_tos)}\r\n"
        name = f"{time.time_ns()}-{self._count:04}"
        path = self._directory / f"{name}.eml"
        private.write(path, envelope_lines.encode() + content)
        self._known[identity] = path
        return "250 kept"


def _identity(message_id: str, recipients: list[str]) -> str:
    return hashlib.sha256("\0".join([message_id, *sorted(recipients)]).encode()).hexdigest()


async def serve(port: int, directory: Path) -> None:
    """Takes mail until SIGTERM or SIGINT."""
    from aiosmtpd.smtp import SMTP as Server

    private.folder(directory)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    sink = Sink(directory)
    server = await loop.create_server(lambda: Server(sink, enable_SMTPUTF8=True, hostname="localhost"), HOST, port)
    async with server:
        await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.cloud.mail", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.directory))


if __name__ == "__main__":
    main()
