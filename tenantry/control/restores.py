"""The open restore of a tenant: what it replaced, and until when that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry.control import occupancy
from tenantry.control.database import transaction
from tenantry.control.works import Kind
from tenantry.errors import InputError, WorkError

KEEP: Final = "7 days"
"""How long replaced data waits for a `confirm` or a `rollback`."""
ROLLBACK: Final = "restore rollback"
"""Kind of the runs that put back what a restore replaced. Once one was asked for there is no other way: it may have begun."""

_ALL: Final = sql.SQL(
    "SELECT r.*, EXISTS (SELECT 1 FROM runs b WHERE b.tenant_id = r.tenant_id AND b.kind = {} AND b.arguments ->> 'restore' = r.id)"
    " AS going_back FROM restores r WHERE "
).format(sql.Literal(ROLLBACK))


@dataclass(frozen=True)
class Restore:
    """A restore that replaced, or is about to replace, a tenant's data. ``details``: its registry rows and objects before."""

    tenant_id: UUID
    id: str
    backup_id: str
    state: str
    started_at: datetime
    swapped_at: datetime | None
    keep_until: datetime | None
    finished_at: datetime | None
    details: dict[str, Any]
    going_back: bool
    """Its rollback was asked for, whatever became of that since."""


def begin(tenant_id: UUID, restore_id: str, backup_id: str) -> None:
    """Notes that the restore is about to change the tenant; repeated, it is a no-op. ``InputError``: see ``occupancy.admit``."""
    with occupancy.admitted(tenant_id, Kind.RESTORE_BEGINS, but=restore_id) as connection:
        connection.execute(
            "INSERT INTO restores (tenant_id, id, backup_id, state) VALUES (%s, %s, %s, 'running') ON CONFLICT (tenant_id, id) DO NOTHING",
            [tenant_id, restore_id, backup_id],
        )


def require_open(restore_id: str, *, going_back: bool = False) -> Restore:
    """The restore, for a step of its own or (``going_back``) of its rollback. Waits while it is being confirmed.

    ``WorkError`` when it was decided about: a run that a killed worker left must not go on beside its rollback, or after it.
    """
    with transaction() as connection:
        connection.execute("SELECT FROM restores WHERE id = %s FOR SHARE", [restore_id])
        row = connection.execute(_ALL + sql.SQL("r.id = %s"), [restore_id]).fetchone()
    if row is None or row["state"] not in ("running", "kept"):
        raise WorkError(f"this restore was {row['state'] if row else 'forgotten'} meanwhile", "restore again, if it is still wanted")
    found = Restore(**row)
    if found.going_back and not going_back:
        raise WorkError("this restore is being taken back", "tenantry restore rollback SLUG resumes that", code="restore.underway")
    return found


def remember(restore_id: str, details: dict[str, Any]) -> None:
    """Keeps what was there before; only the first time, for a second attempt would see what the first one changed."""
    with transaction() as connection:
        connection.execute("UPDATE restores SET details = %s WHERE id = %s AND details = '{}'", [Jsonb(details), restore_id])


def swapped(restore_id: str) -> None:
    """Notes since when the restored data is the tenant's."""
    with transaction() as connection:
        connection.execute("UPDATE restores SET swapped_at = coalesce(swapped_at, now()) WHERE id = %s", [restore_id])


def keep(restore_id: str) -> None:
    """What was replaced waits for a decision."""
    with transaction() as connection:
        connection.execute(
            "UPDATE restores SET state = 'kept', keep_until = now() + %s::interval WHERE id = %s AND state = 'running'", [KEEP, restore_id]
        )


def end(restore_id: str, state: str) -> None:
    """``confirmed``, ``rolled-back`` or ``failed``: nothing is kept any more, the details (people's names among them) least of all."""
    with transaction() as connection:
        _end(connection, restore_id, state)


def _end(connection: Any, restore_id: str, state: str) -> None:
    connection.execute(
        "UPDATE restores SET state = %s, finished_at = now(), details = '{}', keep_until = NULL WHERE id = %s", [state, restore_id]
    )


@contextmanager
def confirming(slug: str, tenant_id: UUID) -> Iterator[Restore]:
    """The tenant's open restore, confirmed when the block ends; no rollback begins meanwhile. ``InputError`` when there is none."""
    with transaction() as connection:
        connection.execute("SELECT FROM restores WHERE tenant_id = %s FOR UPDATE", [tenant_id])
        found = _must(slug, _open_of(connection, tenant_id))
        yield found
        _end(connection, found.id, "confirmed")


def open_of(tenant_id: UUID) -> Restore | None:
    """The tenant's restore that is under way or waits for a decision."""
    with transaction() as connection:
        return _open_of(connection, tenant_id)


def require(slug: str, tenant_id: UUID) -> Restore:
    """As ``open_of``; ``InputError`` when there is none."""
    return _must(slug, open_of(tenant_id))


def of(tenant_id: UUID) -> list[Restore]:
    """The tenant's restores, the newest first."""
    with transaction() as connection:
        rows = connection.execute(_ALL + sql.SQL("r.tenant_id = %s ORDER BY r.started_at DESC"), [tenant_id])
        return [Restore(**row) for row in rows]


def overdue() -> list[Restore]:
    """Restores whose replaced data has been kept long enough, but for those that are being taken back."""
    with transaction() as connection:
        rows = connection.execute(_ALL + sql.SQL("r.state = 'kept' AND r.keep_until < now()"))
        return [found for found in (Restore(**row) for row in rows) if not found.going_back]


def _open_of(connection: Any, tenant_id: UUID) -> Restore | None:
    row = connection.execute(_ALL + sql.SQL("r.tenant_id = %s AND r.state IN ('running', 'kept')"), [tenant_id]).fetchone()
    return Restore(**row) if row else None


def _must(slug: str, found: Restore | None) -> Restore:
    if found is None:
        raise InputError(
            f"tenant {slug} has no restore that waits for a decision", f"tenantry log {slug} shows its runs", code="restore.none"
        )
    return found
