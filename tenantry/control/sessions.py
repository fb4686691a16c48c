"""Sessions of people: what is kept of a browser that somebody is signed in with. Whoever has its secret is that person."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

Role = Literal["platform", "admin", "member"]
Way = Literal["link", "password", "oidc", "passkey"]

IDLE: Final = {"platform": timedelta(hours=1), "admin": timedelta(hours=12), "member": timedelta(hours=12)}
"""How long a session lasts that nobody asks with."""
LONGEST: Final = {"platform": timedelta(hours=12), "admin": timedelta(days=7), "member": timedelta(days=7)}
"""How long it lasts at most."""
AGENT: Final = 200


@dataclass(frozen=True)
class Person:
    """Somebody who can be signed in: an administrator of the platform, or a user of one tenant, who has ``tenant`` and ``slug``."""

    id: UUID
    email: str
    role: Role
    tenant: UUID | None = None
    slug: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a session is: the host that was asked, the address that asked, and the browser as it calls itself."""

    host: str
    address: str
    agent: str


@dataclass(frozen=True)
class Session:
    """A session that works. ``digest`` is what it is found by; its secret is the browser's alone."""

    digest: bytes = field(repr=False)
    person: Person
    host: str
    csrf: str = field(repr=False)
    way: Way
    signed_in_at: datetime
    idle_until: datetime
    expires_at: datetime


_FOUND: Final = """
    SELECT s.digest, s.host, s.csrf, s.way, s.signed_in_at, s.idle_until, s.expires_at, coalesce(s.admin_id, s.user_id) AS id,
           coalesce(a.email, u.email) AS email, coalesce(u.role, 'platform') AS role, s.tenant, d.slug
    FROM sessions s
    LEFT JOIN platform_admins a ON a.id = s.admin_id AND a.revoked_at IS NULL
    LEFT JOIN users u ON u.tenant_id = s.tenant AND u.id = s.user_id
    LEFT JOIN directory d ON d.id = s.tenant
    WHERE s.digest = %(digest)s AND s.host = %(host)s AND s.idle_until > now() AND s.expires_at > now()
      AND (a.id IS NOT NULL OR d.state IN ('active', 'moving', 'maintenance') AND EXISTS (
          SELECT FROM tenant_domains n WHERE n.host = s.host AND n.tenant_id = s.tenant AND n.status = 'active'))
"""


def begin(connection: psycopg.Connection[dict[str, Any]], person: Person, place: Place, way: Way) -> tuple[str, Session]:
    """A new session in the caller's transaction, and its secret, which nobody but the browser keeps."""
    secret = secrets.token_urlsafe(32)
    connection.execute(
        """
        INSERT INTO sessions (digest, admin_id, tenant, user_id, host, csrf, way, idle_until, expires_at, address, agent)
        VALUES (%(digest)s, %(admin)s, %(tenant)s, %(user)s, %(host)s, %(csrf)s, %(way)s, now() + %(idle)s, now() + %(longest)s,
                %(address)s, %(agent)s)
        """,
        {
            "digest": _digest(secret),
            "admin": person.id if person.tenant is None else None,
            "tenant": person.tenant,
            "user": person.id if person.tenant is not None else None,
            "host": place.host,
            "csrf": secrets.token_urlsafe(32),
            "way": way,
            "idle": IDLE[person.role],
            "longest": LONGEST[person.role],
            "address": place.address[:45],
            "agent": "".join(character for character in place.agent if character.isprintable())[:AGENT],
        },
    )
    row = connection.execute(_FOUND, {"digest": _digest(secret), "host": place.host}).fetchone()
    assert row is not None  # noqa: S101  # whoever begins one has looked whether the person may come in
    return secret, _of(row)


def find(connection: psycopg.Connection[dict[str, Any]], secret: str, host: str) -> Session | None:
    """The session of a secret that was brought to ``host``, and notes that; None: it is none, has ended, or is another host's."""
    row = connection.execute(_FOUND, {"digest": _digest(secret), "host": host}).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE sessions SET seen_at = now(), idle_until = least(now() + %s, expires_at)"
        " WHERE digest = %s AND seen_at < now() - interval '1 minute'",
        [IDLE[row["role"]], row["digest"]],
    )
    return _of(row)


def end(connection: psycopg.Connection[dict[str, Any]], secret: str) -> None:
    """Ends a session; one that is not there stays so."""
    connection.execute("DELETE FROM sessions WHERE digest = %s", [_digest(secret)])


def end_all(connection: psycopg.Connection[dict[str, Any]], person: Person) -> int:
    """Ends all of a person's sessions; how many there were."""
    if person.tenant is None:
        return connection.execute("DELETE FROM sessions WHERE admin_id = %s", [person.id]).rowcount
    return connection.execute("DELETE FROM sessions WHERE tenant = %s AND user_id = %s", [person.tenant, person.id]).rowcount


def purge(connection: psycopg.Connection[dict[str, Any]]) -> int:
    """Forgets those that have run out, and links that have; how many sessions there were."""
    connection.execute("DELETE FROM sign_in_links WHERE expires_at < now()")
    return connection.execute("DELETE FROM sessions WHERE expires_at < now() OR idle_until < now()").rowcount


def _of(row: dict[str, Any]) -> Session:
    person = Person(row["id"], row["email"], row["role"], row["tenant"], row["slug"])
    return Session(
        bytes(row["digest"]), person, row["host"], row["csrf"], row["way"], row["signed_in_at"], row["idle_until"], row["expires_at"]
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
