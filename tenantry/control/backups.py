"""The list of backups, in the control database."""

from __future__ import annotations

import builtins
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from tenantry import naming
from tenantry.control.backup_manifest import Manifest
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.problems import did_you_mean
from tenantry.settings import platform_settings


@dataclass(frozen=True)
class Entry:
    """One backup as the list has it; sizes in bytes as stored."""

    id: str
    tenant_id: UUID
    slug: str | None
    """As the registry has it now; None when the tenant is gone from it."""
    reason: str
    model: str
    revision: str | None
    bucket: str
    prefix: str
    state: str
    started_at: datetime
    taken_at: datetime | None
    seconds: float | None
    bytes: int | None
    rows: int | None
    objects: int | None
    manifest_sha256: builtins.bytes | None
    verified_at: datetime | None
    proved_at: datetime | None

    def key(self, name: str) -> str:
        """The S3 key of one of its objects."""
        return self.prefix + name


_COLUMNS = ", ".join(f"b.{name}" for name in Entry.__annotations__ if name != "slug")
_SELECT = f"SELECT {_COLUMNS}, t.slug FROM backups b LEFT JOIN tenants t ON t.id = b.tenant_id"  # noqa: S608  # our own column names


def bucket() -> str:
    """The bucket of all backups of this platform."""
    return naming.backup_bucket(platform_settings().bucket_prefix)


def new_id() -> str:
    """An id for a backup; it begins with the time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def begin(tenant_id: UUID, isolation: str, reason: str, backup_id: str) -> Entry:
    """Notes that a backup of a tenant is being taken."""
    with transaction() as connection:
        connection.execute(
            "INSERT INTO backups (tenant_id, id, reason, model, bucket, prefix) VALUES (%s, %s, %s, %s, %s, %s)",
            [tenant_id, backup_id, reason, isolation, bucket(), f"{tenant_id}/{backup_id}/"],
        )
    return find(backup_id)


def finish(entry: Entry, manifest: Manifest, stored: bytes, total: int, seconds: float) -> bool:
    """Notes that the backup is whole; False when it was given up meanwhile, and parts of it erased."""
    with transaction() as connection:
        done = connection.execute(
            "UPDATE backups SET state = 'done', revision = %s, taken_at = %s, seconds = %s, bytes = %s, rows = %s, objects = %s,"
            " manifest_sha256 = %s WHERE id = %s AND state = 'running'",
            [
                manifest.revision, manifest.taken_at, seconds, total, manifest.rows, len(manifest.objects),
                hashlib.sha256(stored).digest(), entry.id,
            ],
        )  # fmt: skip
        return done.rowcount > 0


def give_up(backup_id: str) -> bool:
    """Notes that the backup failed; False for one that is whole."""
    with transaction() as connection:
        connection.execute("UPDATE backups SET state = 'failed' WHERE id = %s AND state = 'running'", [backup_id])
        return connection.execute("SELECT FROM backups WHERE id = %s AND state = 'failed'", [backup_id]).fetchone() is not None


def mark(backup_id: str, **columns: Any) -> None:
    """Sets columns of a backup."""
    values = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in columns.items())
    with transaction() as connection:
        connection.execute(sql.SQL("UPDATE backups SET {} WHERE id = {}").format(values, sql.Literal(backup_id)))


def known(backup_id: str) -> Entry | None:
    """The backup of that id, or None."""
    with transaction() as connection:
        row = connection.execute(f"{_SELECT} WHERE b.id = %s", [backup_id]).fetchone()
    return Entry(**row) if row is not None else None


def find(backup_id: str) -> Entry:
    """As ``known``; ``InputError`` with the nearest id when there is none."""
    found = known(backup_id)
    if found is not None:
        return found
    with transaction() as connection:
        ids = [entry["id"] for entry in connection.execute("SELECT id FROM backups WHERE state = 'done'")]
    raise InputError(
        f"no backup {backup_id}", did_you_mean(backup_id, ids, "tenantry backup list shows the backups"), code="backup.unknown"
    )


def complete(backup_id: str) -> Entry:
    """As ``find``, and ``InputError`` when the backup is not whole or was pruned."""
    entry = find(backup_id)
    if entry.state != "done":
        what = {"running": "is not finished", "failed": "failed", "pruned": "was pruned"}[entry.state]
        raise InputError(f"backup {backup_id} {what}", "tenantry backup list shows the backups", code="backup.incomplete")
    return entry


def listed(tenant_id: UUID | None = None, *, state: str | None = "done") -> list[Entry]:
    """Backups, newest first."""
    with transaction() as connection:
        rows = connection.execute(
            f"{_SELECT} WHERE (%(tenant)s::uuid IS NULL OR b.tenant_id = %(tenant)s)"
            " AND (%(state)s::text IS NULL OR b.state = %(state)s) ORDER BY b.started_at DESC",
            {"tenant": tenant_id, "state": state},
        ).fetchall()
    return [Entry(**row) for row in rows]


def newest(slug: str) -> Entry:
    """The tenant's newest whole backup, also of one that is deleted. ``InputError`` when there is none."""
    found = next(iter(listed(naming.tenant_id(slug))), None)
    if found is None:
        others = {entry.slug for entry in listed() if entry.slug is not None}
        raise InputError(
            f"there is no backup of {slug}",
            did_you_mean(slug, others - {slug}, f"tenantry backup {slug} takes one; tenantry backup list shows all"),
            code="backup.unknown",
        )
    return found
