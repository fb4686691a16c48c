"""Every kind of durable work. The workers look a run's up here, by name."""

from __future__ import annotations

from typing import Final

from tenantry.operations import apply_run, configure_bulk, migrate, preview_run, provision, rotation
from tenantry.operations.backup.run import BACKUP
from tenantry.operations.clone.work import CLONE
from tenantry.operations.lifecycle import change, deletion
from tenantry.operations.move import kinds as move
from tenantry.operations.restore.run import RESTORE, ROLLBACK
from tenantry.work.step import Kind

KINDS: Final[tuple[Kind, ...]] = (
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
    preview_run.PREVIEW,
    provision.PROVISION,
    RESTORE,
    ROLLBACK,
    rotation.ROTATE,
)
