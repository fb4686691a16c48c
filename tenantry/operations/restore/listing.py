"""The restores of a tenant, as people and programs see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry.control import restores
from tenantry.control.restores import Restore
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class RestoreEntry:
    """One restore that replaced, or is about to replace, a tenant's data."""

    id: UUID
    """Of its run."""
    backup: str
    state: str
    """``running``, ``kept``, ``confirmed`` or ``rolled-back``."""
    started_at: datetime
    swapped_at: datetime | None
    keep_until: datetime | None
    """When it is confirmed by itself."""
    finished_at: datetime | None

    @classmethod
    def of(cls, found: Restore) -> RestoreEntry:
        """Without what was there before."""
        return cls(
            UUID(found.id), found.backup_id, found.state, found.started_at, found.swapped_at, found.keep_until, found.finished_at
        )  # fmt: skip


def listed(slug: str) -> tuple[RestoreEntry, ...]:
    """The tenant's restores, the newest first. ``InputError`` for an unknown tenant."""
    return tuple(RestoreEntry.of(found) for found in restores.of(TenantStore.of(slug).id))


def one(slug: str, restore_id: str) -> RestoreEntry:
    """One of them, which there is."""
    return next(entry for entry in listed(slug) if str(entry.id) == restore_id)
