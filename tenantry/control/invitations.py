"""Invitations and their tokens: derived from a key that is not in the database, which holds their SHA-256 only.

A row without ``invited_by`` is the platform's invitation of the administrator whom the tenant's file names; the others are of its people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import keys, outbox
from tenantry.escape import escaped

if TYPE_CHECKING:
    import psycopg

LIFETIME: Final = timedelta(days=14)

Role = Literal["admin", "member"]
State = Literal["open", "accepted", "revoked", "expired"]
_STATE: Final = """
    CASE WHEN i.revoked_at IS NOT NULL THEN 'revoked' WHEN i.accepted_at IS NOT NULL THEN 'accepted'
         WHEN i.expires_at <= now() THEN 'expired' ELSE 'open' END AS state
"""


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
    state: State
    tenant_id: UUID
    slug: str
    tenant_state: str


def resolve(connection: psycopg.Connection[dict[str, Any]], token: str) -> Resolved | None:
    """The invitation of a token, found by its SHA-256; None: unknown, replaced by a newer one, or taken back and forgotten."""
    row = connection.execute(
        "SELECT i.id AS invitation_id, i.tenant_id, t.slug, t.state AS tenant_state," + _STATE
        + "FROM invitations i JOIN tenants t ON t.id = i.tenant_id WHERE i.token_hash = %s AND t.deleted_at IS NULL",
        [digest(token)],
    ).fetchone()  # fmt: skip
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


def accept(
    connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, token: str, name: str | None, profile: Mapping[str, Any], actor: str
) -> dict[str, Any]:
    """Lets in whoever has the token, in the caller's transaction: ``outcome``, ``person``, ``person_role``, ``page``, ``settings``.

    See migrations/control/0019_onboarding.sql for the outcomes; only ``accepted`` has written anything.
    """
    return accept_digest(connection, tenant_id, digest(token), name, profile, actor)


def open_digests(
    connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, email: str | None, token_hash: bytes | None
) -> list[bytes]:
    """The digests of the tenant's invitations to an address (in any case), or with a digest, that nobody has accepted or taken back."""
    rows = connection.execute(
        "SELECT token_hash FROM invitations WHERE tenant_id = %s AND token_hash IS NOT NULL AND revoked_at IS NULL AND accepted_at IS NULL"
        " AND (lower(email) = lower(%s) OR token_hash = %s)",
        [tenant_id, email, token_hash],
    )
    return [bytes(row["token_hash"]) for row in rows]


def accept_digest(
    connection: psycopg.Connection[dict[str, Any]],
    tenant_id: UUID,
    token_hash: bytes,
    name: str | None,
    profile: Mapping[str, Any],
    actor: str,
) -> dict[str, Any]:
    """The same by the token's digest, for somebody who has shown otherwise that the invitation is his."""
    row = connection.execute(
        "SELECT * FROM onboard(%s, %s, %s, %s, %s)", [tenant_id, token_hash, name, Jsonb(dict(profile)), escaped(actor)]
    ).fetchone()
    assert row is not None  # noqa: S101  # a function with OUT parameters gives one row
    return row


