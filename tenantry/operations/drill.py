"""Rehearses restores: each tenant's newest backup into scratch, compared, timed, written down, and removed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tenantry.control import backups
from tenantry.control.database import transaction
from tenantry.operations.backup import proof
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import explained, over


@dataclass(frozen=True)
class Drill:
    """What a drill found. ``rpo`` is how old the newest backup was, ``rto`` how long its restore took, in seconds."""

    slug: str
    backup_id: str | None
    ok: bool
    rpo: float | None
    rto: float | None
    rows: int
    bytes: int
    problem: str


def run(slug: str, tell: Callable[[str], None] = lambda line: None) -> Drill:
    """Rehearses one tenant's restore and writes the result into ``restore_drills``. A failure is a result, not an exception.

    ``InputError`` for an unknown tenant.
    """
    store = TenantStore.of(slug)
    newest = next(iter(backups.listed(store.id)), None)
    now = datetime.now(UTC)
    if newest is None or newest.taken_at is None:
        found = Drill(slug, None, False, None, None, 0, 0, "there is no backup of this tenant")
    else:
        rpo = (now - newest.taken_at).total_seconds()
        try:
            proof.sweep(store.administrator())
            proved = proof.prove(newest.id, tell)
        except Exception as error:
            found = Drill(slug, newest.id, False, rpo, None, 0, newest.bytes or 0, explained(error)[0])
        else:
            problem = "; ".join(proved.problems)
            found = Drill(slug, newest.id, proved.ok, rpo, proved.seconds, proved.rows, newest.bytes or 0, problem)
    with transaction() as connection:
        connection.execute(
            "INSERT INTO restore_drills (tenant_id, backup_id, at, outcome, rpo_seconds, rto_seconds, rows, bytes, problem)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                store.id, found.backup_id, now, "passed" if found.ok else "failed", found.rpo, found.rto, found.rows, found.bytes,
                found.problem or None,
            ],
        )  # fmt: skip
    return found


def run_all(tell: Callable[[str], None] = lambda line: None) -> list[Drill]:
    """Rehearses every tenant that is not deleted, one after the other; one that cannot be rehearsed is a drill that failed."""
    swept = over([store.slug for store in TenantStore.every() if store.state != "provisioning"], lambda slug: run(slug, tell))
    return [*swept.results, *(Drill(slug, None, False, None, None, 0, 0, error.message) for slug, error in swept.failed)]
