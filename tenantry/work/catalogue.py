"""What the workers can do: every kind of durable work and every task that Tenantry brings.

Modules of operations say so. They are named here and not imported: operations stand on this room, and not the other way round.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tenantry.work.step import Kind
    from tenantry.work.tasks.task import Task

KINDS: Final = "tenantry.operations.catalogue"
TASKS: Final = "tenantry.operations.shipped_tasks"


@cache
def kinds() -> dict[str, Kind]:
    """The kinds of durable work, by name."""
    return {kind.name: kind for kind in import_module(KINDS).KINDS}


def tasks() -> dict[str, Task]:
    """The scheduled tasks that Tenantry brings, by name."""
    return {task.name: task for task in import_module(TASKS).TASKS}
