"""Sends what is due in the outbox: one mail for each event, and where a sender died at the wrong moment, a second with the same Message-ID.

The order of things is what makes it so. A mail is claimed by a row lock, which dies with its sender. That its text is about to be handed
over is committed on a second connection before the first byte of it leaves. The server's answer ends the claim. So whoever claims
the mail next knows whether it may be out already.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from pydantic import ValidationError

from tenantry.clients import aws, smtp
from tenantry.clients.smtp import Mailer
from tenantry.control import invitations, outbox
from tenantry.control.database import acting
from tenantry.control.outbox import Entry
from tenantry.declaration.keys import FULLER, TEMPLATES
from tenantry.declaration.mail import BUILT_IN, EmailTemplate
from tenantry.errors import TransientError
from tenantry.naming import CONTROL_DATABASE
from tenantry.operations import delivery
from tenantry.postgres.server import Server, passes
from tenantry.rendering import message as text
from tenantry.rendering.look import Look
from tenantry.rendering.message import usable_logo
from tenantry.rendering.wire import wire_address
from tenantry.settings import platform_settings
from tenantry.sweep import explained

UNKNOWN = (
    f"handed over {outbox.MAX_UNANSWERED} times without an answer that could be noted: it may have arrived;"
    " `tenantry mail retry` sends it once more"
)


@dataclass
class _Withheld(Exception):
    """A mail that is not to be sent, and why."""

    state: str
    cause: str


def deliver(ids: Collection[UUID | str]) -> delivery.Delivery:
    """Sends those of the mails that are due, and says what became of all of them, also of those that someone else sent before.

    ``InputError`` when no mail server is set; ``TransientError`` when PostgreSQL goes away meanwhile: then the same call goes on with it.
    """
    chosen = [UUID(str(each)) for each in ids]
    if chosen:
        _send(chosen, len(chosen))
    return delivery.of(chosen)


def sweep(limit: int = 1000, seconds: float = math.inf) -> delivery.Delivery:
    """Sends what is due, at most ``limit`` mails, and begins none after ``seconds``; several sweeps at once share the work.

    Errors as of ``deliver``.
    """
    return delivery.of(_send(None, limit, seconds))


def settings() -> tuple[str, smtp.Settings]:
    """The platform's domain and how to send. ``InputError`` when no mail server is set, or wrongly."""
    domain = platform_settings().domain
    return domain, smtp.Settings.from_environment(domain)


def _send(ids: Collection[UUID] | None, limit: int, seconds: float = math.inf) -> list[UUID]:
    """Handles the mails that are due, one by one, until a cause that would hold up the next as well; those it handled."""
    domain, mailer_settings = settings()
    handled: list[UUID] = []
    end = time.monotonic() + seconds
    server = Server.from_environment()
    try:
        with (
            server.kept(CONTROL_DATABASE) as claims,
            server.kept(CONTROL_DATABASE) as journal,
            Mailer(mailer_settings, domain) as mailer,
        ):
            reachable = True
            compose = Composer(mailer_settings, domain)
            while reachable and len(handled) < limit and time.monotonic() < end:
                try:
                    with acting(claims) as connection, outbox.claimed(connection, ids=ids, done=handled) as entry:
                        if entry is None:
                            break
                        handled.append(entry.id)
                        reachable = _attempt(connection, entry, compose, mailer, journal)
                except Exception as error:
                    if claims.closed or journal.closed or entry is None:
                        raise
                    _set_aside(claims, entry, error)
    except psycopg.OperationalError as error:
        raise TransientError(
            f"PostgreSQL went away while mail was sent: {' '.join(str(error).split())}", "what is left is sent by the next sweep"
        ) from error
    return handled


def _attempt(
    connection: psycopg.Connection[dict[str, Any]], entry: Entry, compose: Composer, mailer: Mailer, journal: psycopg.Connection[Any]
) -> bool:
    """One attempt on one claimed mail, noted in the claim's transaction; whether it is worth going on with the next mail.

    Whatever the mail raises is this mail's: it has failed, or waits where the cause passes, and the next one has its turn.
    """
    begun = False

    def begin() -> None:
        nonlocal begun
        with acting(journal) as own:
            outbox.begin_attempt(own, entry)
        begun = True

    if entry.unanswered >= outbox.MAX_UNANSWERED:
        outbox.finish(connection, entry, "failed", UNKNOWN)
        return True
    try:
        with connection.transaction():  # what the mail's values break in SQL is undone, the claim is not
            content, recipient = compose(connection, entry)
    except _Withheld as withheld:
        outbox.finish(connection, entry, withheld.state, withheld.cause)
        return True
    except Exception as error:
        if connection.closed:
            raise
        _put_off(connection, entry, error)
        return True
    end = partial(outbox.end_attempt, connection, entry)
    try:
        answer = mailer.hand_over(content, recipient, entry.id.hex, begin)
    except smtp.Refused as error:
        end("failed", error.message)
        outbox.finish(connection, entry, "failed", error.message)
    except smtp.Deferred as error:
        end("deferred", error.message)
        outbox.defer(connection, entry, error.message)
    except smtp.Unanswered as error:
        end(None, error.message)
        if entry.unanswered + 1 >= outbox.MAX_UNANSWERED:
            outbox.finish(connection, entry, "failed", UNKNOWN)
        else:
            outbox.defer(connection, entry, error.message)
    except smtp.Unreachable as error:
        end("deferred", error.message)
        outbox.hold(connection, entry, error.message)
        return False
    except Exception as error:
        if connection.closed or journal.closed:
            raise
        mailer.reset()
        cause = explained(error)[0]
        end(None if begun else "failed", cause)
        outbox.finish(connection, entry, "failed", f"{cause}; the text was handed over and may have arrived" if begun else cause)
    else:
        end("sent", answer)
        outbox.finish(connection, entry, "sent")
    return True


