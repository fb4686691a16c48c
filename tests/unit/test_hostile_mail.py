"""What reaches a mailbox is what was meant, whatever a tenant writes into any text of it, on every patch level of Python."""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from pydantic import TypeAdapter, ValidationError

from tenantry.declaration.mail import EmailTemplate, check_email
from tenantry.rendering import message, wire
from tenantry.rendering.look import Look
from tenantry.text import AppName, Line
from tests.unit.hostile_mail import FRAGMENTS, Hostile, hostile
from tests.volume import volume

HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
]  # fmt: skip
LOOK = Look(
    tenant_name="Acme GmbH", app_name="Acme Desk", host="acme.tenantry.example", terms="", privacy="", primary="#0b5fff",
    on_primary="#ffffff", background="#ffffff", text="#1b1f24", font="Inter", logo=None,
    template=EmailTemplate(subject="Hi {{ user_name }}", body="Hello {{ user_name }}"),
)  # fmt: skip
INJECTED = "=?utf-8?b?eA0KUmVwbHktVG86IGVAZXZpbC5leGFtcGxlDQoNClBBWSBIRVJF?="
"""Reads `x`, then a header Reply-To, then a body, to a parser that decodes it where it stands."""
CHOKING = "=?us-ascii?q?=C3=A9?=😀"
"""Decodes to what cannot be encoded again."""


def compose(look: Look, values: dict[str, str], recipient: str = "ada@acme.example") -> bytes:
    """A mail as the sweep makes it."""
    return message.compose(
        message.render(look, values),
        sender="no-reply@tenantry.example",
        sender_name=look.app_name,
        recipient=wire.wire_address(recipient),
        recipient_name=values["user_name"],
        message_id="<1@tenantry.example>",
        date=datetime(2026, 1, 2, tzinfo=UTC),
    )


def header_names(content: bytes) -> list[str]:
    """The names in the header block, read without the library that wrote it; a line that is none makes the test fail."""
    block = content.partition(b"\r\n\r\n")[0]
    lines = re.sub(rb"\r\n[ \t]", b" ", block).split(b"\r\n")
    assert all(re.fullmatch(rb"[A-Za-z-]+: [^\r\n]*", line) for line in lines), lines
    return [line.partition(b":")[0].decode() for line in lines]


class Elements(HTMLParser):
    """The elements of a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("text", [INJECTED, CHOKING, f"Hi {INJECTED}", "safe <admin@bank.example>", 'a" <v@evil.example>, "b', "\ud800"])
@pytest.mark.parametrize("place", ["user_name", "app_name", "subject"])
def test_no_text_adds_a_header_or_a_line(place, text):
    """AUDIT S1, S2: every place of a header that a tenant's text comes to, with what Python 3.11.7 and 3.12.1 decode there."""
    look, values = LOOK, {"user_name": "Ada", "user_email": "ada@acme.example"}
    if place == "user_name":
        values["user_name"] = text
    elif place == "app_name":
        look = replace(LOOK, app_name=text, template=EmailTemplate(subject="{{ app_name }}", body="b"))
    else:
        look = replace(LOOK, template=EmailTemplate(subject="{{ inviter_name }}", body="b"))
        values["inviter_name"] = text
    content = compose(look, values)
    assert sorted(header_names(content)) == sorted(HEADERS)
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["ada@acme.example"]
    assert [address.addr_spec for address in parsed["From"].addresses] == ["no-reply@tenantry.example"]
    assert "PAY HERE" not in parsed.get_body(("plain",)).get_content()


@pytest.mark.parametrize("text", [INJECTED, CHOKING, "=?"])
def test_an_encoded_word_is_refused_where_it_is_declared(text):
    """Names, application names and subjects; a body may hold one, nobody decodes it there."""
    for kind in (Line, AppName):
        with pytest.raises(ValidationError, match="encoded text"):
            TypeAdapter(kind).validate_python(text[:60])
    with pytest.raises(ValidationError, match="encoded text"):
        EmailTemplate(subject=text, body="b")
    assert EmailTemplate(subject="s", body=text).body == text


