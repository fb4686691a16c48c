"""Forgets what tasks wrote down long ago, and removes what killed checks left."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Final

from tenantry.control import api_requests, portal_links, proposals, task_runs, webhook_history
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.operations import read_log, sessions, table_check
from tenantry.postgres.server import Server
from tenantry.stores import usage
from tenantry.work import queue
from tenantry.work.tasks.queues import RUN, SLOT
from tenantry.work.tasks.task import Context

DAYS: Final = "TENANTRY_TASK_DAYS"
"""How many days runs of tasks are kept (default 30)."""

USAGE: Final = timedelta(days=400)
"""So that a figure can be compared with that of a year ago."""

QUEUE: Final = timedelta(days=2)
"""How long the queue remembers a run that has ended: longer than a slot could be fired once more."""

BATCH: Final = 1000


def age() -> timedelta:
    """How long runs are kept."""
    written = os.environ.get(DAYS) or "30"
    if not written.isdecimal() or int(written) < 1:
        raise InputError(f"{DAYS} cannot be {written!r}", "a number of days, 1 or more")
    return timedelta(days=int(written))


def forget(_: Context) -> str:
    """Old runs, slots, measurements and events, the queue's memory of runs that have ended, and what a killed ``migrate --check`` left."""
    runs = task_runs.purge(age())
    measurements = usage.purge(USAGE)
    queued = _forget_queued()
    answers, ended = api_requests.purge(), sessions.purge()
    events = webhook_history.purge(age())
    DeclarationStore.of_platform().keeper.tidy()
    links = portal_links.purge()
    reads = read_log.purge()
    proposals.purge(age())
    checks = len(table_check.sweep(Server.from_environment()))
    told = (
        f"{runs} runs, {measurements} measurements, {queued} entries of the queue forgotten" if runs or measurements or queued else "",
        f"{answers} answers of the service forgotten" if answers else "",
        f"{ended} sessions that had run out forgotten" if ended else "",
        f"{events} events of webhooks forgotten" if events else "",
        f"{links} links to pages forgotten" if links else "",
        f"{reads} lines of what was read forgotten" if reads else "",
        f"{checks} killed checks of tables cleared away" if checks else "",
    )
    return "; ".join(filter(None, told))


def _forget_queued() -> int:
    before = (datetime.now(UTC) - QUEUE).isoformat()
    count = 0
    while True:
        ended = queue.client().list_workflows(
            name=[RUN, SLOT], completed_before=before, limit=BATCH, load_input=False, load_output=False,
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
        )  # fmt: skip
        if not ended:
            return count
        queue.client().delete_workflows([workflow.workflow_id for workflow in ended])
        count += len(ended)
