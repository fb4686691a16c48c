"""Signing in: somebody shows who he is, and has a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import portal_people, runs, sessions, sign_in_links, users
from tenantry.control.database import transaction
from tenantry.control.sessions import Person, Place, Session, Way
from tenantry.errors import InputError
from tenantry.operations import accept, attempts, callers, failed_sign_ins, oidc_provider, service_address

if TYPE_CHECKING:
    import psycopg

FRESH: Final = timedelta(minutes=10)
"""How long ago somebody may have signed in who wants to do what cannot be taken back."""
OPEN: Final = ("active", "moving")
"""States of a tenant, as the directory says them, in which its people may come in."""
INVITED: Final = Actor("whoever was invited", "service")
ARRIVED: Final = Actor("whoever has the address", "service")


@dataclass(frozen=True)
class SignedIn:
    """A session that has begun. ``secret`` is for the browser's cookie, and for nothing else."""

    session: Session
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Claim:
    """Who somebody says he is, before his password was compared with what is ``kept`` of it. ``account``: as it is counted."""

    account: str
    typed: str
    person: Person | None
    kept: str | None = field(repr=False)


def by_link(code: str, place: Place, *, before: str | None = None) -> SignedIn:
    """Signs in whoever has a link's code, which works once. ``before``: the secret of the session that the browser had: it ends.

    ``InputError`` for a code that does not work, whatever the reason, and everywhere but at the platform's own address, or for a user
    of a tenant at an active host name of his; ``TooMany``.
    """
    attempts.count("address", place.address)
    with failed_sign_ins.noted(place, "link") as trying, transaction() as connection:
        person = trying.person = sign_in_links.take(connection, code)
        if person is None or not at_home(connection, person, place):
            raise InputError("the link does not work", "it works once, for ten minutes: have another one made", code="link.unknown")
        return begin(connection, person, place, "link", before)


def require_invitation(code: str, place: Place) -> None:
    """What is looked at before a password is made into what is kept of it: ``InputError`` for a code of nobody, ``TooMany``."""
    attempts.count("address", place.address)
    with transaction() as connection:
        home = users.at(connection, place.host)
        refuse_passwords(connection, home.tenant if home is not None else None)
        accept.invited(connection, code, place.host)


def by_invitation(code: str, hashed: str, name: str | None, place: Place, *, before: str | None = None) -> SignedIn:
    """Accepts an invitation, sets the password, and signs in: together, or not at all. ``InputError`` as of ``accept.accept``; a code that
    was used proves nothing, so it is refused."""
    with transaction() as connection:
        done = accept.within(connection, code, name=name, host=place.host, actor=INVITED)
        found = users.by_id(connection, done.tenant_id, done.user_id)
        if done.again or found is None:
            raise InputError("the invitation was used", "sign in", code="invitation.used")
        if not at_home(connection, found[0], place):
            raise InputError("the host name is not active yet", "try again in some minutes", code="invitation.host")
        users.set_password(connection, found[0], hashed)
        return begin(connection, found[0], place, "password", before)


def claim(email: str, place: Place) -> Claim:
    """Whose password is to be compared: counted before anything that costs. ``TooMany``; errors as of ``accept.refuse_closed``."""
    attempts.count("address", place.address)
    with transaction() as connection:
        home = users.at(connection, place.host)
        refuse_passwords(connection, home.tenant if home is not None else None)
        found = users.by_email(connection, home.tenant, email) if home is not None else None
    if home is not None and home.state not in OPEN:
        accept.refuse_closed(home.slug, home.state)
    account = f"{home.tenant if home is not None else place.host}:{email.lower()}"
    attempts.count("account", account)
    return Claim(account, email, *(found or (None, None)))


def by_password(claimed: Claim, compared: tuple[bool, str | None], place: Place, *, before: str | None = None) -> SignedIn:
    """Signs in whoever's password was ``compared`` (``passwords.right``).

    ``InputError``, the same for a wrong password, nobody of that address, and a host that is nobody's.
    """
    right, anew = compared
    with failed_sign_ins.noted(place, "password") as trying:
        trying.person, trying.typed = claimed.person, claimed.typed
        if claimed.person is None or claimed.person.tenant is None or not right:
            raise _wrong()
        with transaction() as connection:
            found = users.by_id(connection, claimed.person.tenant, claimed.person.id)
            if found is None or found[1] != claimed.kept or not at_home(connection, found[0], place):
                raise _wrong()  # changed since
            if anew is not None:
                users.set_password(connection, found[0], anew)
            begun = begin(connection, found[0], place, "password", before)
    attempts.forget("account", claimed.account)
    return begun


def change_password(session: Session, hashed: str, place: Place) -> SignedIn:
    """Sets another password for whoever is signed in, and ends all sessions of this person but the new one that begins.

    ``InputError`` for an administrator of the platform, who has none.
    """
    own = callers.own(session)
    if own is None:
        raise _none_here()
    portal_people.set_password(*own, hashed)
    # To begin a session is the owner's: whoever could write one would be whom he wants.
    with transaction() as connection:
        if not at_home(connection, session.person, place):  # shut since: nothing may begin that a reactivation would bring to life
            raise InputError("the session has ended", "sign in again", code="password.wrong")
        return begin(connection, session.person, place, session.way, None)


def require_password(session: Session) -> None:
    """``InputError`` for whoever has no password here."""
    own = callers.own(session)
    if own is None:
        raise _none_here()
    portal, tenant = own
    with portal.open(tenant) as connection:
        refuse_passwords(connection, tenant)


def _none_here() -> InputError:
    return InputError(
        "administrators of the platform have no password", "they sign in by a link: tenantry admin link", code="password.none"
    )


def refuse_passwords(connection: psycopg.Connection[dict[str, Any]], tenant: UUID | None) -> None:
    """``InputError`` where the people of a tenant have a single sign-on instead."""
    if oidc_provider.is_for(connection, tenant):
        raise InputError("people sign in by single sign-on here", "GET /v1/session/oidc", code="password.none")


def is_fresh(session: Session) -> bool:
    """Whether somebody has signed in just now."""
    return datetime.now(UTC) - session.signed_in_at <= FRESH


def begin(connection: psycopg.Connection[dict[str, Any]], person: Person, place: Place, way: Way, before: str | None) -> SignedIn:
    """A session for somebody who has shown who he is, under a new secret whatever the browser had, in the caller's transaction."""
    if before:
        sessions.end(connection, before)
    secret, session = sessions.begin(connection, person, place, way)
    runs.audit(connection, person.tenant, callers.named(person), "sign in", f"by {way}")
    return SignedIn(session, secret)


def at_home(connection: psycopg.Connection[dict[str, Any]], person: Person, place: Place) -> bool:
    """Whether the person may be signed in there, as the tenant stands to the end of the transaction."""
    if person.tenant is None:
        return service_address.is_own(place.host)
    home = users.at(connection, place.host)
    return home is not None and home.tenant == person.tenant and home.state in OPEN


def _wrong() -> InputError:
    return InputError("the address or the password is wrong", "try again, or have a link made that signs you in", code="password.wrong")