def _put_off(connection: psycopg.Connection[dict[str, Any]], entry: Entry, error: Exception) -> None:
    """A mail that raised has failed; where the cause passes it waits, ``MAX_TRIES`` times at most."""
    if passes(error):
        outbox.defer(connection, entry, explained(error)[0])
    else:
        outbox.finish(connection, entry, "failed", explained(error)[0])


def _set_aside(claims: psycopg.Connection[Any], entry: Entry, error: Exception) -> None:
    """The same after the claim's transaction was undone. Where not even that can be noted, this sweep does not come to the mail again."""
    try:
        with acting(claims) as connection:
            _put_off(connection, entry, error)
    except Exception:
        if claims.closed:
            raise


class Composer:
    """Makes the message of a claimed mail from what the tenant's configuration says now; one for a batch, which keeps the logos."""

    def __init__(self, settings: smtp.Settings, domain: str) -> None:
        self._settings, self._domain = settings, domain
        self._logos: dict[tuple[str, str], bytes | None] = {}

    def __call__(self, connection: psycopg.Connection[dict[str, Any]], entry: Entry) -> tuple[bytes, str]:
        """The whole mail and the recipient's address as the wire wants it; ``_Withheld`` when it is not to be sent."""
        if entry.clone:
            raise _Withheld("cancelled", "the tenant is a clone, and a clone sends no mail")
        if entry.kind not in TEMPLATES:
            raise _Withheld("failed", f"there is no e-mail {entry.kind[:60]!r}")
        if entry.tenant_state != "active" and not TEMPLATES[entry.kind].while_inactive:
            raise _Withheld("cancelled", f"the tenant is {entry.tenant_state}")
        if entry.tries == 0 and (reason := outbox.dead_address(connection, entry)):
            raise _Withheld("failed", f"mail to this address came back before ({reason}); `tenantry mail retry` sends it all the same")
        try:
            recipient = wire_address(entry.recipient)
            look = Look.of(connection, entry.tenant_id, entry.kind)
            values = {"user_email": entry.recipient, "user_name": entry.recipient, "inviter_name": look.app_name, **entry.parameters}
            if "invitation_id" in entry.parameters:
                values |= _invitation(connection, entry, look.host)
            look = replace(look, template=_template(entry, look.template))
            logo = self._logo(look.logo) if look.logo else None
            content_id = f"logo.{entry.id.hex}@{self._domain}"
            rendered = text.render(look, values, content_id if logo else None)
        except KeyError as error:
            raise _Withheld(
                "failed", f"the template {entry.kind} needs a value for {error.args[0]}, which this mail does not have"
            ) from None
        except ValidationError as error:
            raise _Withheld("failed", f"the template {entry.kind} is not valid: {error.errors()[0]['msg']}") from None
        except ValueError as error:
            raise _Withheld("failed", str(error)) from None
        content = text.compose(
            rendered,
            sender=self._settings.sender,
            sender_name=look.app_name,
            recipient=recipient,
            recipient_name=entry.parameters.get("user_name", ""),
            message_id=f"<{entry.id}@{self._domain}>",
            date=datetime.now(UTC),
            logo=(content_id, logo) if logo else None,
        )
        return content, recipient

    def _logo(self, where: tuple[str, str]) -> bytes | None:
        """The picture, or None where it cannot be had or not be shown: a mail without a logo is better than no mail."""
        if where not in self._logos:
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                content = aws.client("s3").get_object(Bucket=where[0], Key=where[1])["Body"].read()
            except (BotoCoreError, ClientError):
                content = b""
            self._logos[where] = content if usable_logo(content) else None
        return self._logos[where]


def _template(entry: Entry, template: EmailTemplate) -> EmailTemplate:
    """The tenant's own text, or the built-in one; the fuller one of that where the mail has a value for what it adds."""
    placeholder, body = FULLER.get(entry.kind, ("", ""))
    if placeholder not in entry.parameters or template.body != BUILT_IN[entry.kind].body:
        return template
    return template.model_copy(update={"body": body})


def _invitation(connection: psycopg.Connection[dict[str, Any]], entry: Entry, host: str) -> dict[str, str]:
    """The placeholders of a mail about an invitation. Its link is derived here and stands nowhere but in the mail."""
    row = connection.execute(
        "SELECT * FROM invitations WHERE tenant_id = %s AND id = %s", [entry.tenant_id, entry.parameters["invitation_id"]]
    ).fetchone()
    if row is None or row["revoked_at"]:
        raise _Withheld("cancelled", "the invitation was taken back")
    if row["accepted_at"]:
        if "invitation_url" in TEMPLATES[entry.kind].placeholders:
            raise _Withheld("cancelled", "the invitation was accepted")
        return {"next_url": f"https://{host}/login"}
    link = invitations.open_link(row, host)
    if link is None:
        raise _Withheld("failed", f"the invitation has no link that works; `tenantry invite {entry.slug} --mail` sends a new one")
    return {
        "invitation_url": link,
        "next_url": link,
        "role": row["role"],
        "expires_at": f"{row['expires_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    }
