"""What a mail server sends back: a delivery status notification (RFC 3464), matched to its mail by the address that it came to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final
from uuid import UUID

from tenantry.control import outbox
from tenantry.control.database import transaction
from tenantry.errors import InputError

_TAG: Final = re.compile(r"\+([0-9a-f]{32})@", re.ASCII)
# Where the address stands that a notification came to; which of them there is depends on the mail server.
_ADDRESSED: Final = ("To", "Delivered-To", "X-Original-To", "Envelope-To")


@dataclass(frozen=True)
class Bounce:
    """What a notification says: the mail, whether it is given up (``failed``; ``delayed`` is not), RFC 3463's status and the reason."""

    mail_id: UUID
    action: str
    status: str
    reason: str


def take(content: bytes, addressed_to: str = "") -> tuple[Bounce, bool]:
    """Notes a notification (a whole mail) in the outbox; what it says, and whether anything was noted.

    ``addressed_to``: the address that it came to, where the mail server knows better than the mail. ``InputError`` when it is no
    notification of one of our mails.
    """
    bounce = read(content, addressed_to)
    if bounce.action != "failed":
        return bounce, False
    with transaction() as connection:
        noted = outbox.bounced(connection, bounce.mail_id, f"{bounce.status} {bounce.reason}".strip())
    return bounce, noted


def read(content: bytes, addressed_to: str = "") -> Bounce:
    """Reads a notification; ``InputError`` when it is none."""
    message = message_from_bytes(content)  # by the policy that decodes nothing: the headers are a stranger's
    addresses = [addressed_to, *(str(value) for name in _ADDRESSED for value in message.get_all(name, []))]
    tags = [found.group(1) for address in addresses if (found := _TAG.search(address.lower()))]
    if not tags:
        raise InputError("this mail came to no address of a bounce", "pass the address with --to, as in bounces+<id>@…")
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            fields = [block for block in (blocks if isinstance(blocks, list) else ()) if isinstance(block, Message) and block["Action"]]
            if fields:
                block = fields[0]
                status = str(block["Status"] or "").split()
                reason = str(block["Diagnostic-Code"] or "").partition(";")[2] or str(block["Diagnostic-Code"] or "")
                return Bounce(UUID(tags[0]), str(block["Action"]).strip().lower(), status[0] if status else "", " ".join(reason.split()))
    raise InputError("this mail is no delivery status notification", "only those say whether a mail is given up; read it yourself")
