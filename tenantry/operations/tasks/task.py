"""Where ``Context`` and ``Task`` were until this release: modules of tasks import them from ``tenantry.task``. Goes with the next one."""

from tenantry.task import Context, Task

__all__ = ["Context", "Task"]
