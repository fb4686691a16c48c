"""Invitations and their tokens: derived from a key that is not in the database, which holds their SHA-256 only."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.clients import keys

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
