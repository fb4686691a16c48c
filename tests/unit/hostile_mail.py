"""Mails in which every text that a tenant controls is hostile, made from a seed."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

ENCODED = "\r\nReply-To: e@evil.example\r\n\r\nPAY HERE"


def _words() -> list[str]:
    """Encoded words (RFC 2047) in every spelling that some reader takes for one."""
    found = [f"=?{charset}?b?{base64.b64encode(ENCODED.encode()).decode()}?=" for charset in ("utf-8", "us-ascii", "latin-1", "UTF-8*en")]
    found += [f"=?utf-16?B?{base64.b64encode(ENCODED.encode('utf-16')).decode()}?="]
    found += [f"=?utf-7?q?{ENCODED.encode('utf-7').decode().replace(chr(13), '=0D').replace(chr(10), '=0A').replace(' ', '_')}?="]
    found += ["=?utf-8?q?=0D=0ABcc:_v@evil.example?=", "=?us-ascii?q?=C3=A9?=😀", "=?unknown-8bit?q?=FF=FE?=", "=?utf-8?q?=ED=A0=80?="]
    found += [
        "=?utf-8?b?4pyT?==?utf-8?b?DQo=?=",
        "=?utf-8?q?a",
        "=?utf-8?x?a?=",
        "=?idna?q?xn--a?=",
        "=?=?utf-8?q?=0D=0AX:y?=?=",
        "?b?DQo=?=",
    ]
    # Decoded once it is an encoded word again.
    found += ["=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0D=3D0AX=3Ay=3F=3D?=", "=?utf-8?b?" + "DQo" * 200 + "=?="]
    return found


_BREAKS = [
    "\r\nBcc: v@evil.example",
    "\nX: y",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
    "\r\n\r\nbody",
    "\r\n.\r\nQUIT\r\n",
]
_SIGNS = [
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\x1b[2K",
    "\x1b]0;t\a",
    "\x9b31m",
    "\ud800",
    "\udc80",
    "\U000e0041",
    "\ue000",
    "👩\u200d🚀",
]
_ADDRESSES = [
    "safe <admin@bank.example>", "admin@bank.example,", '"', "\\", '\\"', "<", ">", "(comment", ")",
    "group: a@b.example;", "@x,@y:", ",", ";", ":",
]  # fmt: skip
_MARKUP = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "https://evil.example/?a=1&b",
    "--===============1==", "From me", "=\r\n",
    "=3D", "{{ app_name }}", "%s",
]  # fmt: skip
_PLAIN = ["Ada", "Byron", "Zoë", "山田 太郎", "עברית", "x" * 90, "y" * 1200, "z " * 700, " ", "", "é" * 300, "Ḿ"]
FRAGMENTS = [*_words(), *_BREAKS, *_SIGNS, *_ADDRESSES, *_MARKUP, *_PLAIN]

RECIPIENTS = [
    "ada@acme.example", "zoë@acme.example", "ada@bücher.example", "a@b.example>,<v@evil.example", "a@b.example\r\nRCPT TO:<v@evil.example>",
    '"a b"@x.example', "a,b@x.example", "(x)a@b.example", "@x:a@b.example", "a@\u0430cme.example",
    "a@xn--cme-7cd.example", "\u0430@acme.example",
    "a@ᴀᴄᴍᴇ.example", "a@[127.0.0.1]", "a@b", "a@b.invalid", "a@" + "x" * 70 + ".example", "=?utf-8?q?a?=@x.example", "a\0@x.example", "",
    "a\ud800@x.example", "x" * 80 + "@x.example",
]  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """One mail's texts. ``declared`` are those that a declaration's check sees first when they come from a file."""

    app_name: str
    tenant_name: str
    user_name: str
    inviter_name: str
    subject: str
    body: str
    host: str
    terms: str
    privacy: str
    link: str
    recipient: str
    colour: str
    font: str


def hostile(seed: int) -> Hostile:
    """The mail of a seed: the same on every Python."""
    draw = random.Random(seed)  # noqa: S311  # a test's choice

    def text(most: int = 4) -> str:
        return draw.choice(["", " "]).join(draw.choice(FRAGMENTS) for _ in range(draw.randint(1, most)))

    def template(most: int) -> str:
        return draw.choice(["{{ user_name }}", "{{ app_name }} {{ inviter_name }}", "={{ user_name }}=", "Hello"]) + (
            text(most) if draw.random() < 0.2 else ""
        )

    return Hostile(
        app_name=text(),
        tenant_name=text(),
        user_name=text(),
        inviter_name=text(),
        subject=template(2),
        body="Hi {{ user_name }},\n" + template(3) + "\n{{ invitation_url }}",
        host=draw.choice(["acme.tenantry.example", f"acme.example/{text(1)}"]),
        terms=draw.choice(["", "https://acme.example/terms", f"https://acme.example/{text(2)}", f"javascript:{text(1)}"]),
        privacy=draw.choice(["", f"https://acme.example/{text(1)}"]),
        link=f"https://acme.example/{text(1)}",
        recipient=draw.choice(RECIPIENTS[:3] if draw.random() < 0.7 else RECIPIENTS),
        colour=draw.choice(["#0b5fff", "red;background:url(https://evil.example)", text(1)]),
        font=draw.choice(["Inter", "x';}</style>", text(1)]),
    )
