"""Backups as durable work: a run per tenant, so that workers share a fleet's night among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import backups, runs
from tenantry.escape import require_line
from tenantry.operations.backup import taking
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import Swept, over
from tenantry.work import queue
from tenantry.work.step import Kind, Patience, Run, Step


def request(slug: str, reason: str, *, actor: Actor) -> UUID:
    """Asks for a backup; the run's id. ``InputError`` for an unknown tenant. It waits for no run of the tenant's stack."""
    require_line("the reason", reason, 60)
    store = TenantStore.of(slug)
    return queue.request(runs.Request(BACKUP.name, slug, tenant_id=store.id, arguments={"reason": reason}, actor=actor))


def request_all(reason: str, *, actor: Actor) -> Swept[str, UUID]:
    """Asks for a backup of every tenant that is made and not deleted, whatever becomes of one; slugs with their runs' ids."""
    slugs = [store.slug for store in TenantStore.every() if store.state != "provisioning"]
    return over(slugs, lambda slug: request(slug, reason, actor=actor))


def _take(run: Run) -> str:
    """Takes the backup, unless an attempt that was killed at the very end has taken it."""
    former = backups.known(run.notes.get("backup", ""))
    if former and former.state == "done":
        return _said(former)
    taken = taking.create(run.subject, str(run.arguments["reason"]), run=run)
    return _said(backups.find(taken.id))


def _said(entry: backups.Entry) -> str:
    return f"backup {entry.id}: {entry.rows} rows, {entry.objects} objects, {(entry.bytes or 0) / 1e6:.1f} MB in {entry.seconds or 0:.1f} s"


def _steps(_: Run) -> Sequence[Step]:
    return (Step("back up", _take, Patience(7, 2.0)),)  # two minutes: a migration that rewrites a table


BACKUP: Final = Kind("backup", _steps)
