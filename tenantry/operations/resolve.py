"""What a name that came from outside leads to: a host name to its tenant, an invitation's code to the invitation."""

from __future__ import annotations

from tenantry.control import invitations, quarantine
from tenantry.control.database import transaction
from tenantry.control.quarantine import Resolved


def host(name: str) -> Resolved:
    """The tenant of a host name (ASCII, any case), to be served only while it is ``active``; or that it is a deleted one's, or unknown."""
    return quarantine.resolve(name)


def invitation(code: str) -> invitations.Resolved | None:
    """The invitation that a code opens; None: unknown, replaced by a newer one, or taken back and forgotten."""
    with transaction() as connection:
        return invitations.resolve(connection, code)
