"""Single sign-on by OpenID Connect: there and back, and who somebody is here that the provider has let in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.control import identities, invitations, platform_admins, sign_in_links, sign_in_settings, users
from tenantry.control.database import transaction
from tenantry.control.identities import Identity
from tenantry.control.sessions import Person, Place
from tenantry.errors import InputError
from tenantry.operations import accept, arrivals, attempts, failed_sign_ins, oidc_provider, service_address, sso_secret
from tenantry.operations.oidc_provider import FOR, ISSUER, Provider, provider
from tenantry.operations.service_address import LOCAL
from tenantry.operations.sign_in import ARRIVED, INVITED, OPEN, SignedIn, begin

if TYPE_CHECKING:
    import psycopg

__all__ = ["Elsewhere", "Identity", "Provider", "by_identity", "callback", "come_back", "leave", "provider"]


@dataclass(frozen=True)
class Elsewhere:
    """Somebody whom the platform's address has found a tenant for: a link that signs him in at its host, once."""

    url: str = field(repr=False)


def callback(place: Place, authority: str) -> tuple[Provider, str]:
    """The provider for whoever signs in at a host, and where he comes back to: at a tenant's hosts its own one, else the platform's.
    ``InputError`` where there is none, and at a host that is nobody's. ``authority``: the host with its port, which is believed of this
    machine only; ``TooMany``."""
    attempts.count("address", place.address)
    found = provider()
    if service_address.is_own(place.host):
        if found is not None:
            return found, f"http://{authority}" if place.host in LOCAL else service_address.url()
    else:
        with transaction() as connection:
            home = users.at(connection, place.host)
            own = oidc_provider.of_tenant(connection, home.tenant, home.slug) if home is not None else None
        if own is not None:
            found = own
        elif found is not None and found.audience == "platform":
            found = None
        if home is not None and found is not None:
            if home.state not in OPEN:
                accept.refuse_closed(home.slug, home.state)
            return (replace(own, client_secret=sso_secret.read(home.slug)) if own is not None else found), f"https://{place.host}"
    raise InputError("there is no single sign-on here", f"{ISSUER} and {FOR} say where there is", code="sso.none")


def leave(place: Place, asked: Provider, state: Any, return_to: str, invitation: str | None) -> str:
    """Keeps what has to be known when the browser comes back; the secret for its cookie. Of an invitation's code its digest is kept."""
    digest = hashlib.sha256(invitation.encode()).hexdigest() if invitation else None
    with transaction() as connection:
        content = {"issuer": asked.issuer, "state": state, "return_to": return_to, "invitation": digest}
        return identities.begin(connection, place.host, content)


def come_back(secret: str, place: Place, asked: Provider) -> Any:
    """What ``leave`` has kept, once. ``InputError`` where there is nothing, and where another provider was asked."""
    with transaction() as connection:
        found = identities.take(connection, secret, place.host) if secret else None
    if found is None or found.get("issuer") != asked.issuer:
        raise refused("it took too long, or this browser has not asked for it")
    return found


def failed(place: Place) -> None:
    """Writes down a log-in that came to nothing before it was known whose."""
    failed_sign_ins.Trying(place, "oidc").failed()


def refused(why: str) -> InputError:
    """What a log-in that came to nothing is answered with."""
    return InputError(f"the log-in was not accepted: {why}", "try again from the beginning", code="sso.refused")


def by_identity(identity: Identity, place: Place, *, invitation: str | None = None, before: str | None = None) -> SignedIn | Elsewhere:
    """Signs in whoever the provider has let in. He is who was bound to the identity; else, and bound from then on, who was invited by
    the code whose digest is ``invitation``, or has or is invited by the address that the provider has verified; else who comes in by
    the domain of it (``arrivals``).

    ``InputError`` for somebody who is nobody here.
    """
    with failed_sign_ins.noted(place, "oidc") as trying, transaction() as connection:
        trying.typed = identity.email or ""
        if service_address.is_own(place.host):
            person = _of_platform(connection, identity)
            if person is None and (url := _elsewhere(connection, identity)):
                return Elsewhere(url)
        else:
            person = _user(connection, identity, place.host, invitation)
        if person is None:
            raise InputError(
                "nobody here is known by that log-in", "ask for an invitation to the address that the provider knows", code="sso.unknown"
            )
        return begin(connection, person, place, "oidc", before)


def _of_platform(connection: psycopg.Connection[dict[str, Any]], identity: Identity) -> Person | None:
    found = provider()
    if found is None or found.audience == "tenants":
        return None
    return identities.admin(connection, identity) or _bound(connection, identity, _admin(connection, identity))


def _elsewhere(connection: psycopg.Connection[dict[str, Any]], identity: Identity) -> str:
    """Where somebody goes on whose address is at a domain that a tenant has proved; empty where none has."""
    found = provider()
    if found is None or found.audience == "platform" or not identity.email:
        return ""
    standing = arrivals.standing(connection, identity.email, None)
    host = next(iter(invitations.hosts(connection, standing.proved)), "") if standing is not None and standing.proved is not None else ""
    if host and standing is not None and standing.proved is not None and any(sign_in_settings.provider(connection, standing.proved)):
        raise InputError("people of that tenant sign in at its own host", f"https://{host}", code="sso.foreign")
    person = _user(connection, identity, host, None) if host else None
    return f"https://{host}/sign-in#{sign_in_links.make(connection, person)}" if person is not None else ""


def _admin(connection: psycopg.Connection[dict[str, Any]], identity: Identity) -> Person | None:
    found = platform_admins.of(connection, identity.email) if identity.email else None
    return platform_admins.person(found) if found is not None else None


def _user(connection: psycopg.Connection[dict[str, Any]], identity: Identity, host: str, invitation: str | None) -> Person | None:
    home = users.at(connection, host)
    if home is None:
        return None
    if home.state not in OPEN:
        accept.refuse_closed(home.slug, home.state)
    known = identities.user(connection, home.tenant, identity)
    found = users.by_id(connection, home.tenant, known) if known is not None else None
    if found is not None:
        return found[0]
    if found is None and invitation is not None:
        entered = accept.known(connection, home.tenant, home.slug, digest=bytes.fromhex(invitation), name=identity.name, actor=INVITED)
        found = users.by_id(connection, home.tenant, entered) if entered is not None else None
    if found is None and identity.email:
        found = users.by_email(connection, home.tenant, identity.email)
    if found is None and identity.email:
        entered = _entered(connection, identity.email, identity.name, home)
        found = users.by_id(connection, home.tenant, entered) if entered is not None else None
    return _bound(connection, identity, found[0] if found is not None else None)


def _entered(connection: psycopg.Connection[dict[str, Any]], email: str, name: str | None, home: users.Home) -> UUID | None:
    """Who was invited has what he was invited to; one whose invitation has expired may come in by the domain of his address."""
    try:
        invited = accept.known(connection, home.tenant, home.slug, email=email, name=name, actor=INVITED)
    except InputError as error:
        if error.code != "invitation.expired" or (entered := arrivals.enter(connection, home, email, name, ARRIVED.name)) is None:
            raise
        return entered
    return invited if invited is not None else arrivals.enter(connection, home, email, name, ARRIVED.name)


def _bound(connection: psycopg.Connection[dict[str, Any]], identity: Identity, person: Person | None) -> Person | None:
    if person is not None:
        identities.bind(connection, identity, person)
    return person
