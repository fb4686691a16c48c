"""An e-mail's headers as they go over the wire, and the proof that a mail arrives as it was meant.

``email``'s structured headers decode what looks like an encoded word (RFC 2047) wherever it stands, and some patch levels of Python write
what comes of it out again, line breaks and all (CVE-2024-6923). So no text of a tenant reaches that parser: a header is encoded here, once,
and the library takes it as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from email.header import Header, decode_header, make_header
from email.message import Message
from email.parser import Parser
from email.policy import EmailPolicy, compat32
from email.utils import getaddresses
from typing import Final, Self

import idna

from tenantry.declaration.mail import check_email

NEVER: Final = frozenset({"invalid"})
"""RFC 2606: addresses that are made never to work."""

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d\u200e\u200f"  # part of how Persian, emoji and mixed directions are written
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_LINE: Final = 998  # bytes of a line, RFC 5322, 2.1.1
_PLAIN: Final = 200  # characters that are written as they are; what is longer is encoded, which folds at any place


def one_line(text: str) -> str:
    """The text without line breaks, control characters and what reorders or hides what is shown."""
    kept = "".join(" " if unicodedata.category(character) in _HIDDEN and character not in _JOINERS else character for character in text)
    return " ".join(kept.split())


def lines(text: str) -> str:
    """A body: its lines as they are, each without control characters; tabs stay."""
    return "\n".join(
        "".join(" " if unicodedata.category(character) in ("Cc", "Cs") and character != "\t" else character for character in line)
        for line in re.split(r"\r\n|\r|\n", text)
    )


def wire_address(address: str) -> str:
    """The address with its domain in ASCII (IDNA); the part before the @ as it is. ``ValueError`` for what can never receive mail."""
    if address.rpartition(".")[2].lower() in NEVER:
        raise ValueError(f"{address!r} is made never to receive mail (RFC 2606)")
    local, _, domain = check_email(address).rpartition("@")
    return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode('ascii')}"


class WireHeader(str):
    """A header's value as it goes over the wire, encoded and folded.

    ``EmailPolicy`` takes a value with a ``name`` and a ``fold`` of its own as it is: https://docs.python.org/3/library/email.policy.html
    """

    name: str
    text: str
    """What a reader is to see: the whole value, or a mailbox's name."""
    address: str
    """A mailbox's address; empty for other headers."""

    @classmethod
    def of(cls, name: str, value: str, text: str | None = None, address: str = "") -> Self:
        """A value that is on the wire already."""
        made = cls(value)
        made.name, made.text, made.address = name, value if text is None else text, address
        return made

    @classmethod
    def unstructured(cls, name: str, text: str) -> Self:
        """A text, such as a subject's."""
        text = _spelled(text)
        return cls.of(name, text if text.isascii() and len(text) <= _PLAIN else _encoded(name, text), text)

    @classmethod
    def mailbox(cls, name: str, display: str, address: str) -> Self:
        """An address (of ``wire_address``) with a display name in quotation marks, or without one."""
        display = _spelled(display)
        if not display:
            return cls.of(name, f"<{address}>", "", address)
        if display.isascii() and len(display) <= _PLAIN:
            escaped = display.replace("\\", r"\\").replace('"', r"\"")
            return cls.of(name, f'"{escaped}" <{address}>', display, address)
        return cls.of(name, f"{_encoded(name, display)} <{address}>", display, address)

    def fold(self, *, policy: EmailPolicy) -> str:
        """The header's lines."""
        return f"{self.name}: {self}".replace("\n", policy.linesep) + policy.linesep


def _spelled(text: str) -> str:
    """One line that no reader takes for an encoded word, though it decodes twice."""
    return one_line(text).replace("=?", "= ?")


def _encoded(name: str, text: str) -> str:
    return Header(text, "utf-8", header_name=name).encode(linesep="\n")


class Altered(ValueError):
    """A mail that would not arrive as it was meant."""


def prove(content: bytes, headers: Sequence[WireHeader], bodies: Sequence[tuple[str, str | bytes]]) -> None:
    """Parses a flattened mail again and compares it with what was set; ``Altered`` names what differs.

    ``bodies``: content type and content of each part that holds one, in their order. MIME's own two headers are expected as well.
    """
    if any(len(line) > _LINE for line in content.split(b"\r\n")) or re.search(rb"(?<!\r)\n|\r(?!\n)|\0", content):
        raise Altered("a line of the mail is too long, or ends in another way than CR LF")
    parsed = Parser(policy=compat32).parsestr(content.decode("utf-8"))
    found = Counter(name.lower() for name in parsed.keys())  # noqa: SIM118  # a message with two of a name has that key twice
    wanted = Counter(["mime-version", "content-type", *(header.name.lower() for header in headers)])
    if found != wanted:
        differing = ", ".join(sorted(((found - wanted) + (wanted - found)).keys()))
        raise Altered(f"the mail would have other headers than were set: {differing[:200]!r}")
    for header in headers:
        value = _FOLD.sub("", str(parsed[header.name]))
        if value != _FOLD.sub("", header) or _read(value, mailbox=bool(header.address)) != (header.text, header.address):
            raise Altered(f"the header {header.name} would be read otherwise than it was set")
    parts = [part for part in parsed.walk() if not part.is_multipart()]
    if any(part.defects for part in parsed.walk()) or [_body(part) for part in parts] != list(bodies):
        raise Altered("the body would be read otherwise than it was set")


def _read(value: str, *, mailbox: bool) -> tuple[str, str]:
    """A header as a mail program reads it: the text, and a mailbox's address."""
    if not mailbox:
        return str(make_header(decode_header(value))), ""
    found = getaddresses([value])
    if len(found) != 1:
        return "", ""
    return str(make_header(decode_header(found[0][0]))), found[0][1]


def _body(part: Message) -> tuple[str, str | bytes]:
    kind, content = part.get_content_type(), part.get_payload(decode=True)
    assert isinstance(content, bytes)  # noqa: S101  # a part that is not multipart
    if part.get_content_maintype() != "text":
        return kind, content
    return kind, content.decode("utf-8").replace("\r\n", "\n")
