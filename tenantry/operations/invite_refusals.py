"""Why somebody is not invited, or an invitation not taken back: each as it is told."""

from __future__ import annotations

from tenantry.errors import InputError
from tenantry.escape import escaped


def crowd(slug: str, there: int, most: int) -> InputError:
    return InputError(
        f"{slug} may have {most} users, and has {there} with the invitations that are open",
        "take back an invitation, remove a user, or raise limits.users",
        code="limit.users",
    )


def is_user(slug: str, email: str) -> InputError:
    return InputError(f"{escaped(email)} is a user of {slug} already", "roles are changed in the application", code="user.exists")


def accepted(slug: str, email: str) -> InputError:
    return InputError(f"{escaped(email)} has accepted an invitation to {slug} already", "", code="user.exists")


def mailed_enough(slug: str, most: int) -> InputError:
    return InputError(f"{most} invitations were mailed in the name of {slug} within an hour", "invite the others later", code="limit.mail")


def nobody(slug: str, whom: str) -> InputError:
    return InputError(f"nobody is invited to {slug} as {escaped(whom)[:254]!r}", f"tenantry invitations {slug}", code="invitation.unknown")


def used(email: str) -> InputError:
    return InputError(f"{escaped(email)} has accepted the invitation", "users are removed in the application", code="invitation.used")


def declared(slug: str, email: str) -> InputError:
    return InputError(
        f"{escaped(email)} is the administrator whom tenants/{slug}.yaml names",
        f"name another in the file; a new link: tenantry invite {slug}",
        code="invitation.declared",
    )