def hosts(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> list[str]:
    """The tenant's host names, the one under the platform's domain first."""
    rows = connection.execute("SELECT host FROM tenant_domains WHERE tenant_id = %s ORDER BY kind DESC, host", [tenant_id])
    return [row["host"] for row in rows]


def listed(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> list[dict[str, Any]]:
    """The tenant's invitations, oldest first, each with its ``state``; none with its token."""
    return connection.execute(
        "SELECT i.id, i.email, i.name, i.role, i.invited_by, i.created_at, i.issued_at, i.expires_at, i.accepted_at, i.revoked_at,"
        " i.user_id," + _STATE + "FROM invitations i WHERE i.tenant_id = %s ORDER BY i.created_at, i.email",
        [tenant_id],
    ).fetchall()


def standing(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, whom: str) -> dict[str, Any] | None:
    """The invitation of an address (in any case) or an id that was not taken back, locked; ``gone``: whom it let in is no user any more."""
    return connection.execute(
        """
        SELECT i.*, i.accepted_at IS NOT NULL AND NOT EXISTS (
                   SELECT FROM users u WHERE u.tenant_id = i.tenant_id
                   AND CASE WHEN i.user_id IS NULL THEN u.email = i.email ELSE u.id = i.user_id END) AS gone
        FROM invitations i
        WHERE i.tenant_id = %(tenant)s AND i.revoked_at IS NULL AND (lower(i.email) = lower(%(whom)s) OR i.id::text = %(whom)s)
        ORDER BY i.accepted_at IS NOT NULL LIMIT 1 FOR UPDATE
        """,
        {"tenant": tenant_id, "whom": whom},
    ).fetchone()


def is_user(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, email: str) -> bool:
    """Whether somebody with that address (in any case) is a user of the tenant."""
    found = connection.execute("SELECT FROM users WHERE tenant_id = %s AND lower(email) = lower(%s) LIMIT 1", [tenant_id, email])
    return found.fetchone() is not None


def write(
    connection: psycopg.Connection[dict[str, Any]],
    tenant_id: UUID,
    there: Mapping[str, Any] | None,
    email: str,
    name: str,
    role: Role,
    invited_by: str,
) -> UUID:
    """Makes an open invitation, or of the one that is ``there`` (of ``standing``) this one; its id. Its link is made by ``issue``."""
    if there is None:
        row = connection.execute(
            "INSERT INTO invitations (tenant_id, email, name, role, invited_by) VALUES (%s, %s, %s, %s, %s) RETURNING id",
            [tenant_id, email, name, role, escaped(invited_by)],
        ).fetchone()
    else:
        row = connection.execute(
            """
            UPDATE invitations SET name = %(name)s, role = %(role)s, accepted_at = NULL, user_id = NULL,
                   invited_by = CASE WHEN invited_by IS NOT NULL THEN %(by)s END
            WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING id
            """,
            {"tenant": tenant_id, "id": there["id"], "name": name, "role": role, "by": escaped(invited_by)},
        ).fetchone()
    assert row is not None  # noqa: S101  # a row that was made, or that is locked
    return UUID(str(row["id"]))


def room(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, but: UUID | None) -> tuple[int, int | None]:
    """How many people the tenant has or expects, without the invitation ``but``; and how many it may have, where something says so."""
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM users u WHERE u.tenant_id = %(tenant)s)
               + (SELECT count(*) FROM invitations i WHERE i.tenant_id = %(tenant)s AND i.id IS DISTINCT FROM %(but)s
                  AND i.revoked_at IS NULL AND i.accepted_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > now())
                  AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = i.tenant_id AND u.email = i.email)) AS people,
               (SELECT (c.config_value #>> '{}')::integer FROM tenant_configurations c
                WHERE c.tenant_id = %(tenant)s AND c.config_key = 'limits.users') AS most
        """,
        {"tenant": tenant_id, "but": but},
    ).fetchone()
    assert row is not None  # noqa: S101  # one row by construction
    return row["people"], row["most"]


def mailed_lately(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> int:
    """How many invitations were mailed in the tenant's name within the hour."""
    row = connection.execute(
        "SELECT count(*) AS mails FROM outbox WHERE tenant_id = %s AND kind = 'invitation' AND created_at > now() - interval '1 hour'",
        [tenant_id],
    ).fetchone()
    return int(row["mails"]) if row else 0


def queue(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, invitation_id: UUID, token: str, inviter: str) -> UUID:
    """Queues the mail with the link that was issued, in the caller's transaction; its id. ``inviter`` empty: the mail does not say who."""
    row = connection.execute("SELECT name, email FROM invitations WHERE tenant_id = %s AND id = %s", [tenant_id, invitation_id]).fetchone()
    assert row is not None  # noqa: S101  # it was issued
    parameters = {"user_name": row["name"], "invitation_id": str(invitation_id)} | ({"inviter_name": inviter} if inviter else {})
    # Each new link is an event of its own; its digest names it without telling it.
    key = f"invitation:{invitation_id}:{digest(token).hex()}"
    return outbox.add(connection, tenant_id, "invitation", row["email"], parameters, key)


def revoke(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, invitation_id: UUID) -> None:
    """Takes the invitation back, with the mails about it that wait. Its digest stays, so that its link is told from one that is made up."""
    connection.execute("UPDATE invitations SET revoked_at = now() WHERE tenant_id = %s AND id = %s", [tenant_id, invitation_id])
    for prefix in ("invitation", "welcome"):
        outbox.cancel(connection, tenant_id, "the invitation was taken back", key_prefix=f"{prefix}:{invitation_id}:")
