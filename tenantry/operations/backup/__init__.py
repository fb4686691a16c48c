"""Backups of one tenant's data: taken, listed, checked, proved.

For other operations: ``create(slug, reason) -> Backup`` takes one, ``prove(backup_id) -> Proof`` restores it into scratch and compares,
``require(proof)`` raises when that found a difference, ``erase_key(tenant_id)`` makes all of a tenant's backups unreadable for good.
"""

from tenantry.control.backup_keys import erase as erase_key
from tenantry.operations.backup.proof import Proof, prove, require
from tenantry.operations.backup.taking import Backup, create

__all__ = ["Backup", "Proof", "create", "erase_key", "prove", "require"]
