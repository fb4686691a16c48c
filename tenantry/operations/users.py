"""Users of tenants: a link that signs one in who has no password, or has forgotten it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import invitations, runs, sign_in_links, users
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.escape import escaped
from tenantry.operations import accept, sign_in


@dataclass(frozen=True)
class UserLink:
    """A link that signs a user in, once. It is shown this once."""

    slug: str
    email: str
    url: str = field(repr=False)
    expires_at: datetime


def link(slug: str, email: str, *, actor: Actor) -> UserLink:
    """A link for a user of the tenant, at its first host name; the user's link before stops working.

    ``InputError`` where there is no user of that address; as of ``accept.refuse_closed`` for a tenant that lets nobody in.
    """
    tenant = naming.tenant_id(slug)
    with transaction() as connection:
        host = next(iter(invitations.hosts(connection, tenant)), "")
        home = users.at(connection, host)
        found = users.by_email(connection, tenant, email)
        if home is None or found is None:
            raise InputError(
                f"{slug} has no user {escaped(email)[:254]}", f"tenantry invitations {slug} shows who came", code="user.unknown"
            )
        if home.state not in sign_in.OPEN:
            accept.refuse_closed(slug, home.state)
        code = sign_in_links.make(connection, found[0])
        runs.audit(connection, tenant, actor.name, "sign-in link", f"for {found[0].id}")
    return UserLink(slug, found[0].email, f"https://{host}/sign-in#{code}", datetime.now(UTC) + sign_in_links.LIFETIME)
