"""The backups that there are, as people and programs see them, and what one of them holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry import naming
from tenantry.control import backups
from tenantry.control.backup_manifest import Manifest
from tenantry.control.backups import Entry
from tenantry.operations.backup.reading import Stored
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class BackupEntry:
    """One backup of the list; ``bytes`` as stored."""

    id: str
    slug: str | None
    """As the registry has it now; None when the tenant is gone from it."""
    tenant_id: UUID
    reason: str
    model: str
    revision: str | None
    state: str
    taken_at: datetime | None
    seconds: float | None
    bytes: int | None
    rows: int | None
    objects: int | None
    verified_at: datetime | None
    """When every part was last read and compared with the manifest."""
    proved_at: datetime | None
    """When it was last restored into scratch and compared."""
    where: str
    """Its address in S3."""

    @classmethod
    def of(cls, entry: Entry) -> BackupEntry:
        """An entry of the control database without what only the platform needs."""
        values = {name: getattr(entry, name) for name in cls.__annotations__ if name != "where"}
        return cls(**values, where=f"s3://{entry.bucket}/{entry.prefix}")


@dataclass(frozen=True)
class BackupContents:
    """What a backup holds: its entry, and its manifest, whose signature was checked."""

    entry: BackupEntry
    manifest: Manifest


def listed(slug: str | None = None) -> tuple[BackupEntry, ...]:
    """The whole backups, newest first: of all tenants or of one, also of one that is deleted. ``InputError`` when there never was such."""
    entries = backups.listed(naming.tenant_id(slug) if slug is not None else None)
    if slug is not None and not entries:
        TenantStore.of(slug)  # an error when there is no such tenant
    return tuple(BackupEntry.of(entry) for entry in entries)


def chosen(slug: str, backup: str) -> str:
    """The id of the backup that is meant, which may be named ``newest``. ``InputError`` when the tenant has none."""
    return backups.newest(slug).id if backup == "newest" else backup


def contents(backup_id: str, tell: Callable[[str], None] = lambda line: None) -> BackupContents:
    """What the backup holds. Errors and ``tell`` as of ``Stored.open``."""
    stored = Stored.open(backup_id, tell)
    return BackupContents(BackupEntry.of(stored.entry), stored.manifest)
