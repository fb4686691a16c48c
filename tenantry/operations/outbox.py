"""The outbox as people and programs see it: its mails, each with the attempts to send it, and those that are sent once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.control import outbox
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import mailing
from tenantry.operations.delivery import Delivery
from tenantry.problems import nearest
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class MailEntry:
    """One mail of the outbox, with its tenant's ``slug``."""

    slug: str
    id: UUID
    kind: str
    """A key of ``email_templates``."""
    recipient: str
    state: str
    """One of ``outbox.STATES``."""
    not_before: datetime
    tries: int
    cause: str | None
    """Why it was deferred, failed, cancelled or bounced."""
    created_at: datetime
    finished_at: datetime | None
    parameters: Mapping[str, str]
    key: str
    """Of the event: one mail for each."""
    handed_over: int
    """How often the text went to a server."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to send a mail; without an end it is of a sender that died or was cut off."""

    number: int
    begun_at: datetime
    ended_at: datetime | None
    outcome: str | None
    """``sent``, ``deferred``, ``failed``, ``unknown``, or None: nothing was noted."""
    answer: str | None
    """The server's."""


@dataclass(frozen=True)
class Mail:
    """One mail and the attempts to send it, oldest first."""

    entry: MailEntry
    attempts: tuple[Attempt, ...]


def listed(slug: str | None = None, states: Sequence[str] = (), limit: int = 50) -> tuple[MailEntry, ...]:
    """Mails, newest first: of all tenants or of one, in any state or in these. ``InputError`` for an unknown tenant or state."""
    for name in states:
        if name not in outbox.STATES:
            raise InputError(f"no mail has the state {name!r}", nearest(name, outbox.STATES))
    if slug is not None:
        TenantStore.of(slug)
    with transaction() as connection:
        return tuple(MailEntry(**row) for row in outbox.entries(connection, slug=slug, states=list(states) or None, limit=limit))


def mail(prefix: str) -> Mail:
    """The mail whose id begins so. ``InputError`` when there is none or more than one."""
    with transaction() as connection:
        mail_id = _find(connection, prefix)
        row = outbox.entries(connection, ids=[mail_id])[0]
        return Mail(MailEntry(**row), tuple(Attempt(**attempt) for attempt in outbox.attempts(connection, mail_id)))


def retry(prefixes: Sequence[str] = (), *, failed: bool = False) -> Delivery:
    """Sends now the mails whose ids begin so, and with ``failed`` all that failed; one that was sent is not sent again.

    ``InputError`` when none is named, one is not found, or all that were named were sent; others as of ``mailing.deliver``.
    """
    if not prefixes and not failed:
        raise InputError("which mail?", "tenantry mail retry ID, or --failed; tenantry mail list --state failed shows them")
    with transaction() as connection:
        chosen = [_find(connection, each) for each in prefixes]
        if failed:
            chosen += [row["id"] for row in outbox.entries(connection, states=["failed"])]
        queued = outbox.requeue(connection, chosen)
    if prefixes and not queued:
        raise InputError("this mail was sent", "a new event makes a new mail: for an invitation tenantry invite SLUG --mail")
    return mailing.deliver(queued)


def _find(connection: psycopg.Connection[dict[str, Any]], prefix: str) -> UUID:
    """The id that begins so; ``InputError`` when there is none or more than one."""
    found = outbox.beginning(connection, prefix)
    if len(found) != 1 or not prefix:
        raise InputError(f"{'no mail' if not found else 'more than one mail'} begins with {prefix!r}", "tenantry mail list shows their ids")
    return found[0]
