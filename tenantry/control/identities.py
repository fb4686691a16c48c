"""Who somebody is to a provider of OpenID Connect, and log-ins that are under way there."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control.sessions import Person

if TYPE_CHECKING:
    import psycopg

UNDERWAY: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""


@dataclass(frozen=True)
class Identity:
    """What a provider says of somebody. ``email``: None where the provider has not verified it."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


def admin(connection: psycopg.Connection[dict[str, Any]], identity: Identity) -> Person | None:
    """The administrator of the platform who was bound to the identity, or None."""
    row = connection.execute(
        "SELECT a.id, a.email FROM identities i JOIN platform_admins a ON a.id = i.admin_id"
        " WHERE i.issuer = %s AND i.subject = %s AND a.revoked_at IS NULL",
        [identity.issuer, identity.subject],
    ).fetchone()
    return Person(row["id"], row["email"], "platform") if row else None


def user(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, identity: Identity) -> UUID | None:
    """The tenant's user who was bound to the identity, or None."""
    row = connection.execute(
        "SELECT user_id FROM identities WHERE tenant = %s AND issuer = %s AND subject = %s", [tenant, identity.issuer, identity.subject]
    ).fetchone()
    return row["user_id"] if row else None


def bind(connection: psycopg.Connection[dict[str, Any]], identity: Identity, person: Person) -> None:
    """From now on the identity is that person's, whoever's it was here before."""
    where = ("admin_id IS NOT NULL", []) if person.tenant is None else ("tenant = %s", [person.tenant])
    connection.execute(
        f"DELETE FROM identities WHERE issuer = %s AND subject = %s AND {where[0]}",  # noqa: S608  # one of the two above
        [identity.issuer, identity.subject, *where[1]],
    )
    ids = (person.id, None, None) if person.tenant is None else (None, person.tenant, person.id)
    connection.execute(
        "INSERT INTO identities (issuer, subject, admin_id, tenant, user_id) VALUES (%s, %s, %s, %s, %s)",
        [identity.issuer, identity.subject, *ids],
    )


def begin(connection: psycopg.Connection[dict[str, Any]], host: str, content: Any) -> str:
    """Keeps what has to be known when the browser comes back; the secret by which it is found, for its cookie. Old ones are forgotten."""
    secret = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM sign_in_flows WHERE expires_at < now()")
    connection.execute(
        "INSERT INTO sign_in_flows (digest, host, content, expires_at) VALUES (%s, %s, %s, now() + %s)",
        [_digest(secret), host, Jsonb(content), UNDERWAY],
    )
    return secret


def take(connection: psycopg.Connection[dict[str, Any]], secret: str, host: str) -> Any | None:
    """What was kept, once; None: nothing was, it took too long, or the browser comes back to another host."""
    row = connection.execute(
        "DELETE FROM sign_in_flows WHERE digest = %s AND host = %s AND expires_at > now() RETURNING content", [_digest(secret), host]
    ).fetchone()
    return row["content"] if row else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
