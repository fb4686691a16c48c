"""The moves under way and those that were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tenantry.control import moves
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class MoveEntry:
    """One move, with the tenant's ``slug``."""

    slug: str
    id: UUID
    """Of the run that began it."""
    tenant_id: UUID
    source: Mapping[str, Any]
    """The fields of a ``Place``, as ``target``'s."""
    target: Mapping[str, Any]
    phase: str
    keep: float
    """Seconds for which the old place is kept for a rollback."""
    started_at: datetime
    switched_at: datetime | None
    freeze_ms: int | None
    """How long writes waited."""
    rows: int | None
    checksums: Mapping[str, Any] | None
    """Table → rows and sum, as compared while writes waited."""
    ended_at: datetime | None
    outcome: str | None
    kept_until: datetime | None


def moves_of(slug: str | None = None) -> tuple[MoveEntry, ...]:
    """All moves, or one tenant's, the newest first. ``InputError`` for an unknown tenant."""
    rows = moves.history(TenantStore.of(slug).id if slug is not None else None)
    return tuple(MoveEntry(**{**row, "keep": row["keep"].total_seconds()}) for row in rows)
