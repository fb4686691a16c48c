"""What a module of your own tasks may import: ``from tenantry.task import Context, Task``. docs/tasks.md"""

from tenantry.work.tasks.task import Context, Task

__all__ = ["Context", "Task"]
