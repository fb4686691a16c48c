"""The tasks that Tenantry brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tenantry.errors import WorkError
from tenantry.operations import (
    backup,
    domains,
    drill,
    email_domains,
    lifecycle,
    mailing,
    proposals,
    read_log,
    rotation,
    tidy,
    usage,
    webhook_notices,
)
from tenantry.operations.backup import retention
from tenantry.operations.backup.retention import SCHEDULED
from tenantry.operations.move import kinds
from tenantry.operations.restore import ending
from tenantry.work.tasks.task import Context, Task


def _backup(context: Context) -> str:
    taken = backup.create(context.tenant.slug, SCHEDULED)
    return f"backup {taken.id}: {taken.manifest.rows} rows, {taken.bytes / 10**6:.1f} MB"


def _prune(_: Context) -> str:
    gone, held = retention.prune()
    return _counted({"backups pruned": len(gone), "not deleted": len(held)})


def _drill(context: Context) -> str:
    found = drill.run(context.tenant.slug)
    if not found.ok:
        raise WorkError(f"its newest backup does not restore: {found.problem}", f"tenantry backup {context.tenant.slug}")
    return f"backup {found.backup_id} restores in {found.rto or 0:.1f} s; it is {(found.rpo or 0) / 3600:.1f} h old"


SWEEP: Final = 200.0
"""Seconds after which a sweep of the outbox begins no other mail: one that its task's timeout ended in the middle would go out twice."""


def _mail(_: Context) -> str:
    delivery = mailing.sweep(seconds=SWEEP)
    told = {"contacts of disabled webhooks told": webhook_notices.sweep()}
    return _counted({what: getattr(delivery, what) for what in ("sent", "deferred", "failed", "cancelled")} | told)


def _proposals(_: Context) -> str:
    return _counted(proposals.advance())


def _usage(context: Context) -> str:
    return usage.measure(context)


def _domains(context: Context) -> str:
    return ", ".join(filter(None, (email_domains.recheck(context), domains.recheck(context))))


def _tidy(context: Context) -> str:
    return tidy.forget(context)


def _moves(_: Context) -> str:
    return _counted({"old places of moved tenants go": len(kinds.finish_due())})


def _restores(_: Context) -> str:
    return _counted({"restores confirmed by time, what they replaced is dropped": len(ending.sweep())})


def _credentials(_: Context) -> str:
    return _counted(rotation.scheduled())


def _reads(_: Context) -> str:
    return _counted({"lines of what was read forgotten": read_log.purge()})


def _holds(_: Context) -> str:
    done = lifecycle.hold_expiry()
    return _counted(
        {
            "deletions asked for": len(done.requested),
            "expired holds that wait for a decision": len(done.waiting),
            "backups of deleted tenants erased": done.backups_erased,
            "names out of quarantine": done.names_freed,
        }
    )


def _counted(numbers: Mapping[str, int]) -> str:
    """What an aggregate task says: counts only, because it outlives the tenants."""
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


TASKS: Final = (
    Task(
        "backup", "back up each tenant", "30 1 * * *", _backup,
        catch_up=True, timeout=6 * 3600, memory_mb=1024, spread=2 * 3600, gives_way=True,
        attempts=7,  # two minutes: a migration that has a table to itself
    ),
    Task("backup-prune", "delete backups that the retention does not keep", "30 5 * * *", _prune, "aggregate", catch_up=True, timeout=3600),
    Task(
        "drill", "restore each tenant's newest backup into scratch, and compare", "10 4 * * 0", _drill,
        timeout=6 * 3600, memory_mb=1024, parallel=1, spread=3600, gives_way=True,
    ),
    Task("mail", "send what is due in the outbox, the welcome sequence too", "* * * * *", _mail, "aggregate"),
    Task("proposals", "go on with what is proposed on a forge, and with what was merged there", "* * * * *", _proposals, "aggregate"),
    Task("usage", "measure rows, bytes, objects, users and connections against the limits", "17 * * * *", _usage, spread=1200),
    Task("domains", "ask how the custom host names and e-mail domains are doing", "*/10 * * * *", _domains, "aggregate"),
    Task("moves", "remove the old place of moved tenants once the time for a way back is over", "27 * * * *", _moves, "aggregate"),
    Task("restores", "drop what a restore replaced once the time for a rollback is over", "37 * * * *", _restores, "aggregate"),
    Task("holds", "delete or archive where that was wished for and the hold is over", "7 * * * *", _holds, "aggregate", catch_up=True),
    Task("credentials", "renew old passwords of logins, and end former ones", "53 * * * *", _credentials, "aggregate"),
    Task("reads", "forget who read what once its time is over", "47 * * * *", _reads, "aggregate"),
    Task("tidy", "forget old runs of tasks and old measurements", "41 3 * * *", _tidy, "aggregate", catch_up=True),
)  # fmt: skip
