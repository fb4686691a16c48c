"""People whom nobody has invited, and whose address is at a domain that a tenant has proved: they become members of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic_core import PydanticCustomError

from tenantry.control import email_domains
from tenantry.control.users import Home
from tenantry.declaration.sign_in import email_domain
from tenantry.errors import InputError
from tenantry.operations import invite, people

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Standing:
    """What is known of an address's domain. ``here``: the tenant asked about names it. ``proved``: the tenant whose it is."""

    domain: str
    here: bool
    proved: UUID | None


def standing(connection: psycopg.Connection[dict[str, Any]], email: str, tenant: UUID | None) -> Standing | None:
    """Of the domain of an address; None where nobody could have it as his own."""
    try:
        domain = email_domain(email.rpartition("@")[2])
    except PydanticCustomError:
        return None
    named = email_domains.of_domain(connection, domain)
    return Standing(domain, any(each == tenant for each, _ in named), next((each for each, proved in named if proved), None))


def enter(connection: psycopg.Connection[dict[str, Any]], home: Home, email: str, name: str | None, actor: str) -> UUID | None:
    """Makes whoever has that address, as somebody else has verified, a member of the tenant ``home``, which is held and open.

    None where the address gives no right to it, or is a user's. ``InputError`` for a domain that is not proved yet, or is another tenant's,
    and where there is no room.
    """
    found = standing(connection, email, home.tenant)
    if found is None or (found.proved is None and not found.here):
        return None
    if found.proved != home.tenant:
        if not found.here:
            raise InputError(
                f"addresses at {found.domain} are another tenant's", "sign in at a host name of that tenant", code="email.foreign"
            )
        raise InputError(
            f"addresses at {found.domain} come in when it is proved to be {home.slug}'s",
            f"tenantry mail-domain list {home.slug} says what DNS has to say",
            code="email.unverified",
        )
    email_domains.hold(connection, home.tenant)
    address = people.email(email)
    invite.refuse_crowd(connection, home.slug, home.tenant)
    return email_domains.arrive(connection, home.tenant, address, called(name, address), actor)


def called(name: str | None, address: str) -> str:
    """A name for somebody: the one that is said of him where it is a visible line, else what stands before the @."""
    for text in (name or "", address.rpartition("@")[0]):
        try:
            return people.name(text)
        except InputError:
            continue
    return address[:100]
