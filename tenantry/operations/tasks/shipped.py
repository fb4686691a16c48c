"""The tasks that Tenantry brings. Each imports its operation when it is done: this module is read with the command line."""

from __future__ import annotations

from typing import Final

from tenantry.operations.tasks.task import Context, Task


def _mail(_: Context) -> str:
    from tenantry.operations import mailing

    delivery = mailing.sweep()
    told = [f"{getattr(delivery, what)} {what}" for what in ("sent", "deferred", "failed", "cancelled") if getattr(delivery, what)]
    return ", ".join([*told, *delivery.causes[:3]])


def _usage(context: Context) -> str:
    from tenantry.operations.tasks import usage

    return usage.measure(context)


def _domains(context: Context) -> str:
    from tenantry.operations.tasks import domains

    return domains.recheck(context)


def _tidy(context: Context) -> str:
    from tenantry.operations.tasks import tidy

    return tidy.forget(context)


TASKS: Final = (
    Task("mail", "send what is due in the outbox, the welcome sequence too", "* * * * *", _mail, "aggregate"),
    Task("usage", "measure rows, bytes, objects, users and connections against the limits", "17 * * * *", _usage, spread=1200),
    Task("domains", "ask Cloudflare how the custom host names are doing", "*/10 * * * *", _domains, "aggregate"),
    Task("tidy", "forget old runs of tasks and old measurements", "41 3 * * *", _tidy, "aggregate", catch_up=True),
)
