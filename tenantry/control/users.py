"""Users of tenants, as somebody who can sign in at one of the tenant's host names, and their passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.control.sessions import Person

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Home:
    """The tenant that a host belongs to. ``state`` as the directory says it (migrations/control/0017_directory.sql)."""

    tenant: UUID
    slug: str
    state: str


def at(connection: psycopg.Connection[dict[str, Any]], host: str) -> Home | None:
    """The tenant of an active host name, held in its state to the end of the caller's transaction; None: it is nobody's."""
    connection.execute(
        "SELECT FROM tenants t JOIN tenant_domains n ON n.tenant_id = t.id WHERE n.host = %s AND n.status = 'active' FOR SHARE OF t", [host]
    )
    row = connection.execute(
        "SELECT d.id AS tenant, d.slug, d.state FROM tenant_domains n JOIN directory d ON d.id = n.tenant_id"
        " WHERE n.host = %s AND n.status = 'active'",
        [host],
    ).fetchone()
    return Home(**row) if row else None


def by_email(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, email: str) -> tuple[Person, str | None] | None:
    """The user of an address (in any case), and what is kept of the password; None: there is none of that address, or more than one."""
    rows = connection.execute(f"{_FOUND} WHERE u.tenant_id = %s AND lower(u.email) = lower(%s) LIMIT 2", [tenant, email]).fetchall()
    return _of(rows[0]) if len(rows) == 1 else None


def by_id(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, user: UUID) -> tuple[Person, str | None] | None:
    """The same by the user's id."""
    row = connection.execute(f"{_FOUND} WHERE u.tenant_id = %s AND u.id = %s", [tenant, user]).fetchone()
    return _of(row) if row else None


def set_password(connection: psycopg.Connection[dict[str, Any]], person: Person, hash: str) -> None:
    """Keeps another password of the person's. What it was before is gone."""
    connection.execute(
        "INSERT INTO passwords (tenant, user_id, hash) VALUES (%s, %s, %s)"
        " ON CONFLICT (tenant, user_id) DO UPDATE SET hash = EXCLUDED.hash, set_at = now()",
        [person.tenant, person.id, hash],
    )


_FOUND = """
    SELECT u.id, u.email, u.role, u.tenant_id AS tenant, t.slug, p.hash
    FROM users u JOIN tenants t ON t.id = u.tenant_id LEFT JOIN passwords p ON p.tenant = u.tenant_id AND p.user_id = u.id
"""


def _of(row: dict[str, Any]) -> tuple[Person, str | None]:
    return Person(row["id"], row["email"], row["role"], row["tenant"], row["slug"]), row["hash"]
