"""Administrators of the platform: who they are, and who made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import runs, sessions, sign_in_links
from tenantry.control.sessions import Person
from tenantry.errors import InputError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class PlatformAdmin:
    """One of them. ``sessions``: how many browsers he is signed in with now."""

    id: UUID
    email: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    revoked_by: str | None
    sessions: int


_ADMINS: Final = """
    SELECT a.*, (SELECT count(*) FROM sessions s WHERE s.admin_id = a.id AND s.expires_at > now() AND s.idle_until > now()) AS sessions
    FROM platform_admins a
"""


def make(connection: psycopg.Connection[dict[str, Any]], email: str, actor: Actor) -> PlatformAdmin:
    """The administrator of an address (in any case), made where there is none."""
    made = connection.execute(
        "INSERT INTO platform_admins (email, created_by) VALUES (%s, %s) ON CONFLICT DO NOTHING", [email, actor.name]
    ).rowcount
    if made:
        runs.audit(connection, None, actor.name, "make admin", email)
    found = of(connection, email)
    assert found is not None  # noqa: S101  # made, or there
    return found


def of(connection: psycopg.Connection[dict[str, Any]], email: str) -> PlatformAdmin | None:
    """The administrator of an address (in any case), locked; None: there is none, or he was ended."""
    connection.execute("SELECT FROM platform_admins WHERE lower(email) = lower(%s) AND revoked_at IS NULL FOR NO KEY UPDATE", [email])
    row = connection.execute(f"{_ADMINS} WHERE lower(a.email) = lower(%s) AND a.revoked_at IS NULL", [email]).fetchone()
    return PlatformAdmin(**row) if row else None


def person(admin: PlatformAdmin) -> Person:
    """The same as somebody who can be signed in."""
    return Person(admin.id, admin.email, "platform")


def link(connection: psycopg.Connection[dict[str, Any]], admin: PlatformAdmin, actor: Actor) -> str:
    """The code of a new link; those before stop working."""
    runs.audit(connection, None, actor.name, "sign-in link", f"for {admin.email}")
    return sign_in_links.make(connection, person(admin))


def listed(connection: psycopg.Connection[dict[str, Any]]) -> list[PlatformAdmin]:
    """All of them, the ended ones too, the newest first."""
    return [PlatformAdmin(**row) for row in connection.execute(f"{_ADMINS} ORDER BY a.created_at DESC")]


def revoke(connection: psycopg.Connection[dict[str, Any]], email: str, actor: Actor) -> PlatformAdmin:
    """Ends an administrator, his sessions and his link. ``InputError`` where there is none of that address."""
    found = of(connection, email)
    if found is None:
        raise InputError(f"there is no platform admin {email[:254]}", "tenantry admin list shows them", code="admin.unknown")
    ended = sessions.end_all(connection, person(found))
    sign_in_links.forget(connection, person(found))
    connection.execute("UPDATE platform_admins SET revoked_at = now(), revoked_by = %s WHERE id = %s", [actor.name, found.id])
    runs.audit(connection, None, actor.name, "end admin", f"{found.email}, {ended} sessions ended")
    row = connection.execute(f"{_ADMINS} WHERE a.id = %s", [found.id]).fetchone()
    assert row is not None  # noqa: S101  # locked
    return PlatformAdmin(**row)
