"""Administrators of the platform: made by a link that signs them in once, listed, and ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tenantry.actor import Actor
from tenantry.control import platform_admins, sign_in_links
from tenantry.control.database import transaction
from tenantry.control.platform_admins import PlatformAdmin
from tenantry.operations import people, service_address

__all__ = ["AdminLink", "PlatformAdmin", "link", "listed", "revoke"]


@dataclass(frozen=True)
class AdminLink:
    """A link that signs an administrator in, once. It is shown this once."""

    email: str
    url: str = field(repr=False)
    expires_at: datetime


def link(email: str, *, actor: Actor) -> AdminLink:
    """A link for an administrator of the platform, who is made where there is none of that address. Links before stop working."""
    address, own = people.email(email), service_address.url()
    with transaction() as connection:
        admin = platform_admins.make(connection, address, actor)
        code = platform_admins.link(connection, admin, actor)
    # Behind the hash: no server, proxy or log is told what follows it.
    return AdminLink(admin.email, f"{own}/sign-in#{code}", datetime.now(UTC) + sign_in_links.LIFETIME)


def listed() -> tuple[PlatformAdmin, ...]:
    """Every administrator, the ended ones too."""
    with transaction() as connection:
        return tuple(platform_admins.listed(connection))


def revoke(email: str, *, actor: Actor) -> PlatformAdmin:
    """Ends an administrator and his sessions at once. ``InputError`` where there is none of that address."""
    with transaction() as connection:
        return platform_admins.revoke(connection, email, actor)
