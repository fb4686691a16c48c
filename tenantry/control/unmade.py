"""Tenants that the ledger has entered and no run has begun to make: by a run that was about others, or failed before the first resource."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import psycopg

from tenantry import naming
from tenantry.backend import stack_state
from tenantry.clients import cloudflare
from tenantry.control import ledger, registry
from tenantry.control.database import if_there
from tenantry.control.ledger import Claim, Kind, Ledger
from tenantry.errors import InputError
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings

_ON_THE_SERVER: Final[tuple[Kind, ...]] = ("role", "database")


def among(book: Ledger, slugs: Collection[str]) -> frozenset[str]:
    """Those of the tenants of which there is nothing: no tenant in the registry, role, database, host name, or resource in the state.

    What counts first is the registry: a tenant's row is made before all else of it, and removed last. One that a provisioning has only
    entered there, as ``provisioning``, is nothing yet.
    """
    asked = {slug for slug in slugs if slug not in book.moves}
    made = {slug for slug, state in _states(asked).items() if state != "provisioning"} if asked else set()
    return frozenset(slug for slug in sorted(asked - made) if not _claimed(slug, book) and not _remembered(slug, book))


def let_go(connection: psycopg.Connection, book: Ledger, slugs: Collection[str]) -> None:
    """Forgets them: their names are free, and no file has to declare them. The stack of a tenant of its own is no run to go on with."""
    entered = _states(slugs) if slugs else {}
    for slug in slugs:
        if slug in entered:
            registry.retire(str(naming.tenant_id(slug)), slug)
        ledger.release(connection, slug)
        if book.tenants[slug].stack == slug != book.stack:
            connection.execute("UPDATE tenantry_ledger.runs SET finished_at = now() WHERE stack = %s", [slug])


def refuse(slug: str) -> None:
    """``InputError`` for a tenant of which there is nothing to remove, with what ends it."""
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    if slug in book.tenants and slug in among(book, [slug]):
        raise InputError(
            f"tenant {slug} was entered and never made: there is nothing to remove",
            f"tenantry up --stack {book.tenants[slug].stack} makes it, or lets it go once tenants/{slug}.yaml is taken back",
            code="tenant.state",
        )


def said(slug: str) -> str:
    """What a run that has let the tenant go says of it."""
    return f"tenant {slug} was entered and never made: it is let go, and its names are free"


def _states(slugs: Collection[str]) -> dict[str, str]:
    """As the registry has them, by slug."""
    ids = [naming.tenant_id(slug) for slug in slugs]

    def work(there: psycopg.Connection[dict[str, Any]]) -> dict[str, str]:
        return {row["slug"]: row["state"] for row in there.execute("SELECT slug, state FROM tenants WHERE id = ANY(%s)", [ids])}

    return if_there(work, {})


def _claimed(slug: str, book: Ledger) -> bool:
    """Whether something that was claimed for the tenant is there."""
    mine = [(kind, name) for (kind, name), tenant in book.holders.items() if tenant == slug]
    claims = [claim for kind in _ON_THE_SERVER for claim in (Claim(kind, name, slug) for each, name in mine if each == kind)]
    with Server.from_environment().kept() as connection:
        if claims and ledger.taken(connection, claims):
            return True
    hosts = [name for kind, name in mine if kind == "hostname"]
    zone = platform_settings().zone_id if hosts else ""
    return any(cloudflare.find_hostname(zone, host) for host in hosts)


def _remembered(slug: str, book: Ledger) -> bool:
    """Whether the state has what every tenant has; all else of it comes after that, and goes before it."""
    return not stack_state.read(book.tenants[slug].stack).names().isdisjoint({f"{slug}-record", f"{slug}-context"})
