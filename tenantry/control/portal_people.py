"""What a tenant's own people do to each other and to their own sign-in: by functions of the database that look who asks.

Those are in migrations/control/0034_portal_people.sql, which says what each answers. Each call is one transaction by the portal's door.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import invitations
from tenantry.control.passkeys import Passkey
from tenantry.control.portal import Portal


def invite(portal: Portal, tenant: UUID, email: str, name: str, role: str) -> dict[str, Any]:
    """Writes an open invitation without a link: ``outcome``, ``invitation``, ``email``, ``people``, ``most``."""
    return _one(portal, tenant, "SELECT * FROM portal_invite(%s, %s, %s, %s)", email, name, role)


def revoke(portal: Portal, tenant: UUID, whom: str) -> dict[str, Any]:
    """Takes an invitation back: ``outcome``, ``invitation``, ``email``."""
    return _one(portal, tenant, "SELECT * FROM portal_revoke(%s, %s)", whom)


def invitations_of(portal: Portal, tenant: UUID) -> list[dict[str, Any]]:
    """The tenant's invitations, as ``invitations.listed``."""
    with portal.open(tenant) as connection:
        return invitations.listed(connection, tenant)


def hosts(portal: Portal, tenant: UUID) -> list[str]:
    """The tenant's host names, as ``invitations.hosts``."""
    with portal.open(tenant) as connection:
        return invitations.hosts(connection, tenant)


def accept(portal: Portal, tenant: UUID, code: str, name: str | None, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Lets in whoever has brought a code, as ``invitations.accept``."""
    return _one(portal, tenant, "SELECT * FROM portal_accept(%s, %s, %s, %s)", invitations.digest(code), name, Jsonb(dict(profile)))


def change_user(portal: Portal, tenant: UUID, user: UUID, role: str | None) -> dict[str, Any]:
    """Gives a user a role, or removes him (None): ``outcome``, and the user's columns."""
    return _one(portal, tenant, "SELECT * FROM portal_change_user(%s, %s, %s)", user, role)


def sign_out(portal: Portal, tenant: UUID, *, everywhere: bool) -> int:
    """Ends the session, or all of the same person's; how many there were."""
    return int(_one(portal, tenant, "SELECT portal_sign_out(%s, %s) AS ended", everywhere)["ended"])


def set_password(portal: Portal, tenant: UUID, hashed: str) -> None:
    """Keeps another password of whoever is signed in, and ends all his sessions."""
    _one(portal, tenant, "SELECT portal_set_password(%s, %s)", hashed)


def passkeys(portal: Portal, tenant: UUID) -> list[Passkey]:
    """The passkeys of whoever is signed in, the newest first."""
    with portal.open(tenant) as connection:
        return [Passkey(**row) for row in connection.execute("SELECT * FROM portal_passkeys(%s)", [portal.proof])]


def add_passkey(portal: Portal, tenant: UUID, identifier: bytes, host: str, key: bytes, count: int, name: str) -> bool:
    """Keeps a new one; False where there is one of that id, or as many as there may be."""
    words = "SELECT portal_add_passkey(%s, %s, %s, %s, %s, %s) AS kept"
    return bool(_one(portal, tenant, words, identifier, host, key, count, name)["kept"])


def remove_passkey(portal: Portal, tenant: UUID, identifier: bytes) -> bool:
    """Ends one; whether there was one of that id."""
    return bool(_one(portal, tenant, "SELECT portal_remove_passkey(%s, %s) AS gone", identifier)["gone"])


def _one(portal: Portal, tenant: UUID, words: str, *values: Any) -> dict[str, Any]:
    with portal.open(tenant) as connection:
        row = connection.execute(words, [portal.proof, *values]).fetchone()
    assert row is not None  # noqa: S101  # a function that gives one row
    return row