@pytest.mark.parametrize("part", ["headers", "value", "body", "line"])
def test_a_mail_that_would_arrive_altered_is_not_sent(monkeypatch, part):
    """The last guard: the flattened mail is read again and compared, and it does find what is different."""
    values = {"user_name": "Ada", "user_email": "ada@acme.example"}
    spelled = {
        "headers": lambda text: f"{text}\nReply-To: e@evil.example",
        "value": lambda text: f"{text}=?utf-8?q?x?=",
        "line": lambda text: f"{text}{'x' * 1000}",
    }
    if part == "body":
        monkeypatch.setattr(wire, "_body", lambda part: ("text/plain", "other"))
    else:
        monkeypatch.setattr(wire, "_spelled", lambda text: text)
        of = wire.WireHeader.of

        def altered(name, value, text=None, address=""):
            return of(name, spelled[part](value) if name == "Subject" else value, text, address)

        monkeypatch.setattr(wire.WireHeader, "of", altered)
    with pytest.raises(wire.Altered):
        compose(LOOK, values)


@pytest.mark.parametrize(
    "address",
    ["a@\u0430cme.example", "a@xn--cme-7cd.example", "\u0430@acme.example", "a@ᴀᴄᴍᴇ.example", "ᴀdmin@acme.example", "a@ꭺcme.example"],
)
def test_an_address_that_looks_like_another_is_refused(address):
    """Cyrillic a, also in punycode, small capitals, Cherokee: the same check as of host names, when declared and when sent to."""
    with pytest.raises(ValueError, match=r"looks like|mixes scripts"):
        check_email(address)
    with pytest.raises(ValueError, match=r"looks like|mixes scripts"):
        wire.wire_address(address)


def attempt(case: Hostile) -> str:
    """What becomes of a hostile mail: ``sent`` as meant, or the kind of error that fails it."""
    values = {
        "user_name": case.user_name, "user_email": case.recipient, "inviter_name": case.inviter_name, "invitation_url": case.link,
    }  # fmt: skip
    try:
        template = EmailTemplate(subject=case.subject, body=case.body)
        look = replace(
            LOOK, app_name=case.app_name, tenant_name=case.tenant_name, host=case.host, terms=case.terms, privacy=case.privacy,
            template=template,
        )  # fmt: skip
        content = compose(look, values, case.recipient)
    except ValueError as error:  # what the sweep writes down as the mail's failure
        return type(error).__name__
    assert sorted(header_names(content)) == sorted(HEADERS)
    parsed = email.message_from_string(content.decode(), policy=email.policy.default)  # of bytes it reads no address outside ASCII
    assert sorted(parsed.keys()) == sorted(HEADERS)
    assert [address.addr_spec for address in parsed["From"].addresses] == ["no-reply@tenantry.example"]
    assert [address.addr_spec for address in parsed["To"].addresses] == [wire.wire_address(case.recipient)]
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    page = Elements()
    page.feed(parsed.get_body(("html",)).get_content())
    assert page.names <= {"html", "head", "meta", "title", "body", "table", "tr", "td", "p", "a", "br"}
    assert page.attributes <= {"charset", "name", "content", "style", "role", "cellpadding", "cellspacing", "href"}
    return "sent"


@pytest.mark.volume
def test_hostile_mails_arrive_as_meant_or_fail_alone():
    """Names, application names, subjects, bodies, addresses, hosts, links: no header too many, no recipient, no element."""
    count = volume(300, 2000)
    outcomes = Counter(attempt(hostile(seed)) for seed in range(count))
    assert sum(outcomes.values()) == count
    assert outcomes["sent"] > count // 4, outcomes
    assert outcomes["Altered"] == 0, outcomes  # the guard has nothing to find: what is composed is right
    print(outcomes)


def test_the_fragments_reach_the_places_that_matter():
    """The fuzz is no stronger than its fragments: they hold what went through before."""
    assert sum("=?" in fragment for fragment in FRAGMENTS) > 15
    assert {"\r", "\0", "\ud800"} < set("".join(FRAGMENTS))
