"""Legal holds: nothing of a tenant is deleted while one stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import lifecycle
from tenantry.errors import InputError
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class LegalHold:
    """One legal hold, with its tenant's ``slug``; it stands until it is ``cleared``."""

    slug: str
    id: UUID
    reason: str
    set_by: str
    set_at: datetime
    cleared_by: str | None
    cleared_at: datetime | None


def place(slug: str, reason: str, *, actor: Actor) -> str:
    """Sets a legal hold, or gives the one that stands another reason; the reason as it is kept.

    ``InputError`` without a reason, for an unknown tenant, and once its deletion has begun.
    """
    kept = reason.strip()
    if not kept:
        raise InputError("a legal hold needs a reason", "--reason TEXT")
    lifecycle.set_legal_hold(TenantStore.of(slug).id, kept, actor)
    return kept


def lift(slug: str, *, actor: Actor) -> None:
    """Lifts the legal hold. ``InputError`` for an unknown tenant, and where none stands."""
    if not lifecycle.clear_legal_hold(TenantStore.of(slug).id, actor):
        raise InputError(f"tenant {slug} is under no legal hold", "tenantry legal-hold list")


def listed(slug: str | None = None) -> tuple[LegalHold, ...]:
    """Those of all tenants or of one: the ones that stand first, then the newest first. ``InputError`` for an unknown tenant."""
    rows = lifecycle.legal_holds(TenantStore.of(slug).id if slug is not None else None)
    return tuple(LegalHold(**row) for row in rows)
