"""What comes back to a bounce's address is a stranger's: it is read, or refused, and raises nothing else."""

from __future__ import annotations

import random
from uuid import UUID

import pytest

from tenantry.errors import InputError
from tenantry.operations import bounces
from tests.unit.hostile_mail import FRAGMENTS

TAG = "0123456789abcdef0123456789abcdef"


def notification(to: str = f"bounces+{TAG}@tenantry.example", code: str = "smtp; 550 5.1.1 no such user", body: str = "") -> str:
    """A delivery status notification."""
    return (
        f"From: MAILER-DAEMON@x.example\nTo: {to}\nSubject: failed\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: text/plain\n\nsorry\n"
        "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n"
        f"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: {code}\n"
        f"{body}\n--B--\n"
    )


def test_a_notification_is_read():
    found = bounces.read(notification().encode())
    assert found == bounces.Bounce(UUID(TAG), "failed", "5.1.1", "550 5.1.1 no such user")


def test_no_strangers_mail_raises_anything_else():
    """500 mails of hostile fragments, whole, cut and mixed: a bounce, or `InputError`."""
    draw = random.Random(11)  # noqa: S311  # a test's choice
    read = 0
    for _ in range(500):
        pieces = ["".join(draw.choice(FRAGMENTS) for _ in range(draw.randint(0, 3))) for _ in range(3)]
        text = notification(f"{pieces[0]} bounces+{TAG}@tenantry.example", pieces[1], pieces[2])
        content = text.encode("utf-8", "surrogatepass" if draw.random() < 0.1 else "replace")
        if draw.random() < 0.3:
            content = content[: draw.randint(0, len(content))]
        try:
            found = bounces.read(content)
        except InputError:
            continue
        read += 1
        assert found.mail_id == UUID(TAG)
        assert "\n" not in found.reason
    assert read > 100


@pytest.mark.parametrize("payload", ["", "no blocks", "\n\n\n"])
def test_a_notification_without_fields_is_refused(payload):
    content = f"To: bounces+{TAG}@x.example\nContent-Type: message/delivery-status\n\n{payload}"
    with pytest.raises(InputError, match="no delivery status notification"):
        bounces.read(content.encode())
