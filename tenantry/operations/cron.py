"""Scheduled tasks as people and programs see them: what is due when, what came of it, what it took, and one done now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import task_runs, workers
from tenantry.errors import InputError
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import follow_tasks
from tenantry.work.tasks import register, schedule


@dataclass(frozen=True)
class LastSlot:
    """The newest slot of a task that was run, and how many of its runs are in each state."""

    slot: datetime
    began: datetime | None
    ended: datetime | None
    done: int
    failed: int
    skipped: int
    open: int


@dataclass(frozen=True)
class TaskEntry:
    """One task. ``schedule`` in UTC, as cron writes it; None: off."""

    task: str
    about: str
    scope: str
    """``per_tenant`` or ``aggregate``."""
    schedule: str | None
    next: datetime | None
    catch_up: bool
    """Whether what was missed is done once."""
    last: LastSlot | None
    missed_last_day: int


@dataclass(frozen=True)
class Schedule:
    """The tasks, by name. Without a ``worker`` nothing is started by itself."""

    tasks: tuple[TaskEntry, ...]
    worker: bool


@dataclass(frozen=True)
class TaskRun:
    """One run of a task; figures are of all its attempts together."""

    id: UUID
    task: str
    tenant_id: UUID | None
    slot: datetime
    requested_by: str
    state: str
    """``queued``, ``running``, ``done``, ``failed`` or ``skipped``."""
    worker: str | None
    attempts: int
    deferred: int
    """How often it made way for other work on the tenant."""
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    database_seconds: float | None
    """Waited for PostgreSQL's answers."""
    statements: int | None
    rows: int | None
    memory_bytes: int | None
    summary: str | None
    cause: str | None
    """Why it failed or was skipped."""
    hint: str | None
    slug: str | None
    """The tenant; None: the platform."""


@dataclass(frozen=True)
class TaskCost:
    """What one tenant's runs of a task took; ``slug`` None: the platform's."""

    slug: str | None
    task: str
    runs: int
    failed: int
    seconds: float
    longest: float
    database_seconds: float
    statements: int
    rows: int
    memory_bytes: int | None
    last_failure: str | None


def scheduled() -> Schedule:
    """Every task, when it is due, and what came of the last time."""
    expressions, last, missed = register.schedules(), task_runs.last_slots(), task_runs.missed(timedelta(days=1))
    found = []
    for name, task in sorted(register.known().items()):
        expression, slot = expressions.get(name), last.get(name)
        found.append(
            TaskEntry(
                task=name,
                about=task.about,
                scope=task.scope,
                schedule=expression,
                next=register.next_time(expression) if expression else None,
                catch_up=task.catch_up,
                last=LastSlot(**{key: value for key, value in slot.items() if key != "task"}) if slot else None,
                missed_last_day=missed.get(name, 0),
            )
        )
    return Schedule(tuple(found), workers.alive())


def request(task: str, slugs: Sequence[str] = (), *, every: bool = False, actor: Actor) -> tuple[UUID, ...]:
    """Has a task done now, beside its schedule; the runs' ids. One that is done per tenant is for these or for ``every`` active one.

    ``InputError`` for an unknown task or tenant, one that is not active, and where the task is not done for what was named.
    """
    found = register.find(task)
    if found.scope == "per_tenant" and bool(slugs) == every:
        raise InputError(f"the task {task} is done per tenant: say SLUG… or --all", f"for example: tenantry cron run {task} --all")
    if found.scope == "aggregate" and (slugs or every):
        raise InputError(f"the task {task} is about the whole platform", f"tenantry cron run {task}")
    return tuple(schedule.request(found, list(slugs) or None, actor))


def runs(ids: Sequence[UUID]) -> tuple[TaskRun, ...]:
    """The runs as they are now, by slug."""
    return tuple(TaskRun(**row) for row in task_runs.of(ids))


def until_done(ids: Sequence[UUID], show: Callable[[TaskRun], None], say: Callable[[str], None]) -> tuple[TaskRun, ...]:
    """The runs once all have ended; ``show`` gets each as it ends. As of ``follow_tasks.until_done``."""
    return tuple(TaskRun(**row) for row in follow_tasks.until_done(ids, lambda row: show(TaskRun(**row)), say))


def newest(task: str | None = None, slug: str | None = None, *, failed: bool = False, limit: int = 20) -> tuple[TaskRun, ...]:
    """The newest runs first, of one task or all, one tenant or all; ``failed``: only those. ``InputError`` for what is unknown."""
    if task is not None:
        register.find(task)
    tenant_id = TenantStore.of(slug).id if slug is not None else None
    return tuple(TaskRun(**row) for row in task_runs.latest(task=task, tenant_id=tenant_id, failed=failed, limit=limit))


def heaviest(task: str | None = None, *, days: int = 7, limit: int = 20) -> tuple[TaskCost, ...]:
    """What each tenant's runs took in that time, by task, the largest wall time first. ``InputError`` for an unknown task."""
    if task is not None:
        register.find(task)
    return tuple(TaskCost(**row) for row in task_runs.heaviest(task=task, since=timedelta(days=days), limit=limit))
