"""Does one run of a task: in a process of its own, tried again where the cause passes, with what it took written down."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Final
from uuid import UUID

from tenantry.control import occupancy, task_runs, works
from tenantry.errors import InputError
from tenantry.work.perform import patiently
from tenantry.work.tasks import process
from tenantry.work.tasks.child import Report
from tenantry.work.tasks.register import find

WAYS: Final = 12
"""How often a run makes way for other work on its tenant before it is given up."""

WAIT: Final = 300.0  # seconds until a run that made way comes again
FIRST_WAIT: Final = 2.0  # seconds before the second attempt, doubled each time


def perform(run_id: UUID, worker: str) -> bool:
    """The workflow of one run; again from its beginning after a crash. True: it made way, and is to come again."""
    row = patiently(lambda: task_runs.begin(run_id, worker))
    if row is None:
        return False
    try:
        task = find(row["task"])
    except InputError as error:
        cause = {"cause": error.message, "hint": "it was declared when the run was queued"}
        patiently(lambda: task_runs.finish(run_id, worker, "skipped", cause))
        return False
    other = patiently(lambda: occupancy.awaited(row["tenant_id"], works.Kind.TASK)) if task.gives_way and row["tenant_id"] else None
    if other and row["deferred"] < WAYS:
        return bool(patiently(lambda: task_runs.defer(run_id, worker, f"waits for the {other.name} of the tenant")))
    if other:
        cause = {"cause": f"the {other.name} of the tenant was under way for an hour", "hint": "tenantry log shows how far it has come"}
        patiently(lambda: task_runs.finish(run_id, worker, "failed", cause))
        return False
    before: list[Report] = []
    while True:
        report = process.run(task, row["slug"], row["slot"])
        if not report.passing or len(before) + 1 >= task.attempts:
            break
        before.append(report)
        time.sleep(FIRST_WAIT * 2 ** (len(before) - 1))
    figures = {**asdict(report), **_summed([*before, report]), "tries": len(before)}
    patiently(lambda: task_runs.finish(run_id, worker, report.state, figures))
    return False


def _summed(reports: list[Report]) -> dict[str, float]:
    """What all attempts took together."""
    return {name: sum(getattr(report, name) or 0 for report in reports) for name in ("seconds", "database_seconds", "statements", "rows")}
