"""Names of tenants that are gone: given to nobody for a time, and still told apart from names that never were."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import psycopg

from tenantry.control.database import if_there, transaction
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.control.ledger import Ledger
    from tenantry.declaration import TenantDeclaration

HINT = "tenantry quarantine list shows the names, release frees one"

Answer = Literal["active", "provisioning", "suspended", "offboarding", "deleted", "unknown"]


@dataclass(frozen=True)
class Resolved:
    """What a host name leads to. ``slug`` and ``id`` are set while the registry has the tenant; its ``state`` decides what is answered."""

    state: Answer
    slug: str | None = None
    id: UUID | None = None


def resolve(host: str) -> Resolved:
    """The tenant of a host name (ASCII, any case): to serve only when it is ``active``; each other state has its own answer."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT t.state, t.slug, t.id FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id WHERE d.host = %s",
            [host.lower().rstrip(".")],
        ).fetchone()
        if row is not None and row["state"] not in ("archived", "deleted"):
            return Resolved(**row)
        gone = row is not None or _standing(connection, "host", [host.lower().rstrip(".")])
    return Resolved("deleted" if gone else "unknown")


def _standing(connection: psycopg.Connection[dict[str, Any]], kind: str, names: Collection[str]) -> list[dict[str, Any]]:
    return connection.execute(
        "SELECT * FROM quarantined_names WHERE kind = %s AND name = ANY(%s) AND (until IS NULL OR until > now()) ORDER BY name",
        [kind, list(names)],
    ).fetchall()


def put(
    connection: psycopg.Connection[dict[str, Any]],
    tenant: UUID,
    names: Iterable[tuple[Literal["slug", "host"], str]],
    until: datetime | None,
) -> int:
    """Quarantines the names in the caller's transaction; how many."""
    count = 0
    for kind, name in names:
        connection.execute(
            "INSERT INTO quarantined_names (kind, name, tenant, until) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (kind, name) DO UPDATE SET tenant = EXCLUDED.tenant, until = EXCLUDED.until",
            [kind, name, tenant, until],
        )
        count += 1
    return count


def listed() -> list[dict[str, Any]]:
    """Every name that stands in quarantine."""
    with transaction() as connection:
        return connection.execute(
            "SELECT kind, name, tenant, since, until FROM quarantined_names WHERE until IS NULL OR until > now() ORDER BY kind, name"
        ).fetchall()


def release(name: str) -> bool:
    """Gives a name back before its time; whether it was in quarantine."""
    with transaction() as connection:
        return bool(connection.execute("DELETE FROM quarantined_names WHERE name = %s", [name]).rowcount)


def forget_expired() -> int:
    """Removes the names whose time is over; how many."""
    with transaction() as connection:
        return connection.execute("DELETE FROM quarantined_names WHERE until <= now()").rowcount


def standing(slugs: Collection[str], hosts: Collection[str]) -> list[dict[str, Any]]:
    """Those of these new names that are in quarantine (kind, name, until). A platform that has no registry yet has no quarantine."""
    if not slugs and not hosts:
        return []
    return if_there(lambda connection: _standing(connection, "slug", slugs) + _standing(connection, "host", hosts), [])


def refuse(slugs: Collection[str], hosts: Collection[str]) -> None:
    """Raises ``InputError`` when one of these new names is in quarantine."""
    found = standing(slugs, hosts)
    if found:
        raise InputError("; ".join(said(row) for row in found), f"choose another name; {HINT}", code="name.quarantined")


def said(row: dict[str, Any]) -> str:
    """A name that is in quarantine, as a problem."""
    what = "slug" if row["kind"] == "slug" else "host name"
    return f"the {what} {row['name']} was a deleted tenant's and is in quarantine" + (
        f" until {row['until']:%Y-%m-%d}" if row["until"] else ""
    )


def new_names(tenants: Iterable[TenantDeclaration], book: Ledger) -> tuple[list[str], list[str]]:
    """What declarations bring in: slugs and custom host names that the ledger does not know, or knows as another tenant's."""
    present = [tenant for tenant in tenants if not tenant.gone]
    return (
        [tenant.slug for tenant in present if tenant.slug not in book.tenants],
        [host for tenant in present for host in tenant.domains if book.holders.get(("hostname", host)) != tenant.slug],
    )


def refuse_declared(tenants: Iterable[TenantDeclaration], book: Ledger) -> None:
    """``refuse`` for the names that declarations bring in."""
    refuse(*new_names(tenants, book))
