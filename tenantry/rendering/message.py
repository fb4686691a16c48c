"""An e-mail as it goes over the wire: plain text and HTML from the tenant's template, in the tenant's branding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tenantry.rendering.look import Look, contrast

if TYPE_CHECKING:
    from jinja2 import Template

_LINK: Final = re.compile(r"https://[^\s<>\"'`{}|\\^]+[^\s<>\"'`{}|\\^.,;:!?)\]]")
_LOGO_BYTES: Final = 100_000  # programs cut off mails that are larger altogether
NEVER: Final = frozenset({"invalid"})
"""RFC 2606: addresses that are made never to work."""


@dataclass(frozen=True)
class Rendered:
    """A mail's texts."""

    subject: str
    plain: str
    html: str


def render(look: Look, values: Mapping[str, str], logo: str | None = None) -> Rendered:
    """Fills the template. ``logo``: the content id of the attached picture. ``KeyError`` names a placeholder without a value."""
    subject, body = look.template.render({**look.values(), **values})
    body = "\n".join(line.rstrip() for line in body.strip().splitlines())
    legal = [link for link in (look.terms, look.privacy) if link.startswith("https://")]
    name = look.app_name if look.app_name == look.tenant_name else f"{look.app_name} · {look.tenant_name}"
    plain = "\n".join([body, "", "-- ", name, *legal]) + "\n"  # "-- " is where a signature begins (RFC 3676, 4.3)
    html = _page().render(
        look=look,
        subject=subject,
        logo=logo,
        paragraphs=[[_linked(line) for line in part.split("\n")] for part in re.split(r"\n{2,}", body)],
        legal=legal,
        # A colour that is hard to read on the background marks a link no better than the text's own.
        link_colour=look.primary if contrast(look.primary, look.background) >= 3 else look.text,
    )
    return Rendered(one_line(subject), plain, html)


def compose(
    rendered: Rendered,
    *,
    sender: str,
    sender_name: str,
    recipient: str,
    recipient_name: str,
    message_id: str,
    date: datetime,
    logo: tuple[str, bytes] | None = None,
) -> EmailMessage:
    """The mail with both texts (multipart/alternative) and the logo (content id, PNG) that the HTML shows.

    ``sender`` and ``recipient`` are addresses as ``wire_address`` gives them. No header can take a second line: names and subject are
    made one line, and the library refuses what is not.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(sender_name, sender)
    message["To"] = _mailbox(recipient_name, recipient)
    message["Subject"] = one_line(rendered.subject)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = message_id
    # RFC 3834: no out-of-office note answers it. The second is what Exchange looks at.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(rendered.plain, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    if logo is not None:
        page = list(message.iter_parts())[1]
        page.add_related(logo[1], "image", "png", cid=f"<{logo[0]}>", disposition="inline", filename="logo.png")
    return message


def wire_address(address: str) -> str:
    """The address with its domain in ASCII (IDNA); the part before the @ as it is. ``ValueError`` for what can never receive mail."""
    import idna

    local, _, domain = address.rpartition("@")
    if not local or not domain or any(unicodedata.category(character)[0] in "CZ" for character in address):
        raise ValueError(f"{address!r} is not an e-mail address")
    try:
        ascii_domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{domain!r} is not a domain: {error}") from None
    if ascii_domain.rpartition(".")[2] in NEVER:
        raise ValueError(f"{address} is made never to receive mail (RFC 2606)")
    return f"{local}@{ascii_domain}"


_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d\u200e\u200f"  # part of how Persian, emoji and mixed directions are written


def one_line(text: str) -> str:
    """The text without line breaks, control characters and what reorders or hides what is shown."""
    kept = "".join(" " if unicodedata.category(character) in _HIDDEN and character not in _JOINERS else character for character in text)
    return " ".join(kept.split())


def usable_logo(content: bytes) -> bool:
    """Whether a picture is a PNG that is small enough to travel with every mail."""
    return content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) <= _LOGO_BYTES


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name), local, domain)


def _linked(line: str) -> list[tuple[str, str | None]]:
    """The line in pieces: text, and the link where the text is one."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for found in _LINK.finditer(line):
        pieces += [(line[end : found.start()], None), (found.group(), found.group())]
        end = found.end()
    return [*pieces, (line[end:], None)]


@cache
def _page() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(Path(__file__).with_name("mail.html").read_text(encoding="utf-8"))
