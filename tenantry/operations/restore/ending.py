"""The end of a restore: confirmed, by a command or by time, so that what it replaced is dropped."""

from __future__ import annotations

from tenantry.control import restores, runs
from tenantry.errors import InputError, WorkError
from tenantry.operations.restore import swap
from tenantry.operations.restore.run import RESTORE
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over


def confirm(slug: str) -> restores.Restore:
    """Drops what the tenant's restore replaced: from now on there is no way back but a backup.

    ``InputError`` when it is not finished, or once a rollback was asked for.
    """
    store = TenantStore.of(slug)
    with restores.confirming(slug, store.id) as found:
        if found.going_back:
            raise InputError(
                f"the restore of {slug} is being taken back", f"tenantry restore rollback {slug} resumes that", code="restore.underway"
            )
        last = runs.last(store.id, RESTORE.name)
        at_work = last is not None and last["state"] in runs.OPEN  # killed after its last change, it says `kept` and has not ended
        if found.state != "kept" or at_work:
            raise InputError(
                f"the restore of {slug} is not finished",
                f"tenantry resume {found.id}, or tenantry restore rollback {slug}",
                code="restore.underway",
            )
        swap.drop_kept(store)
    return found


def sweep() -> list[str]:
    """Confirms the restores that nobody decided about in time; their ids. For the scheduler.

    One that cannot be confirmed keeps no other waiting: ``WorkError`` at the end, by ids, because a task's record outlives tenants.
    """
    by_id = {store.id: store.slug for store in TenantStore.every()}

    def end(found: restores.Restore) -> None:
        if found.tenant_id in by_id:
            confirm(by_id[found.tenant_id])
        else:  # the tenant is gone, and what was kept of it with it
            restores.end(found.id, "confirmed")

    swept = over(restores.overdue(), end)
    done, failed = [found.id for found, _ in swept.done], [found.id for found, _ in swept.failed]
    if failed:
        raise WorkError(
            f"{len(failed)} of {len(done) + len(failed)} restores were not confirmed: {', '.join(failed)}",
            f"tenantry log {failed[0]} says whose it is, and tenantry restore confirm SLUG what is in the way",
        )
    return done
