"""Sessions of people: who is signed in, and signing out."""

from __future__ import annotations

from typing import Final

from tenantry.control import failed_sign_ins, portal_people, rate_limits, runs, sessions
from tenantry.control.database import transaction
from tenantry.control.sessions import Person, Place, Role, Session, Way
from tenantry.operations import attempts, callers
from tenantry.operations.callers import Caller

__all__ = ["Person", "Place", "Role", "Session", "Way", "authenticate", "purge", "sign_out", "sign_out_everywhere"]

_LONGEST_SECRET: Final = 100


def authenticate(secret: str, host: str) -> Caller | None:
    """Whoever is signed in with that secret at that host; None: nobody is, whatever the reason."""
    if not secret or not secret.isascii() or len(secret) > _LONGEST_SECRET:
        return None
    with transaction() as connection:
        found = sessions.find(connection, secret, host)
    return callers.of_session(found) if found is not None else None


def sign_out(secret: str, session: Session) -> None:
    """Ends the session."""
    if own := callers.own(session):
        portal_people.sign_out(*own, everywhere=False)
        return
    with transaction() as connection:
        sessions.end(connection, secret)
        runs.audit(connection, session.person.tenant, callers.named(session.person), "sign out", "this browser")


def sign_out_everywhere(session: Session) -> int:
    """Ends all sessions of the same person; how many there were."""
    if own := callers.own(session):
        return portal_people.sign_out(*own, everywhere=True)
    with transaction() as connection:
        count = sessions.end_all(connection, session.person)
        runs.audit(connection, session.person.tenant, callers.named(session.person), "sign out", f"everywhere, {count} sessions")
    return count


def purge() -> int:
    """Forgets sessions and links that have run out, and tries of long ago; how many sessions there were."""
    with transaction() as connection:
        rate_limits.purge(connection, attempts.WITHIN)
        failed_sign_ins.purge(connection, attempts.WITHIN)
        return sessions.purge(connection)
