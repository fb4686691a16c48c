"""Tells the contact of an endpoint by mail that it was disabled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from tenantry import console
from tenantry.clients.smtp import Deferred, Mailer, Unanswered, Unreachable
from tenantry.control import webhooks
from tenantry.control.database import transaction
from tenantry.control.webhooks import Endpoint
from tenantry.operations import mailing
from tenantry.rendering import message
from tenantry.rendering.message import Rendered
from tenantry.rendering.wire import wire_address
from tenantry.sweep import explained


def sweep(say: Callable[[str], None] = console.say) -> int:
    """Mails those who do not know yet; how many. Where a mail cannot be sent now, the next sweep tries. A process that dies between the
    server's answer and its own note sends it a second time, with the same Message-ID. ``InputError`` when no mail server is set.
    """
    told = 0
    while True:
        with transaction() as connection:
            endpoint = webhooks.unannounced(connection)
            if endpoint is None:
                return told
            domain, settings = mailing.settings()
            try:
                with Mailer(settings, domain) as mailer:
                    recipient = wire_address(endpoint.contact)
                    content = _mail(endpoint, recipient, settings.sender, domain)
                    mailer.hand_over(content, recipient, endpoint.id.hex, lambda: None)
            except (Deferred, Unanswered, Unreachable):
                return told
            except Exception as error:
                # Refused for good, or a fault of this one: it keeps no other waiting. The list of webhooks says it all the same.
                say(f"the contact of webhook {endpoint.id} was not told: {explained(error)[0]}")
            else:
                told += 1
            webhooks.announced(connection, endpoint.id)


def _mail(endpoint: Endpoint, recipient: str, sender: str, domain: str) -> bytes:
    at = endpoint.disabled_at or datetime.now(UTC)
    since = f"It has failed since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC. " if endpoint.failing_since else ""
    text = (
        f"Hello,\n\nthe webhook {endpoint.id} of {endpoint.holder} was disabled. {since}"
        f"The last attempt: {endpoint.cause or 'unknown'}.\n\n"
        "What happens meanwhile is kept for 30 days at most. When the receiver works again, have a test event sent: once it is taken,"
        " everything that waits follows in its order.\n\n"
        f"tenantry webhook test {endpoint.id}\nPOST /v1/webhooks/{endpoint.id}/test\n"
    )
    page = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in text.strip().split("\n\n"))
    return message.compose(
        Rendered(f"A webhook of {endpoint.holder} was disabled", text, f'<!doctype html><html lang="en"><body>{page}</body></html>\n'),
        sender=sender,
        sender_name="Tenantry",
        recipient=recipient,
        recipient_name="",
        message_id=f"<webhook.{endpoint.id}.{int(at.timestamp())}@{domain}>",
        date=datetime.now(UTC),
    )
