"""Watches runs of tasks to their end, and does them in this process when no worker lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from tenantry.control import task_runs
from tenantry.work.follow import LOOK, patient_look, worker_at_work


def until_done(
    run_ids: Sequence[UUID], show: Callable[[dict[str, Any]], None], say: Callable[[str], None] = lambda line: None
) -> list[dict[str, Any]]:
    """The runs, once all have ended; ``show`` gets each as it ends. Ctrl-C ends the watching: the runs go on with another worker."""
    ended: dict[UUID, dict[str, Any]] = {}
    open_ = set(run_ids)
    with worker_at_work(say) as ensured:
        while open_:
            found = patient_look(partial(task_runs.of, open_), ensured.roll_call)
            for run in found:
                if run["state"] not in task_runs.OPEN:
                    ended[run["id"]] = run
                    show(run)
            open_ = {run["id"] for run in found} - ended.keys()  # what is not found was erased with its tenant
            if open_:
                ensured.wait(LOOK)
    return [ended[run_id] for run_id in run_ids if run_id in ended]
