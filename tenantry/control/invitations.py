"""Invitations and their tokens: derived from a key that is not in the database, which holds their SHA-256 only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from tenantry.control import keys

if TYPE_CHECKING:
    import psycopg

LIFETIME: Final = timedelta(days=14)


def issue(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, invitation_id: UUID) -> str:
    """A new token for the invitation, good for ``LIFETIME``, in the caller's transaction; the one before stops working."""
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None  # noqa: S101  # one row by construction
    token = token_of(invitation_id, row["now"])
    connection.execute(
        "UPDATE invitations SET token_hash = %s, issued_at = %s, expires_at = %s WHERE tenant_id = %s AND id = %s",
        [digest(token), row["now"], row["now"] + LIFETIME, tenant_id, invitation_id],
    )
    return token


@dataclass(frozen=True)
class Resolved:
    """What an invitation's code leads to. To be accepted only while it is ``open`` and the tenant ``active``."""

    invitation_id: UUID
    state: Literal["open", "accepted", "revoked", "expired"]
    tenant_id: UUID
    slug: str
    tenant_state: str


def resolve(connection: psycopg.Connection[dict[str, Any]], token: str) -> Resolved | None:
    """The invitation of a token, found by its SHA-256; None: unknown, replaced by a newer one, or taken back and forgotten."""
    row = connection.execute(
        """
        SELECT i.id AS invitation_id, i.tenant_id, t.slug, t.state AS tenant_state,
               CASE WHEN i.revoked_at IS NOT NULL THEN 'revoked' WHEN i.accepted_at IS NOT NULL THEN 'accepted'
                    WHEN i.expires_at <= now() THEN 'expired' ELSE 'open' END AS state
        FROM invitations i JOIN tenants t ON t.id = i.tenant_id WHERE i.token_hash = %s AND t.deleted_at IS NULL
        """,
        [digest(token)],
    ).fetchone()
    return Resolved(**row) if row is not None else None


def token_of(invitation_id: UUID, issued_at: datetime) -> str:
    """The token that was issued at that moment (microseconds count): the same whenever it is asked for."""
    return keys.derived("invitation", f"{invitation_id}:{issued_at.astimezone(UTC).isoformat(timespec='microseconds')}")


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def link(host: str, token: str) -> str:
    """Where an invitation is accepted."""
    return f"https://{host}/invitations/{token}"


def open_link(invitation: dict[str, Any], host: str) -> str | None:
    """The link of a row of ``invitations`` that works now; None: revoked, accepted, expired, never issued, or issued as a random token."""
    if invitation["revoked_at"] or invitation["accepted_at"] or not invitation["token_hash"]:
        return None
    if invitation["expires_at"] <= datetime.now(UTC):
        return None
    token = token_of(invitation["id"], invitation["issued_at"])
    return link(host, token) if digest(token) == bytes(invitation["token_hash"]) else None
