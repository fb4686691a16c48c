"""Webhooks: endpoints where a holder of keys is told what happens to his tenants; made, tried, looked at, rotated and removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.clients.outbound import checked_url
from tenantry.control import webhook_history, webhooks
from tenantry.control.database import transaction
from tenantry.control.webhook_deliveries import STATES
from tenantry.declaration.mail import check_email
from tenantry.errors import InputError
from tenantry.escape import require_line
from tenantry.problems import nearest

Delivery = webhook_history.Delivery
"""One event on its way to one endpoint, or there."""
Endpoint = webhooks.Endpoint
"""One endpoint, without its secrets."""

EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "backup.done": ("tenants:read", "a backup is whole"),
    "backup.failed": ("tenants:read", "a backup was given up"),
    "invitation.accepted": ("people:read", "somebody accepted an invitation"),
    "run.cancelled": ("tenants:read", "a run was cancelled"),
    "run.done": ("tenants:read", "a run is done"),
    "run.failed": ("tenants:read", "a run failed; it may be resumed, and then ends once more"),
    "tenant.created": ("tenants:read", "a tenant is in the registry"),
    "tenant.state_changed": ("tenants:read", "a tenant has another state"),
}
"""Each event: the scope of a key that may see it, and what it tells. migrations/control/0022_webhooks.sql writes them."""

EVERYTHING: Final[Mapping[str, str]] = {}
"""The labels of whoever sees every tenant: the platform's own people."""


@dataclass(frozen=True)
class NewSecret:
    """An endpoint and its new ``secret``, which is shown this once."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True)
class Edit:
    """What is to be another; None stays as it is. ``events``: none is all of them."""

    url: str | None = None
    events: Collection[str] | None = None
    contact: str | None = None
    description: str | None = None


def make(
    holder: str,
    url: str,
    events: Collection[str],
    contact: str,
    *,
    description: str = "",
    labels: Mapping[str, str] | None = None,
    actor: Actor,
) -> NewSecret:
    """A new endpoint of a holder of keys. ``events``: none is all of them. ``contact``: the address that hears when it is disabled.
    ``labels``: it is told of tenants that carry all of them; None: those of the holder's newest key.

    ``InputError`` for an address that is not public, an unknown event or one that no key of the holder's may see, and for an endpoint
    too many.
    """
    require_line("the holder of a key", holder)
    checked_url(url)
    _check_contact(contact)
    _check_description(description)
    scopes, keys = webhooks.scopes_of(holder)
    if not keys:
        raise InputError(f"{holder} has no key that works", "tenantry key list shows the holders", code="key.unknown")
    _check_events(holder, events, scopes)
    made = webhooks.add(holder, url, sorted(set(events)), keys[0] if labels is None else labels, contact, description, actor)
    return NewSecret(*made)


def edit(identifier: UUID, wanted: Edit, match: str = "*", *, actor: Actor) -> Endpoint | None:
    """Changes what ``wanted`` says. With another address the endpoint is ``untested``: nothing of its order is sent until it has taken a
    test there. None: its ``tag`` is another than ``match`` (``*``: whichever it is).

    ``InputError`` as ``make``.
    """
    with transaction() as connection:
        before = webhooks.one(connection, identifier, lock=True)
        if match not in ("*", tag(before)):
            return None
        url = before.url if wanted.url is None else checked_url(wanted.url)
        contact = before.contact if wanted.contact is None else _check_contact(wanted.contact)
        description = before.description if wanted.description is None else _check_description(wanted.description)
        events = before.events if wanted.events is None else tuple(sorted(set(wanted.events)))
        if new := set(events) - set(before.events):
            _check_events(before.holder, new, webhooks.scopes_of(before.holder)[0])
        after = replace(before, url=url, events=events, contact=contact, description=description)
        return before if after == before else webhooks.change(connection, after, moved=url != before.url, actor=actor)


def tag(endpoint: Endpoint) -> str:
    """What tells the endpoint as it is from the same with other words: an edit names it."""
    said = [endpoint.url, list(endpoint.events), endpoint.contact, endpoint.description]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _check_contact(contact: str) -> str:
    try:
        check_email(contact)
    except ValueError as error:
        raise InputError(f"the contact is no e-mail address: {error}", "who is to hear when the endpoint is disabled") from None
    return contact


def _check_description(description: str) -> str:
    return require_line("the description", description) if description else ""


def _check_events(holder: str, events: Collection[str], scopes: Collection[str]) -> None:
    for event in events:
        if event not in EVENTS:
            raise InputError(f"there is no event {event[:40]!r}", nearest(event, EVENTS))
        if EVENTS[event][0] not in scopes:
            raise InputError(f"no key of {holder} is for {EVENTS[event][0]}, which {event} needs", "tenantry key new makes one that is")


def listed(holder: str | None = None, labels: Mapping[str, str] = EVERYTHING) -> tuple[Endpoint, ...]:
    """Endpoints of one holder or of all, as far as whoever sees tenants of ``labels`` sees all that they are told."""
    return tuple(each for each in webhooks.listed(holder) if labels.items() <= each.labels.items())


def find(identifier: UUID, holder: str | None, labels: Mapping[str, str]) -> Endpoint:
    """One of these. ``InputError`` of the same words for another's and for none."""
    for endpoint in listed(holder, labels):
        if endpoint.id == identifier:
            return endpoint
    raise InputError("there is no such webhook", "GET /v1/webhooks lists those of this key", code="webhook.unknown")


