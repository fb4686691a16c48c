"""Links that open one page of a tenant's, once: what is kept of them, and of whoever has opened one."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.control.database import transaction

if TYPE_CHECKING:
    import psycopg

LIFETIME: Final = timedelta(minutes=10)
"""How long a link waits to be opened."""
OPEN: Final = timedelta(minutes=30)
"""How long the page is good for that it opened."""
KEPT: Final = timedelta(days=1)


@dataclass(frozen=True)
class Opened:
    """What a link opens. ``until``: how long that works; None: it was not opened yet."""

    id: UUID
    slug: str
    name: str
    holder: str | None
    intent: str
    return_url: str | None
    until: datetime | None


def add(
    connection: psycopg.Connection[dict[str, Any]], tenant: UUID, holder: str | None, intent: str, return_url: str | None, code: str
) -> tuple[UUID, datetime]:
    """Keeps a new link, in the caller's transaction; its id, and until when it waits."""
    row = connection.execute(
        "INSERT INTO portal_links (digest, tenant, holder, intent, return_url, expires_at) VALUES (%s, %s, %s, %s, %s, now() + %s)"
        " RETURNING id, expires_at",
        [digest_of(code), tenant, holder, intent, return_url, LIFETIME],
    ).fetchone()
    assert row is not None  # noqa: S101  # an INSERT … RETURNING that did not raise
    return row["id"], row["expires_at"]


_GOOD: Final = """
    d.id = l.tenant AND d.state IN ('active', 'moving', 'maintenance')
    AND (l.holder IS NULL OR NOT EXISTS (
        SELECT FROM unnest(%(needed)s::text[]) AS n (scope) WHERE NOT webhook_sees(l.holder, '{}', l.tenant, n.scope)))
"""
"""The tenant lets people in, and a key of its holder's works that sees it and is for each thing that is needed."""


def intent_of(connection: psycopg.Connection[dict[str, Any]], text: str) -> str | None:
    """What a link or an opened page is for, by its secret; None: there is none."""
    row = connection.execute("SELECT intent FROM portal_links WHERE digest = %(d)s OR pass = %(d)s", {"d": digest_of(text)}).fetchone()
    return str(row["intent"]) if row else None


def take(
    connection: psycopg.Connection[dict[str, Any]], code: str, host: str, secret: str, needed: Collection[str]
) -> tuple[UUID, Opened] | None:
    """Opens the link of a code that was brought to one of the tenant's hosts, in the caller's transaction: the tenant's id and what it
    opens for whoever has ``secret``. None: there is none, it was opened before, or nobody may by now."""
    row = connection.execute(
        f"""
        UPDATE portal_links l SET opened_at = now(), pass = %(pass)s, pass_until = now() + %(open)s FROM directory d
        WHERE l.digest = %(digest)s AND l.opened_at IS NULL AND l.expires_at > now() AND {_GOOD}
          AND EXISTS (SELECT FROM tenant_domains n WHERE n.tenant_id = l.tenant AND n.host = %(host)s AND n.status = 'active')
        RETURNING l.tenant, l.id, d.slug, d.name, l.holder, l.intent, l.return_url, l.pass_until AS until
        """,  # noqa: S608  # constants of ours
        {"pass": digest_of(secret), "open": OPEN, "digest": digest_of(code), "host": host, "needed": list(needed)},
    ).fetchone()
    return (row.pop("tenant"), Opened(**row)) if row else None


def opened(connection: psycopg.Connection[dict[str, Any]], secret: str, needed: Collection[str]) -> Opened | None:
    """What whoever has the secret has opened; None: nothing, or not any more."""
    row = connection.execute(
        f"""
        SELECT l.id, d.slug, d.name, l.holder, l.intent, l.return_url, l.pass_until AS until FROM portal_links l, directory d
        WHERE l.pass = %(pass)s AND l.pass_until > now() AND {_GOOD}
        """,  # noqa: S608  # constants of ours
        {"pass": digest_of(secret), "needed": list(needed)},
    ).fetchone()
    return Opened(**row) if row else None


def tenant_hosts(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> frozenset[str]:
    """The tenant's host names that work."""
    rows = connection.execute("SELECT host FROM tenant_domains WHERE tenant_id = %s AND status = 'active'", [tenant])
    return frozenset(row["host"] for row in rows)


def return_hosts(connection: psycopg.Connection[dict[str, Any]], holder: str) -> tuple[str, ...]:
    """The hosts to which the holder's people may be sent back."""
    rows = connection.execute("SELECT host FROM return_hosts WHERE holder = %s ORDER BY host", [holder])
    return tuple(row["host"] for row in rows)


def change_return_hosts(
    connection: psycopg.Connection[dict[str, Any]], holder: str, added: Collection[str], removed: Collection[str]
) -> None:
    """Registers hosts and takes others away, in the caller's transaction."""
    connection.execute("DELETE FROM return_hosts WHERE holder = %s AND host = ANY(%s)", [holder, list(removed)])
    connection.execute(
        "INSERT INTO return_hosts (holder, host) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING", [holder, list(added)]
    )


def purge() -> int:
    """Forgets links that have run out; how many."""
    with transaction() as connection:
        return connection.execute("DELETE FROM portal_links WHERE coalesce(pass_until, expires_at) < now() - %s", [KEPT]).rowcount


def digest_of(text: str) -> bytes:
    """What is kept of a link's code, and of what its page asks with."""
    return hashlib.sha256(text.encode()).digest()
