"""Links that open one page of a tenant's, once: made by a partner, opened by whoever he sends there, without an account."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from tenantry.actor import Actor
from tenantry.clients.outbound import checked_url
from tenantry.control import portal_links, runs
from tenantry.control.database import transaction
from tenantry.control.portal import Portal
from tenantry.control.portal_links import LIFETIME, Opened
from tenantry.errors import InputError
from tenantry.escape import escaped, require_line
from tenantry.hosts import refuse_lookalikes
from tenantry.operations import attempts, tenants
from tenantry.operations.callers import Caller, Sight
from tenantry.operations.tenants import Tenant
from tenantry.problems import nearest

INTENTS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "activity": (frozenset({"tenants:read"}), "what was done to the tenant, and its backups"),
    "configuration": (frozenset({"configuration:read", "configuration:write"}), "what is the tenant's own to set"),
    "people": (frozenset({"people:read", "people:write"}), "who is invited"),
}
"""What a link can be for: the scopes that whoever opens it has, of that tenant alone, and what the page shows."""
_OWN: Final = frozenset({"configuration", "people"})
"""Pages that do what the tenant's own administrators do, by the same door to the database."""
SCOPE: Final = "portal:link"
PREFIX: Final = "tnl_"
"""How what an opened page asks with begins, where a key's text begins with tny_."""


@dataclass(frozen=True)
class NewLink:
    """A link that was just made. ``url`` is shown this once."""

    id: UUID
    intent: str
    return_url: str | None
    expires_at: datetime
    url: str = field(repr=False)


@dataclass(frozen=True)
class Page:
    """What was opened. ``token`` is what the page asks with, until ``opened.until``."""

    opened: Opened
    scopes: frozenset[str]
    token: str = field(repr=False)


def make(tenant: Tenant, intent: str, return_url: str | None, *, holder: str | None, actor: Actor) -> NewLink:
    """A link to a page of an active tenant, good once within ten minutes. ``holder``: of the key that asks; None: the platform's people.

    ``InputError`` for an unknown intent, a tenant that lets nobody in, and a ``return_url`` to a host that is neither the tenant's nor
    registered for the holder.
    """
    if intent not in INTENTS:
        raise InputError(f"there is no intent {intent[:40]!r}", nearest(intent, INTENTS))
    if tenant.state != "active":
        raise InputError(f"the tenant {tenant.slug} is {tenant.state}", "a link leads into an active tenant", code="tenant.state")
    code = secrets.token_urlsafe(32)
    with transaction() as connection:
        if return_url is not None:
            registered = portal_links.return_hosts(connection, holder) if holder is not None else ()
            _require_host(return_url, portal_links.tenant_hosts(connection, tenant.id) | set(registered))
        identifier, until = portal_links.add(connection, tenant.id, holder, intent, return_url, code)
        runs.audit(connection, tenant.id, actor.name, "make portal link", f"{identifier} for {intent}")
    return NewLink(identifier, intent, return_url, until, f"https://{tenant.host}/portal#{code}")


def open_link(code: str, host: str, address: str) -> Page:
    """What the link of a code opens, which works once, at one of the tenant's hosts. ``InputError`` of the same words for a code that is
    unknown, used, expired or another tenant's, and where its holder may not any more; ``TooMany``."""
    attempts.count("address", address)
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction() as connection:
        intent = portal_links.intent_of(connection, code)
        taken = portal_links.take(connection, code, host, token, _needed(intent)) if intent in INTENTS else None
        if taken is None:
            minutes = int(LIFETIME.total_seconds() // 60)
            raise InputError("the link does not work", f"it works once, for {minutes} minutes: ask for another", code="link.unknown")
        tenant, opened = taken
        runs.audit(connection, tenant, _name(opened), "open portal link", f"{opened.id} for {opened.intent}")
    return Page(opened, INTENTS[opened.intent][0], token)


def authenticate(text: str) -> Caller | None:
    """Whoever has opened a page and asks with its token; None: it is none, has run out, or its holder may not any more."""
    if not text.startswith(PREFIX) or len(text) > 100:
        return None
    with transaction() as connection:
        intent = portal_links.intent_of(connection, text)
        opened = portal_links.opened(connection, text, _needed(intent)) if intent in INTENTS else None
    if opened is None:
        return None
    # The activity of a tenant is no tenant's own business: it is shown to whoever the partner sends, by the owner's door.
    portal = Portal(portal_links.digest_of(text)) if opened.intent in _OWN else None
    return Caller(f"link:{opened.id}", INTENTS[opened.intent][0], Sight(slug=opened.slug), _name(opened), credential="link", portal=portal)


def return_hosts(holder: str, *, add: Collection[str] = (), remove: Collection[str] = (), actor: Actor) -> tuple[str, ...]:
    """The hosts to which links of the holder's may lead back, after those were added and removed. ``InputError`` for what is no host."""
    require_line("the holder of a key", holder)
    for host in add:
        checked_url(f"https://{host}/")
        if urlsplit(f"https://{host}/").hostname != host:  # which has neither port nor capital letters
            raise InputError(f"{escaped(host)[:80]!r} is no host name", "lower case, without scheme, port and path: portal.globex.example")
        try:
            refuse_lookalikes(host)
        except ValueError as error:
            raise InputError(str(error)) from None
    with transaction() as connection:
        if add or remove:
            portal_links.change_return_hosts(connection, holder, add, remove)
            told = ", ".join([*(f"+{host}" for host in add), *(f"-{host}" for host in remove)])
            runs.audit(connection, None, actor.name, "return hosts", f"of {holder}: {told}"[:1000])
        return portal_links.return_hosts(connection, holder)


def find(slug: str) -> Tenant:
    """A tenant, whoever's. ``InputError`` where there is none."""
    return tenants.find(slug, Sight())


def _needed(intent: str | None) -> frozenset[str]:
    return INTENTS[intent][0] | {SCOPE} if intent is not None and intent in INTENTS else frozenset()


def _name(opened: Opened) -> str:
    """As the audit log says it: the log of the link says whose it was."""
    return f"link:{opened.id}"


def _require_host(url: str, hosts: Collection[str]) -> None:
    checked_url(url)
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc not in hosts:  # the whole of it: no port, no user, no other spelling
        raise InputError(
            f"{escaped(url)[:80]!r} leads to no host of the tenant's, and to none that is registered for the holder of the key",
            "tenantry key return-hosts HOLDER --add HOST",
        )
