"""An e-mail as it goes over the wire: plain text and HTML from the tenant's template, in the tenant's branding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tenantry.rendering.look import Look, contrast
from tenantry.rendering.wire import WireHeader, lines, one_line, prove

if TYPE_CHECKING:
    from jinja2 import Template

_LINK: Final = re.compile(r"https://[^\s<>\"'`{}|\\^]+[^\s<>\"'`{}|\\^.,;:!?)\]]")
_LOGO_BYTES: Final = 100_000  # programs cut off mails that are larger altogether


@dataclass(frozen=True)
class Rendered:
    """A mail's texts."""

    subject: str
    plain: str
    html: str


def render(look: Look, values: Mapping[str, str], logo: str | None = None) -> Rendered:
    """Fills the template. ``logo``: the content id of the attached picture. ``KeyError`` names a placeholder without a value.

    A value is one line, so that a name cannot begin a paragraph of its own.
    """
    look = replace(look, app_name=one_line(look.app_name), tenant_name=one_line(look.tenant_name))
    subject, body = look.template.render({name: one_line(value) for name, value in {**look.values(), **values}.items()})
    body = "\n".join(line.rstrip() for line in lines(body).strip().split("\n"))
    legal = [one_line(link) for link in (look.terms, look.privacy) if link.startswith("https://")]
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
) -> bytes:
    """The mail with both texts (multipart/alternative) and the logo (content id, PNG) that the HTML shows, as it goes over the wire.

    ``sender`` and ``recipient`` are addresses as ``wire_address`` gives them. ``Altered`` when a reader would see other headers or
    another body than were set here.
    """
    headers = [
        WireHeader.mailbox("From", sender_name, sender),
        WireHeader.mailbox("To", recipient_name, recipient),
        WireHeader.unstructured("Subject", rendered.subject),
        WireHeader.of("Date", format_datetime(date)),
        WireHeader.of("Message-ID", message_id),
        # RFC 3834: no out-of-office note answers it. The second is what Exchange looks at.
        WireHeader.of("Auto-Submitted", "auto-generated"),
        WireHeader.of("X-Auto-Response-Suppress", "All"),
    ]
    message = EmailMessage(policy=SMTP if recipient.isascii() else SMTPUTF8)
    for header in headers:
        message[header.name] = header
    message.set_content(rendered.plain, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    bodies: list[tuple[str, str | bytes]] = [("text/plain", rendered.plain), ("text/html", rendered.html)]
    if logo is not None:
        page = list(message.iter_parts())[1]
        page.add_related(logo[1], "image", "png", cid=f"<{logo[0]}>", disposition="inline", filename="logo.png")
        bodies.append(("image/png", logo[1]))
    content = message.as_bytes()
    prove(content, headers, bodies)
    return content


def usable_logo(content: bytes) -> bool:
    """Whether a picture is a PNG that is small enough to travel with every mail."""
    return content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) <= _LOGO_BYTES


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
