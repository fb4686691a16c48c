"""Signing in: somebody shows who he is, and has a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tenantry.control import platform_admins, runs, sessions
from tenantry.control.database import transaction
from tenantry.control.sessions import Person, Place, Session, Way
from tenantry.errors import InputError
from tenantry.operations import attempts, callers, service_address

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class SignedIn:
    """A session that has begun. ``secret`` is for the browser's cookie, and for nothing else."""

    session: Session
    secret: str = field(repr=False)


def by_link(code: str, place: Place, *, before: str | None = None) -> SignedIn:
    """Signs in whoever has a link's code, which works once. ``before``: the secret of the session that the browser had: it ends.

    ``InputError`` for a code that does not work, whatever the reason, and everywhere but at the platform's own address; ``TooMany``.
    """
    attempts.count("address", place.address)
    with transaction() as connection:
        person = platform_admins.by_link(connection, code) if service_address.is_own(place.host) else None
        if person is None:
            raise InputError(
                "the link does not work", "it works once, for ten minutes: tenantry admin link makes another", code="link.unknown"
            )
        return begin(connection, person, place, "link", before)


def begin(connection: psycopg.Connection[dict[str, Any]], person: Person, place: Place, way: Way, before: str | None) -> SignedIn:
    """A session for somebody who has shown who he is, under a new secret whatever the browser had, in the caller's transaction."""
    if before:
        sessions.end(connection, before)
    secret, session = sessions.begin(connection, person, place, way)
    runs.audit(connection, person.tenant, callers.named(person), "sign in", f"by {way}")
    return SignedIn(session, secret)
