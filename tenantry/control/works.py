"""What is under way on a tenant: runs and tasks, and what a move, a restore or a deletion leaves in force between its runs.

Which of them may meet says control/occupancy.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.control import open_moves
from tenantry.control.open_moves import Move

if TYPE_CHECKING:
    import psycopg


class Kind(StrEnum):
    """A kind of work, in the words that people are told."""

    # Durable work, by the names of its kinds in the journal.
    APPLY = "apply"
    BACKUP = "backup"
    CLONE = "clone"
    CONFIG_BULK = "config-bulk"
    CONFIG_UNDO = "config-undo"
    DELETE = "delete"
    MIGRATE = "migrate"
    MOVE = "move"
    MOVE_FINISH = "move-finish"
    MOVE_ROLLBACK = "move-rollback"
    OFFBOARD = "offboard"
    PREVIEW = "preview"
    PROVISION = "provision"
    REACTIVATE = "reactivate"
    RESTORE = "restore"
    RESTORE_ROLLBACK = "restore rollback"
    ROTATE = "rotate"
    SUSPEND = "suspend"
    UNDELETE = "undelete"
    OTHER = "work of a newer Tenantry"
    """A kind of run that this program does not know."""

    TASK = "task"

    # In force from the first change to the last, whether or not a run is at work.
    COPYING = "move whose rows are on their way"
    """They are copied and compared, there or back: both ends must have the same tables."""
    MOVED = "move that keeps another place"
    MOVING_OBJECTS = "move of objects alone"
    """The tables stay where they are: a tenant of its own changes its cell."""
    REPLACING = "restore that replaces data"
    """At work, or failed after the swap, or being taken back: what is staged has the columns that the tables have now."""
    HALTED = "restore that failed before its swap"
    """Nothing is replaced yet, and the doors may be shut: it can be resumed."""
    KEPT = "restore that waits for a decision"
    SHUT = "maintenance"
    """The doors are shut, and no restore says why."""
    RELEASED = "deletion from which there is no way back"

    # Never found under way: what is asked for.
    MOVE_BEGINS = "beginning of a move"
    RESTORE_BEGINS = "beginning of a restore"
    MIGRATE_SHARED = "migration of shared tables"
    """``MIGRATE`` stands for that of a tenant's own."""
    CLONE_SOURCE = "reading for a clone"
    LEGAL_HOLD = "legal hold"


RUNS: Final = (
    Kind.APPLY, Kind.BACKUP, Kind.CLONE, Kind.CONFIG_BULK, Kind.CONFIG_UNDO, Kind.DELETE, Kind.MIGRATE, Kind.MOVE, Kind.MOVE_FINISH,
    Kind.MOVE_ROLLBACK, Kind.OFFBOARD, Kind.PREVIEW, Kind.PROVISION, Kind.REACTIVATE, Kind.RESTORE, Kind.RESTORE_ROLLBACK, Kind.ROTATE,
    Kind.SUSPEND, Kind.UNDELETE,
)  # fmt: skip
MOVES: Final = (Kind.COPYING, Kind.MOVED, Kind.MOVING_OBJECTS)
RESTORES: Final = (Kind.REPLACING, Kind.HALTED, Kind.KEPT)
FOUND: Final = (*RUNS, Kind.OTHER, Kind.TASK, *MOVES, *RESTORES, Kind.SHUT, Kind.RELEASED)
"""What can be under way."""
ASKED: Final = (*RUNS, Kind.TASK, Kind.MOVE_BEGINS, Kind.RESTORE_BEGINS, Kind.MIGRATE_SHARED, Kind.CLONE_SOURCE, Kind.LEGAL_HOLD)
"""What can be asked for."""


@dataclass(frozen=True)
class Work:
    """One work that is under way."""

    kind: Kind
    slug: str
    since: datetime
    run: str | None = None
    """The run that it is, or that began it."""
    name: str = ""
    """The kind as the journal has it, also of an unknown one."""
    move: Move | None = None
    going_back: bool = False
    """Of a restore: its rollback was asked for, whatever became of that since."""


