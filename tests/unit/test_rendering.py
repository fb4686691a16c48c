"""What an e-mail looks like on the wire."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tenantry.declaration.mail import EmailTemplate
from tenantry.rendering import message
from tenantry.rendering.look import Look, contrast, readable_on
from tenantry.rendering.wire import wire_address

PLAIN = Look(
    tenant_name="Acme GmbH",
    app_name="Acme Desk",
    host="acme.tenantry.example",
    terms="https://acme.example/terms",
    privacy="https://acme.example/privacy?a=1&b=2",
    primary="#0b5fff",
    on_primary="#ffffff",
    background="#ffffff",
    text="#1b1f24",
    font="Inter",
    logo=None,
    template=EmailTemplate(subject="Hi {{ user_name }}", body="Hello {{ user_name }},\n\nsee {{ login_url }}.\n"),
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def wire(look: Look = PLAIN, *, logo: bytes | None = None, **over: str):
    """The mail as a receiver parses it, and its bytes."""
    values = {"user_name": "Ada", "user_email": "ada@acme.example", **over}
    rendered = message.render(look, values, "logo@x" if logo else None)
    content = message.compose(
        rendered,
        sender="no-reply@tenantry.example",
        sender_name=look.app_name,
        recipient=wire_address(values["user_email"]),
        recipient_name=values["user_name"],
        message_id="<1@tenantry.example>",
        date=datetime(2026, 1, 2, tzinfo=UTC),
        logo=("logo@x", logo) if logo else None,
    )
    return email.message_from_bytes(content, policy=email.policy.default), content


def test_both_texts_say_the_same_and_end_with_the_legal_links():
    """multipart/alternative of plain text and HTML, plain first; name and legal links below, links clickable without the full stop."""
    parsed, _ = wire()
    assert parsed.get_content_type() == "multipart/alternative"
    plain, html = parsed.get_body(("plain",)).get_content(), parsed.get_body(("html",)).get_content()
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert plain.splitlines() == [
        "Hello Ada,", "", "see https://acme.tenantry.example/login.", "",
        "-- ", "Acme Desk · Acme GmbH", "https://acme.example/terms", "https://acme.example/privacy?a=1&b=2",
    ]  # fmt: skip
    assert '<a href="https://acme.tenantry.example/login" style="color:#0b5fff">https://acme.tenantry.example/login</a>.' in html
    assert 'href="https://acme.example/privacy?a=1&amp;b=2"' in html


@pytest.mark.parametrize("place", ["user_name", "app_name", "tenant_name", "template", "terms"])
def test_markup_is_text_in_html(place):
    """Whatever a person or a tenant may write, no element comes of it."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    if place == "user_name":
        parsed, _ = wire(user_name=evil)
    elif place == "template":
        parsed, _ = wire(replace(PLAIN, template=EmailTemplate(subject=evil, body=evil)))
    else:
        parsed, _ = wire(replace(PLAIN, **{place: f"https://x.example/{evil}" if place == "terms" else evil}))
    html = parsed.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<img" not in html
    assert "alert(1)" in html


@pytest.mark.parametrize("place", ["user_name", "app_name"])
@pytest.mark.parametrize("breaks", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x00"])
def test_no_value_begins_another_header(place, breaks):
    """A line break in a name becomes a space; the headers are exactly the ones that are meant."""
    evil = f"Ada{breaks}Bcc: victim@x.example"
    parsed, content = wire(user_name=evil) if place == "user_name" else wire(replace(PLAIN, app_name=evil))
    assert set(parsed.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert not re.search(rb"^Bcc:", content.split(b"\r\n\r\n")[0], re.MULTILINE)


def test_names_and_subjects_of_any_script_arrive_as_written():
    """Headers are ASCII on the wire and read back letter by letter; so are joiners of emoji and right-to-left marks."""
    name, app = "Zoë Łukasz 山田 עברית", "Bücher 👩\u200d🚀"
    parsed, content = wire(replace(PLAIN, app_name=app), user_name=name)
    assert content.isascii()
    assert parsed["To"].addresses[0].display_name == name
    assert parsed["From"].addresses[0].display_name == app
    assert parsed["Subject"] == f"Hi {name}"


def test_a_comma_in_a_name_stays_in_the_name():
    """`Byron, Ada` is one recipient."""
    parsed, _ = wire(user_name='Byron, Ada "the first" <x@y.example>')
    (address,) = parsed["To"].addresses
    assert address.addr_spec == "ada@acme.example"


@pytest.mark.parametrize(
    ("address", "expected"), [("ada@Bücher.example", "ada@xn--bcher-kva.example"), ("ada@ACME.example", "ada@acme.example")]
)
def test_domains_are_ascii_on_the_wire(address, expected):
    assert wire_address(address) == expected


@pytest.mark.parametrize(
    "address", ["ada@clone.invalid", "ada", "@x.example", "ada@", "a\r\nRCPT TO:<b@x.example>@x.example", "a b@x.example"]
)
def test_what_can_never_receive_is_refused(address):
    """.invalid is made never to work; a line break would be a command to the server."""
    with pytest.raises(ValueError, match=r"never to receive|not an e-mail address"):
        wire_address(address)


def test_a_small_png_travels_with_the_mail():
    """The logo is a part that the HTML names by its content id; without one the name stands there."""
    parsed, _ = wire(logo=PNG)
    related = parsed.get_payload()[1]
    assert related.get_content_type() == "multipart/related"
    page, picture = related.get_payload()
    assert 'src="cid:logo@x" alt="Acme Desk"' in page.get_content()
    assert picture["Content-ID"] == "<logo@x>"
    assert picture.get_content() == PNG
    assert message.usable_logo(PNG)
    assert not message.usable_logo(b"<svg/>")
    assert not message.usable_logo(PNG + bytes(200_000))


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#0b5fff", "#ff8a00", "#808080", "#00ff00", "#ffff00"])
def test_the_header_can_be_read_on_any_colour(colour):
    """WCAG AA: 4.5 for one of black and white on every colour."""
    assert contrast(readable_on(colour), colour) >= 4.5


def test_a_link_colour_that_cannot_be_read_is_not_used():
    parsed, _ = wire(replace(PLAIN, primary="#ffff00"))
    assert 'style="color:#1b1f24">https://acme.tenantry.example/login' in parsed.get_body(("html",)).get_content()


def test_a_missing_value_is_named():
    look = replace(PLAIN, template=EmailTemplate(subject="s", body="{{ tour_url }}"))
    with pytest.raises(KeyError, match="tour_url"):
        wire(look)
