"""Signing up: whoever types an address at a tenant's host is sent a link there, if the tenant has proved that the domain is its own.

Whoever asks gets the same answer in any case, before anything is looked at: nobody learns who there is.
"""

from __future__ import annotations

from typing import Final

from tenantry.control import email_domains, invitations, runs, users
from tenantry.control.database import transaction
from tenantry.control.sessions import Place
from tenantry.errors import InputError
from tenantry.operations import accept, arrivals, attempts, invite, people, sign_in

INVITER: Final = "the domain of the address"
"""As invitations name who has invited."""


def require(email: str, place: Place) -> None:
    """What is said before, to anybody alike: ``TooMany``; ``InputError`` for a tenant that is shut, or has single sign-on."""
    attempts.count("address", place.address)
    with transaction() as connection:
        home = users.at(connection, place.host)
        sign_in.refuse_passwords(connection, home.tenant if home is not None else None)
    if home is not None and home.state not in sign_in.OPEN:
        accept.refuse_closed(home.slug, home.state)
    attempts.count("mail", f"{place.host}:{email.lower()}")


def send(email: str, name: str | None, place: Place) -> bool:
    """Queues the mail with the link, which is an invitation as a member; whether there was one to send.

    None goes to a user, to somebody whom the tenant's administrators have invited already, or where there is no room.
    """
    try:
        address = people.email(email)
        with transaction() as connection:
            home = users.at(connection, place.host)
            found = arrivals.standing(connection, address, home.tenant) if home is not None else None
            if home is None or found is None or found.proved != home.tenant or home.state not in sign_in.OPEN:
                return False
            email_domains.hold(connection, home.tenant)
            there = invitations.standing(connection, home.tenant, address)
            own = there is None or there["gone"] or (there["accepted_at"] is None and there["invited_by"] == INVITER)
            if not own or (there is not None and there["invited_by"] is None) or invitations.is_user(connection, home.tenant, address):
                return False
            if invitations.mailed_lately(connection, home.tenant) >= invite.MOST_AN_HOUR:
                return False
            invite.refuse_crowd(connection, home.slug, home.tenant, there["id"] if there is not None else None)
            made = invitations.write(connection, home.tenant, there, address, arrivals.called(name, address), "member", INVITER)
            invitations.queue(connection, home.tenant, made, invitations.issue(connection, home.tenant, made), "")
            runs.audit(connection, home.tenant, sign_in.ARRIVED.name, "invitation", f"{made} issued, member")
            return True
    except InputError:  # no address, no room: nobody is told
        return False
