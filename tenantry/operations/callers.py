"""Whoever asks the service, by a key or signed in: what he may do, and which tenants he sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control.portal import Portal
from tenantry.control.sessions import Person, Session
from tenantry.control.tenant_pages import Sight
from tenantry.declaration.keys import Editor

__all__ = ["SCOPES", "Caller", "Portal", "Sight", "of_session"]

SCOPES: Final = {
    "tenants:read": "see tenants, their files, backups, moves and runs",
    "tenants:write": "declare tenants and provision them",
    "tenants:lifecycle": "suspend, reactivate, off-board and bring back",
    "tenants:move": "move tenants, finish moves and take them back",
    "tenants:delete": "delete or archive what was off-boarded and held",
    "clones:write": "copy tenants, anonymised",
    "credentials:write": "renew passwords of applications' logins",
    "configuration:read": "see configuration, and where each value comes from",
    "configuration:write": "set configuration at runtime",
    "backups:write": "take backups",
    "backups:restore": "put backups in the place of data, confirm that and take it back",
    "log:read": "see who did and read what",
    "people:read": "see who is invited",
    "people:write": "invite people, and let them in",
    "webhooks:read": "see webhooks, and what was sent to them",
    "webhooks:write": "make, try, rotate and remove webhooks, and have events sent once more",
    "keys:read": "see the keys that are for no more than one's own",
    "keys:write": "make and end such keys",
    "portal:link": "make links that open one page of a tenant's, for what the key is for, too",
    "fleet:write": "roll revisions out; whoever has it must see every tenant",
}
"""What somebody may do. None implies another."""

_OF_ROLE: Final = {
    "platform": frozenset(SCOPES),
    "admin": frozenset({"configuration:read", "configuration:write", "log:read", "people:read", "people:write"}),
    "member": frozenset[str](),
}


@dataclass(frozen=True)
class Caller:
    """Whoever asks. ``holder`` tells one from every other; ``session``: None for a key."""

    holder: str
    scopes: frozenset[str]
    sight: Sight
    name: str
    """As the audit log names him."""
    session: Session | None = None
    expires_at: datetime | None = None
    """When a key ends."""
    credential: str = "session"
    """What he showed: ``key ID``, ``session`` or ``link``."""
    portal: Portal | None = None
    """By which door a tenant's own people come to the database; None: the owner's."""

    @property
    def editor(self) -> Editor:
        """Whose configuration he may set: what is a tenant's own to say, or all of it."""
        return "platform" if self.sight.slug is None else "tenant_admin"

    def actor(self, request: UUID | None = None) -> Actor:
        """The same for what is done on his behalf."""
        return Actor(self.name, "service", request)


def of_session(session: Session) -> Caller:
    """Somebody who is signed in: the platform's sees every tenant, a tenant's own people that one."""
    person = session.person
    return Caller(
        holder(person),
        _OF_ROLE[person.role],
        Sight(slug=person.slug),
        named(person),
        session,
        portal=Portal(session.digest) if own(session) else None,
    )


def own(session: Session) -> tuple[Portal, UUID] | None:
    """By which door somebody of a tenant comes to the database, and the tenant; None for the platform's own people."""
    tenant = session.person.tenant
    return (Portal(session.digest), tenant) if tenant is not None else None


def holder(person: Person) -> str:
    """What tells a person from every other, and from the holders of keys."""
    return f"{'admin' if person.tenant is None else 'user'}:{person.id}"


def named(person: Person) -> str:
    """A person in the audit log: users by their id, because the log outlives them."""
    return person.email if person.tenant is None else holder(person)
