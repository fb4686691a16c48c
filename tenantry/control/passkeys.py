"""Passkeys: what is kept of them lets nobody in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tenantry.control.sessions import Person

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Passkey:
    """One of a person's passkeys. ``id``: the authenticator's own, in hex; ``host``: the only one that it is good for."""

    id: str
    host: str
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Kept:
    """What a signature is checked with, and whose it is then."""

    person: Person
    public_key: bytes = field(repr=False)
    sign_count: int


_OWN: Final = "admin_id IS NOT DISTINCT FROM %(admin)s AND tenant IS NOT DISTINCT FROM %(tenant)s AND user_id IS NOT DISTINCT FROM %(user)s"


def add(
    connection: psycopg.Connection[dict[str, Any]], person: Person, identifier: bytes, host: str, key: bytes, count: int, name: str
) -> bool:
    """Keeps a new one; False where there is one of that id."""
    return bool(
        connection.execute(
            "INSERT INTO passkeys (id, admin_id, tenant, user_id, host, public_key, sign_count, name)"
            " VALUES (%(id)s, %(admin)s, %(tenant)s, %(user)s, %(host)s, %(key)s, %(count)s, %(name)s) ON CONFLICT DO NOTHING",
            {**_ids(person), "id": identifier, "host": host, "key": key, "count": count, "name": name},
        ).rowcount
    )


def find(connection: psycopg.Connection[dict[str, Any]], identifier: bytes, host: str) -> Kept | None:
    """The passkey of an id at a host, locked: of two who show one count, one is in."""
    row = connection.execute(
        """
        SELECT coalesce(a.id, u.id) AS id, coalesce(a.email, u.email) AS email, coalesce(u.role, 'platform') AS role, u.tenant_id AS tenant,
               t.slug, p.public_key, p.sign_count
        FROM passkeys p LEFT JOIN platform_admins a ON a.id = p.admin_id AND a.revoked_at IS NULL
        LEFT JOIN users u ON u.tenant_id = p.tenant AND u.id = p.user_id LEFT JOIN tenants t ON t.id = u.tenant_id
        WHERE p.id = %s AND p.host = %s AND coalesce(a.id, u.id) IS NOT NULL FOR UPDATE OF p
        """,
        [identifier, host],
    ).fetchone()
    if row is None:
        return None
    return Kept(Person(row["id"], row["email"], row["role"], row["tenant"], row["slug"]), bytes(row["public_key"]), row["sign_count"])


def used(connection: psycopg.Connection[dict[str, Any]], identifier: bytes, count: int) -> None:
    """Notes that somebody has signed in with it, and how often it has signed."""
    connection.execute("UPDATE passkeys SET used_at = now(), sign_count = %s WHERE id = %s", [count, identifier])


def listed(connection: psycopg.Connection[dict[str, Any]], person: Person) -> list[Passkey]:
    """A person's passkeys, the newest first."""
    rows = connection.execute(
        f"SELECT encode(id, 'hex') AS id, host, name, created_at, used_at FROM passkeys WHERE {_OWN} ORDER BY created_at DESC",  # noqa: S608
        _ids(person),
    )
    return [Passkey(**row) for row in rows]


def remove(connection: psycopg.Connection[dict[str, Any]], person: Person, identifier: bytes) -> bool:
    """Ends one of a person's passkeys; whether there was one."""
    return bool(connection.execute(f"DELETE FROM passkeys WHERE id = %(id)s AND {_OWN}", {**_ids(person), "id": identifier}).rowcount)  # noqa: S608


def _ids(person: Person) -> dict[str, Any]:
    if person.tenant is None:
        return {"admin": person.id, "tenant": None, "user": None}
    return {"admin": None, "tenant": person.tenant, "user": person.id}
