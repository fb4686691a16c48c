"""Links that sign one person in, once: what is kept of them is the SHA-256 of their code."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tenantry.control.sessions import Person

if TYPE_CHECKING:
    import psycopg

LIFETIME: Final = timedelta(minutes=10)


def make(connection: psycopg.Connection[dict[str, Any]], person: Person) -> str:
    """The code of a new link; the person's link before stops working."""
    code = secrets.token_urlsafe(32)
    admin, user = (person.id, None) if person.tenant is None else (None, person.id)
    forget(connection, person)
    connection.execute(
        "INSERT INTO sign_in_links (digest, admin_id, tenant, user_id, expires_at) VALUES (%s, %s, %s, %s, now() + %s)",
        [_digest(code), admin, person.tenant, user, LIFETIME],
    )
    return code


def take(connection: psycopg.Connection[dict[str, Any]], code: str) -> Person | None:
    """Whose link it is, and uses it up; None: it was used, has run out, or was made up. Of two at once one has it."""
    row = connection.execute(
        """
        WITH taken AS (DELETE FROM sign_in_links WHERE digest = %s AND expires_at > now() RETURNING admin_id, tenant, user_id)
        SELECT coalesce(a.id, u.id) AS id, coalesce(a.email, u.email) AS email, coalesce(u.role, 'platform') AS role,
               u.tenant_id AS tenant, t.slug
        FROM taken k LEFT JOIN platform_admins a ON a.id = k.admin_id AND a.revoked_at IS NULL
        LEFT JOIN users u ON u.tenant_id = k.tenant AND u.id = k.user_id LEFT JOIN tenants t ON t.id = u.tenant_id
        WHERE coalesce(a.id, u.id) IS NOT NULL
        """,
        [_digest(code)],
    ).fetchone()
    return Person(**row) if row else None


def forget(connection: psycopg.Connection[dict[str, Any]], person: Person) -> None:
    """Lets the person's link work no more."""
    if person.tenant is None:
        connection.execute("DELETE FROM sign_in_links WHERE admin_id = %s", [person.id])
    else:
        connection.execute("DELETE FROM sign_in_links WHERE tenant = %s AND user_id = %s", [person.tenant, person.id])


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