def at_work(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> list[Work]:
    """What is under way on the tenant, in the caller's transaction: first what is in force, then runs, then tasks, the oldest first.

    Roll-outs of migrations are not listed: who begins something beside one is kept waiting by a lock (``occupancy.between_roll_outs``).
    """
    return [*_moves(connection, tenant_id), *_restores(connection, tenant_id), *_others(connection, tenant_id)]


def moves_and_restores(connection: psycopg.Connection[dict[str, Any]]) -> dict[str, list[Work]]:
    """Slug → what is in force of the moves and restores of every tenant, in the caller's transaction."""
    found: dict[str, list[Work]] = {}
    for work in (*_moves(connection), *_restores(connection)):
        found.setdefault(work.slug, []).append(work)
    return found


def _moves(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | None = None) -> Iterator[Work]:
    for move in open_moves.read(connection, tenant_id):
        kind = Kind.MOVING_OBJECTS if not move.crosses_tables else Kind.COPYING if move.copies_rows else Kind.MOVED
        yield Work(kind, move.slug, move.started_at, str(move.id), "move", move)


def _restores(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | None = None) -> Iterator[Work]:
    for row in connection.execute(_RESTORES, {"tenant": tenant_id}).fetchall():
        kind = Kind.REPLACING if row["replaces"] else Kind.KEPT if row["state"] == "kept" else Kind.HALTED
        yield Work(kind if row["id"] else Kind.SHUT, row["slug"], row["since"], row["id"], "restore", going_back=row["going_back"])


def _others(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> Iterator[Work]:
    for row in connection.execute(_OTHERS, {"tenant": tenant_id}).fetchall():
        kind = _PLACES.get(row["place"]) or Kind(row["kind"] if row["kind"] in RUNS else Kind.OTHER)
        yield Work(kind, row["slug"], row["since"], row["id"], row["kind"])


# A restore is in force from its beginning, though its doors are shut only later. One that has failed replaces nothing, unless it has
# replaced data that its rollback will put back: what is staged is compared with the tables before it goes in.
_RESTORES: Final = """
    SELECT t.slug, r.id, r.state, coalesce(r.started_at, t.updated_at) AS since,
        EXISTS (SELECT FROM runs b WHERE b.tenant_id = t.id AND b.kind = 'restore rollback' AND b.arguments ->> 'restore' = r.id)
            AS going_back,
        CASE WHEN r.state = 'running' THEN
            coalesce(runs.state, 'running') IN ('queued', 'running')
            OR r.swapped_at IS NOT NULL AND runs.arguments ->> 'source' = runs.subject
            OR EXISTS (SELECT FROM runs b WHERE b.tenant_id = t.id AND b.kind = 'restore rollback' AND b.state IN ('queued', 'running'))
        ELSE t.maintenance IS NOT NULL END AS replaces
    FROM tenants t
    LEFT JOIN restores r ON r.tenant_id = t.id AND r.state IN ('running', 'kept')
    LEFT JOIN runs ON runs.id::text = r.id
    WHERE t.deleted_at IS NULL AND (r.id IS NOT NULL OR t.maintenance IS NOT NULL)
        AND (%(tenant)s::uuid IS NULL OR t.id = %(tenant)s)
"""

_PLACES: Final = {1: Kind.RELEASED, 3: Kind.TASK}
_OTHERS: Final = """
    SELECT 1 AS place, t.slug, h.deleting_since AS since, NULL AS id, 'delete' AS kind
    FROM holds h JOIN tenants t ON t.id = h.tenant WHERE h.tenant = %(tenant)s AND h.deleting_since IS NOT NULL
    UNION ALL
    SELECT 2, subject, requested_at, id::text, kind FROM runs WHERE tenant_id = %(tenant)s AND state IN ('queued', 'running')
    UNION ALL
    SELECT 3, t.slug, r.queued_at, r.id::text, r.task
    FROM task_runs r JOIN tenants t ON t.id = r.tenant_id WHERE r.tenant_id = %(tenant)s AND r.state IN ('queued', 'running')
    ORDER BY place, since
"""
