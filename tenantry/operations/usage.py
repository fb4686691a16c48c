"""Measures what a tenant uses, and compares it with what its declaration allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.stores import usage
from tenantry.stores.tenant_store import TenantStore
from tenantry.work.tasks.task import Context

NEAR: Final = 80  # per cent of a limit
GB: Final = 10**9


@dataclass(frozen=True)
class UsageEntry:
    """A tenant's newest measurement. ``connections`` None: its role is its cell's, so nobody can tell whose a session is."""

    slug: str
    tenant_id: UUID
    measured_at: datetime
    rows: int
    database_bytes: int
    objects: int
    object_bytes: int
    users: int
    connections: int | None
    limits: Mapping[str, int]
    findings: Sequence[Mapping[str, Any]]
    """As ``findings`` gives them."""


def newest(slug: str | None = None, *, sight: Sight = EVERYTHING) -> tuple[UsageEntry, ...]:
    """The newest measurement of one tenant, or of each in ``sight`` that is not deleted, by slug. ``InputError`` for an unknown tenant."""
    rows = usage.newest(TenantStore.of(slug).id if slug is not None else None, sight.labels)
    return tuple(UsageEntry(**row) for row in rows if sight.slug in (None, row["slug"]))


def measure(context: Context) -> str:
    """One measurement; the line says which limits are near or passed. A limit that is passed fails nothing: it is told, not enforced."""
    store = context.tenant
    rows, database_bytes = usage.of_store(store)
    objects, object_bytes = usage.objects(store)
    users, limits = usage.users_and_limits(store.id)
    figures = {
        "rows": rows, "database_bytes": database_bytes, "objects": objects, "object_bytes": object_bytes,
        "users": users, "connections": usage.sessions(store),
    }  # fmt: skip
    found = findings(figures, limits)
    usage.record(store.id, figures, limits, found)
    held = f"{rows} rows, {(database_bytes + object_bytes) / 10**6:.1f} MB, {objects} objects, {users} users"
    return held + "".join(f"; {finding['limit']} {finding['percent']} % of {finding['allowed']}" for finding in found)


def findings(figures: dict[str, int | None], limits: dict[str, int]) -> list[dict[str, Any]]:
    """The limits that are used to 80 % or more: ``{limit, used, allowed, percent, level}``, level ``near`` or ``over`` (above 100 %)."""
    used = {
        "storage_gb": ((figures["database_bytes"] or 0) + (figures["object_bytes"] or 0)) / GB,
        "users": figures["users"],
        "connections": figures["connections"],
    }
    found = []
    for limit, amount in used.items():
        allowed = limits.get(limit)
        if amount is None or not allowed or amount * 100 < allowed * NEAR:
            continue
        percent = int(amount * 100 / allowed)
        level = "over" if amount > allowed else "near"
        found.append({"limit": limit, "used": round(amount, 3), "allowed": allowed, "percent": percent, "level": level})
    return found
