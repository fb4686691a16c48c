"""Every task by name: those that Tenantry ships, those of the modules in ``TENANTRY_TASKS``, and the times of each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from typing import Final

from croniter import croniter

from tenantry.errors import InputError
from tenantry.problems import did_you_mean
from tenantry.work.tasks.task import Task

MODULES: Final = "TENANTRY_TASKS"
"""Modules of your own, by comma, each with a ``TASKS``; a task of a shipped one's name takes its place."""

SHIPPED: Final = "tenantry.operations.shipped_tasks"
"""Those that Tenantry brings: named and not imported, because operations stand on this room."""

OFF: Final = "off"


def known() -> dict[str, Task]:
    """All tasks by name. ``InputError`` for a module that is not there or has none."""
    found = {task.name: task for task in import_module(SHIPPED).TASKS}
    for name in filter(None, (part.strip() for part in os.environ.get(MODULES, "").split(","))):
        try:
            tasks: Iterable[Task] = import_module(name).TASKS
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"{MODULES} names {name}: {error}", "it wants importable modules, by comma, each with a tuple TASKS of Task"
            ) from None
        found |= {task.name: task for task in tasks}
    return found


def find(name: str) -> Task:
    """The task of that name; ``InputError`` with the nearest name."""
    tasks = known()
    if name not in tasks:
        raise InputError(f"no task {name}", did_you_mean(name, tasks, f"there are: {', '.join(sorted(tasks))}"), code="task.unknown")
    return tasks[name]


def schedule(task: Task) -> str | None:
    """The task's cron expression: its own, or that of ``TENANTRY_CRON_<NAME>``; None: switched off. ``InputError`` when malformed."""
    variable = f"TENANTRY_CRON_{task.name.upper().replace('-', '_')}"
    written = os.environ.get(variable, "").strip()
    if written.lower() == OFF:
        return None
    expression = written or task.cron
    # DBOS reads six fields with the seconds first; croniter by itself expects them last.
    if len(expression.split()) not in (5, 6) or not croniter.is_valid(expression, second_at_beginning=True):
        raise InputError(
            f"{variable if written else f'the task {task.name}'}: {expression!r} is not a cron expression",
            "five fields, minute hour day month weekday, in UTC: for example 30 2 * * *; or off",
        )
    return expression


def schedules() -> dict[str, str]:
    """The cron expression of every task that is not switched off."""
    found = {name: schedule(task) for name, task in known().items()}
    return {name: expression for name, expression in found.items() if expression is not None}


def next_time(expression: str, after: datetime | None = None) -> datetime:
    """The next time that the expression names, in UTC."""
    found: datetime = croniter(expression, after or datetime.now(UTC), second_at_beginning=True).get_next(datetime)
    return found