def beginning(prefix: str) -> UUID:
    """The id of the endpoint that begins so. ``InputError`` when there is none or more than one."""
    found = webhooks.beginning(prefix) if prefix else []
    if len(found) != 1:
        what = "no webhook begins" if not found else "more than one webhook begins"
        raise InputError(f"{what} with {prefix[:40]!r}", "tenantry webhook list shows their ids", code="webhook.unknown")
    return found[0]


def try_out(identifier: UUID) -> UUID:
    """Has a test event sent as soon as a worker gets to it, whatever else waits; its id. A disabled endpoint that takes it is active
    again. ``InputError`` where there is no such endpoint."""
    with transaction() as connection:
        webhooks.one(connection, identifier, lock=True)
        return webhook_history.try_out(connection, identifier)


def deliveries(
    identifier: UUID, labels: Mapping[str, str] = EVERYTHING, *, state: str | None = None, limit: int = 50
) -> tuple[Delivery, ...]:
    """The newest deliveries first, of tenants that carry ``labels``. ``InputError`` for an unknown endpoint or state."""
    if state is not None and state not in STATES:
        raise InputError(f"no delivery has the state {state[:40]!r}", nearest(state, STATES))
    with transaction() as connection:
        webhooks.one(connection, identifier)
    return tuple(webhook_history.listed(identifier, labels, state=state, limit=limit))


def delivery(identifier: UUID, event: UUID) -> Delivery | None:
    """One of them; None: the endpoint has no such delivery, or not any more."""
    return next(iter(webhook_history.listed(identifier, EVERYTHING, event=event)), None)


def redeliver(identifier: UUID, events: Collection[UUID], labels: Mapping[str, str] = EVERYTHING) -> None:
    """Sends deliveries once more, each under its id and outside of the order; what still waits in the order is tried now.

    ``InputError`` where the endpoint is unknown or not active, or never had one of them: then none is sent.
    """
    with transaction() as connection:
        state = webhooks.one(connection, identifier, lock=True).state
        if state != "active":
            raise InputError(
                f"the webhook {identifier} is {state}", f"tenantry webhook test {identifier}: it is active once it takes that",
                code="webhook.disabled",
            )  # fmt: skip
        for event in events:
            webhook_history.again(connection, identifier, event, labels)


def skip(identifier: UUID, event: UUID, labels: Mapping[str, str] = EVERYTHING, *, actor: Actor) -> Delivery:
    """Lets the endpoint's order go on without the event that blocks it: what the receiver cannot take, and fails each time. It can be
    sent once more later (``redeliver``). ``InputError`` where there is no such endpoint or delivery, or it does not block the order."""
    with transaction() as connection:
        webhooks.one(connection, identifier, lock=True)
        webhook_history.skip(connection, identifier, event, labels, actor)
    (skipped,) = webhook_history.listed(identifier, labels, event=event)
    return skipped


def rotate(identifier: UUID, *, at_once: bool = False, actor: Actor) -> NewSecret:
    """A new secret. The one before signs beside it for a day, unless it has to end ``at_once``. ``InputError`` while there are two."""
    return NewSecret(*webhooks.rotate(identifier, actor, at_once=at_once))


def remove(identifier: UUID, *, actor: Actor) -> Endpoint:
    """Removes the endpoint; what waits for it is not sent. ``InputError`` where there is none."""
    return webhooks.remove(identifier, actor)
