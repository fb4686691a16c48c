"""Tasks on DBOS: its scheduler starts each slot once, however many workers there are; a slot queues one run for each tenant.

Like the queue of durable work, DBOS's tables hold ids that are derived, never a tenant's own: what is erased with a tenant is the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from tenantry.actor import SCHEDULE, Actor
from tenantry.control import task_runs
from tenantry.errors import InputError
from tenantry.naming import NAMESPACE
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over
from tenantry.work import queue
from tenantry.work.perform import patiently
from tenantry.work.tasks import perform, register
from tenantry.work.tasks.queues import RUN, RUNS, SLOT, SLOTS
from tenantry.work.tasks.task import Task

if TYPE_CHECKING:
    import psycopg

PREFIX: Final = "task:"
POLL: Final = 0.25  # seconds

GRACE: Final = timedelta(minutes=5)
"""How late a slot may be begun by a task that does not catch up."""


MARGIN: Final = timedelta(minutes=1)
"""How late a slot may be before it is taken for one that the scheduler let pass; it is up to ten seconds late on purpose."""


def declare(worker: str, in_hands: Callable[[], AbstractContextManager[None]]) -> None:
    """Makes the workflows known to DBOS, before it is launched; ``in_hands`` goes around each.

    Raises ``InputError`` for a malformed schedule.
    """
    from dbos import DBOS

    register.schedules()
    _queues()

    @DBOS.workflow(name=SLOT)
    def slot(at: datetime, schedule: Mapping[str, str]) -> None:
        with in_hands():
            fan_out(schedule["task"], schedule["cron"], at)

    @DBOS.workflow(name=RUN)
    def run(run_id: str) -> None:
        with in_hands():
            if perform.perform(UUID(run_id), worker):
                enqueue(task_runs.of([UUID(run_id)]), delay=perform.WAIT)

    _workflow.append(slot)


_workflow: list[Any] = []


def begin() -> None:
    """Gives DBOS's scheduler the schedules of all tasks, after it was launched; takes away those that are off or no more."""
    from dbos import DBOS

    wanted = register.schedules()
    tasks = register.known()
    DBOS.apply_schedules(
        [
            {
                "schedule_name": PREFIX + name,
                "workflow_fn": _workflow[-1],
                "schedule": expression,
                "context": {"task": name, "cron": expression},
                "automatic_backfill": tasks[name].catch_up,
                "queue_name": SLOTS,
            }
            for name, expression in wanted.items()
        ]
    )
    for there in DBOS.list_schedules(schedule_name_prefix=PREFIX):
        if there["schedule_name"].removeprefix(PREFIX) not in wanted:
            DBOS.delete_schedule(there["schedule_name"])


def catch_up(now: datetime | None = None) -> None:
    """Queues the slots that the scheduler let pass while PostgreSQL was away, of tasks that catch up.

    By itself it looks back only when it is started.
    """
    from dbos import DBOS

    now = now or datetime.now(UTC)

    def look(there: Any) -> None:
        name = there["schedule_name"]
        if not there["automatic_backfill"] or not there["last_fired_at"]:
            return
        since = max(datetime.fromisoformat(there["last_fired_at"]), _caught_up.get(name, datetime.min.replace(tzinfo=UTC)))
        if register.next_time(there["schedule"], since) < now - MARGIN:
            DBOS.backfill_schedule(name, since, now)
            _caught_up[name] = now

    over(DBOS.list_schedules(schedule_name_prefix=PREFIX), look).refuse("catching up", lambda there: str(there["schedule_name"]))


_caught_up: dict[str, datetime] = {}


def fan_out(name: str, expression: str, slot: datetime) -> None:
    """The workflow of a slot: enters and queues a run for each active tenant. Begun again, it finds what it entered before."""
    decision = patiently(lambda: task_runs.decide(name, slot, decided(name, expression, slot, datetime.now(UTC))))
    if decision == "run":
        task = register.find(name)
        tenants = patiently(task_runs.active) if task.scope == "per_tenant" else [None]
        ids = patiently(lambda: task_runs.add(name, slot, tenants, SCHEDULE))
        patiently(lambda: enqueue(task_runs.of(ids), spread=True))


