"""What the tests of mail do again and again."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path
from typing import Any

from local.cloud.mail import Mail, received
from tenantry.control import outbox
from tenantry.control.database import transaction


def queue(tenant_id: str, key: str, kind: str = "domain_ready", recipient: str = "ada@acme.example", **parameters: str) -> uuid.UUID:
    """Queues a mail in a transaction of its own."""
    with transaction() as connection:
        return outbox.add(connection, tenant_id, kind, recipient, {"user_name": "Ada", "domain": "d.acme.example", **parameters}, key)


def row_of(mail_id: uuid.UUID) -> dict[str, Any]:
    """A mail as the outbox has it now."""
    with transaction() as connection:
        return outbox.entries(connection, ids=[mail_id])[0]


def due_now(*mail_ids: uuid.UUID) -> None:
    """Lets the time pass that the mails wait for."""
    with transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now() WHERE id = ANY(%s)", [list(mail_ids)])


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def kept(folder: Path, recipient: str) -> list[Mail]:
    """What the sink holds for a recipient."""
    return [each for each in received(folder) if recipient in each.recipients]
