"""Every kind of durable work, by name. A module of operations says what its steps are; here it becomes known to the workers."""

from __future__ import annotations

from functools import cache

from tenantry.operations import apply_run, configure_bulk, migrate, provision
from tenantry.operations.backup.run import BACKUP
from tenantry.operations.clone.work import CLONE
from tenantry.operations.lifecycle import change, deletion
from tenantry.operations.move import kinds as move
from tenantry.operations.restore.run import RESTORE, ROLLBACK
from tenantry.operations.steps import Kind


@cache
def kinds() -> dict[str, Kind]:
    """All kinds, by name."""
    found = (
        apply_run.APPLY,
        BACKUP,
        CLONE,
        configure_bulk.BULK,
        configure_bulk.UNDO,
        migrate.MIGRATE,
        change.SUSPEND,
        change.REACTIVATE,
        change.OFFBOARD,
        change.UNDELETE,
        deletion.DELETE,
        move.MOVE,
        move.FINISH,
        move.ROLLBACK,
        provision.PROVISION,
        RESTORE,
        ROLLBACK,
    )
    return {kind.name: kind for kind in found}