def decided(name: str, expression: str, slot: datetime, now: datetime) -> str:
    """Whether a slot is run: not when the one after it is due as well, and not long after its time unless the task catches up.

    By the expression that it was begun for, so that workers that were started with different settings decide alike.
    """
    task = register.known().get(name)
    if task is None:
        return "dropped"
    if register.next_time(expression, slot) <= now:
        return "superseded"
    return "missed" if now - slot > GRACE and not task.catch_up else "run"


def request(task: Task, slugs: Iterable[str] | None, actor: Actor) -> list[UUID]:
    """Has the task done now, for the tenants of these slugs (None: all active ones; for an aggregate task: once); the runs' ids."""
    tenants: list[UUID | None]
    if task.scope == "aggregate":
        tenants = [None]
    elif slugs is None:
        tenants = list(task_runs.active())
    else:
        stores = [TenantStore.of(slug) for slug in slugs]
        idle = [store for store in stores if store.state != "active"]
        if idle:
            raise InputError(f"the tenant {idle[0].slug} is {idle[0].state}", "tasks are done for active tenants only", code="tenant.state")
        tenants = [store.id for store in stores]
    ids = task_runs.add(task.name, datetime.now(UTC), tenants, actor)
    enqueue(task_runs.of(ids))
    return ids


def enqueue(rows: Iterable[dict[str, Any]], *, spread: bool = False, delay: float = 0.0) -> None:
    """Queues runs of the journal that are not done; one that is queued already is not queued again."""
    tasks = register.known()
    # In one order, so that two who queue the same do not wait for each other.
    wanted = sorted((row for row in rows if row["task"] in tasks and row["state"] in task_runs.OPEN), key=lambda row: str(row["id"]))

    def ask(connection: psycopg.Connection[dict[str, Any]]) -> None:
        for row in wanted:
            task, tenant_id = tasks[row["task"]], row["tenant_id"]
            wait = delay + (offset(task, tenant_id) if spread else 0.0)
            queue.put(connection, RUNS, RUN, f"{row['id']}:{row['deferred']}", lane(task, tenant_id), str(row["id"]), wait)

    if wanted:
        queue.asked(ask)


def lane(task: Task, tenant_id: UUID | None) -> str:
    """One of the task's ``parallel`` lanes. A lane does one run at a time: so a tenant never meets itself, nor a task its bound."""
    return f"{task.name}:{_digest(task, tenant_id) % task.parallel}"


def offset(task: Task, tenant_id: UUID | None) -> float:
    """The tenant's place in the time that the task is spread over, in seconds."""
    return _digest(task, tenant_id) % 1_000_003 / 1_000_003 * task.spread if tenant_id is not None else 0.0


def _digest(task: Task, tenant_id: UUID | None) -> int:
    return uuid5(NAMESPACE, f"task:{task.name}:{tenant_id}").int


def mend() -> None:
    """Queues what the journal has and the queue does not; ends in the journal what has ended in the queue without a word."""
    enqueue({**row, "state": "queued"} for row in task_runs.unqueued())
    over(task_runs.abandoned(), task_runs.give_up).refuse("giving up runs", str)


def _queues() -> None:
    """Makes the two queues: of slots, which standing workers take, and of runs, which any worker takes.

    Only a worker does: what is written here holds for all of them, and a command that merely asks knows nothing of their sizes.
    """
    concurrency = queue.concurrency("TENANTRY_TASK_CONCURRENCY")
    client = queue.client()
    client.register_queue(SLOTS, worker_concurrency=2, polling_interval_sec=1.0)
    client.register_queue(RUNS, partition_concurrency=1, worker_concurrency=concurrency, polling_interval_sec=POLL)
