"""The journal of scheduled tasks: the slots of their schedules, one run for each tenant, and what each run took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.escape import journalled
from tenantry.naming import NAMESPACE
from tenantry.postgres import locks

OPEN: Final = ("queued", "running")


def run_id(task: str, tenant_id: UUID | None, slot: datetime) -> UUID:
    """The id of the run of a task for a tenant (or the platform) at a slot: the same whoever asks."""
    return uuid5(NAMESPACE, f"task:{task}:{tenant_id or ''}:{slot.timestamp():.6f}")


def decide(task: str, slot: datetime, decision: str) -> str:
    """Writes down what becomes of a slot; what was decided before stays, and is what this returns."""
    with transaction() as connection:
        row = connection.execute(
            "INSERT INTO task_slots (task, slot, decision) VALUES (%s, %s, %s)"
            " ON CONFLICT (task, slot) DO UPDATE SET decision = task_slots.decision RETURNING decision",
            [task, slot, decision],
        ).fetchone()
        assert row is not None  # noqa: S101  # RETURNING after an upsert always has a row
        return str(row["decision"])


def active() -> list[UUID]:
    """The tenants that tasks are done for."""
    with transaction() as connection:
        return [row["id"] for row in connection.execute("SELECT id FROM tenants WHERE state = 'active' ORDER BY slug")]


def add(task: str, slot: datetime, tenants: Iterable[UUID | None], actor: Actor) -> list[UUID]:
    """Enters a run for each tenant (None: one for the platform), and gives the ids of all; those that are there stay as they are."""
    chosen = list(tenants)
    ids = [run_id(task, tenant_id, slot) for tenant_id in chosen]
    with transaction() as connection:
        connection.execute(
            "INSERT INTO task_runs (id, task, tenant_id, slot, requested_by)"
            " SELECT id, %s, tenant_id, %s, %s FROM unnest(%s::uuid[], %s::uuid[]) AS chosen (id, tenant_id) ON CONFLICT (id) DO NOTHING",
            [task, slot, actor.name, ids, chosen],
        )
    return ids


def begin(run: UUID, worker: str) -> dict[str, Any] | None:
    """Makes ``worker`` the one at work, and gives the run with its tenant's ``slug``; None when it has ended, or is not to be done.

    It is not for a tenant that is not active any more, and not when a later one of the same task and tenant waits already.
    """
    with transaction() as connection:
        row = connection.execute(
            """
            UPDATE task_runs r SET state = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = now()
            WHERE id = %(run)s AND state IN ('queued', 'running')
            RETURNING r.*, (SELECT slug FROM tenants t WHERE t.id = r.tenant_id) AS slug,
                coalesce((SELECT t.state FROM tenants t WHERE t.id = r.tenant_id), 'active') AS tenant_state,
                EXISTS (SELECT FROM task_runs later WHERE later.task = r.task AND later.tenant_id IS NOT DISTINCT FROM r.tenant_id
                        AND later.slot > r.slot AND later.state = 'queued') AS superseded
            """,
            {"run": run, "worker": worker},
        ).fetchone()
    if row is None:
        return None
    cause = (
        f"the tenant is {row['tenant_state']}" if row["tenant_state"] != "active" else "a later one waits" if row["superseded"] else None
    )
    if cause is not None:
        finish(run, worker, "skipped", {"cause": cause})
        return None
    return row


def defer(run: UUID, worker: str, cause: str) -> int:
    """Puts a run back: it makes way for other work. How often it has done so."""
    with transaction() as connection:
        row = connection.execute(
            "UPDATE task_runs SET state = 'queued', deferred = deferred + 1, queued_at = now(), cause = %s"
            " WHERE id = %s AND worker = %s AND state = 'running' RETURNING deferred",
            [cause, run, worker],
        ).fetchone()
        return 0 if row is None else int(row["deferred"])


def finish(run: UUID, worker: str, state: str, figures: Mapping[str, Any]) -> None:
    """Ends a run with its figures (``summary``, ``cause``, ``seconds``, …; ``tries``: attempts before the last one).

    A run that another worker has taken on stays as it is.
    """
    texts = {name: journalled(figures.get(name)) for name in ("summary", "cause", "hint")}
    names = ("seconds", "database_seconds", "statements", "rows", "memory_bytes")
    with transaction() as connection:
        connection.execute(
            """
            UPDATE task_runs SET state = %(state)s, finished_at = now(), summary = %(summary)s, cause = %(cause)s, hint = %(hint)s,
                seconds = %(seconds)s, database_seconds = %(database_seconds)s, statements = %(statements)s, rows = %(rows)s,
                memory_bytes = %(memory_bytes)s, attempts = attempts + %(tries)s
            WHERE id = %(run)s AND worker = %(worker)s AND state = 'running'
            """,
            {
                "run": run,
                "worker": worker,
                "state": state,
                "tries": figures.get("tries", 0),
                **texts,
                **{name: figures.get(name) for name in names},
            },
        )


def give_up(run: UUID) -> None:
    """Ends a run that the queue has given up."""
    with transaction() as connection:
        connection.execute(
            "UPDATE task_runs SET state = 'failed', finished_at = now(), cause = %s WHERE id = %s AND state IN ('queued', 'running')",
            ["the queue gave it up: its worker died too often, or it was cancelled there", run],
        )


def unqueued() -> list[dict[str, Any]]:
    """Runs that never reached the queue: whoever entered them died in between."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT id, task, tenant_id, deferred FROM task_runs r WHERE state = 'queued' AND queued_at < now() - interval '30 seconds'
              AND NOT EXISTS (SELECT FROM dbos.workflow_status w WHERE w.workflow_uuid = format('%s:%s', r.id, r.deferred))
            """
        ).fetchall()


def abandoned() -> list[UUID]:
    """Runs that the journal calls open and the queue calls ended."""
    with transaction() as connection:
        rows = connection.execute(
            """
            SELECT r.id FROM task_runs r JOIN dbos.workflow_status w ON w.workflow_uuid = format('%s:%s', r.id, r.deferred)
            WHERE r.state IN ('queued', 'running') AND w.status NOT IN ('ENQUEUED', 'PENDING', 'DELAYED')
              AND to_timestamp(w.updated_at / 1000.0) < now() - interval '5 seconds'
            """
        )
        return [row["id"] for row in rows]


@contextmanager
def alone(task: str, slug: str, wait: int) -> Iterator[bool]:
    """Whether this process is the only one that does the task for the tenant. It waits ``wait`` seconds for one that is about to end.

    The lock belongs to a connection: it ends with the process that holds it, however that ends.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.held(f"task:{task}:{slug}", wait=wait))
        except locks.Taken:
            yield False
            return
        yield True


def of(ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Runs by id, each with its tenant's ``slug`` (None: the platform), by slug."""
    with transaction() as connection:
        return connection.execute(
            "SELECT r.*, t.slug FROM task_runs r LEFT JOIN tenants t ON t.id = r.tenant_id WHERE r.id = ANY(%s) ORDER BY t.slug",
            [list(ids)],
        ).fetchall()


def latest(*, task: str | None = None, tenant_id: UUID | None = None, failed: bool = False, limit: int = 20) -> list[dict[str, Any]]:
    """The newest runs first, of one task or all, one tenant or all; ``failed``: only those."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT r.*, t.slug FROM task_runs r LEFT JOIN tenants t ON t.id = r.tenant_id
            WHERE (%(task)s::text IS NULL OR task = %(task)s) AND (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s)
              AND (NOT %(failed)s OR r.state = 'failed')
            ORDER BY slot DESC, t.slug LIMIT %(limit)s
            """,
            {"task": task, "tenant": tenant_id, "failed": failed, "limit": limit},
        ).fetchall()


def last_slots() -> dict[str, dict[str, Any]]:
    """Task → its newest slot that was run: ``slot``, and how many of its runs are in each state; and the last missed one."""
    with transaction() as connection:
        rows = connection.execute(
            """
            SELECT task, slot, min(started_at) AS began, max(finished_at) AS ended,
                   count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
                   count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state IN ('queued', 'running')) AS open
            FROM task_runs r WHERE slot = (SELECT max(slot) FROM task_runs newest WHERE newest.task = r.task) GROUP BY task, slot
            """
        )
        return {row["task"]: row for row in rows}


def missed(since: timedelta) -> dict[str, int]:
    """Task → how many of its slots were left out in that time, because nobody was at work or the one before took too long."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT task, count(*) AS slots FROM task_slots WHERE decision IN ('missed', 'superseded') AND slot > now() - %s GROUP BY task",
            [since],
        )
        return {row["task"]: int(row["slots"]) for row in rows}


def heaviest(*, task: str | None, since: timedelta, limit: int) -> list[dict[str, Any]]:
    """What each tenant's runs took in that time, by task, the largest wall time first."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT t.slug, r.task, count(*) AS runs, count(*) FILTER (WHERE r.state = 'failed') AS failed,
                   coalesce(sum(seconds), 0) AS seconds, coalesce(max(seconds), 0) AS longest,
                   coalesce(sum(database_seconds), 0) AS database_seconds, coalesce(sum(statements), 0)::bigint AS statements,
                   coalesce(sum(rows), 0)::bigint AS rows, max(memory_bytes) AS memory_bytes,
                   (array_agg(cause ORDER BY slot DESC) FILTER (WHERE r.state = 'failed'))[1] AS last_failure
            FROM task_runs r LEFT JOIN tenants t ON t.id = r.tenant_id
            WHERE r.slot > now() - %(since)s AND (%(task)s::text IS NULL OR task = %(task)s)
            GROUP BY t.slug, r.task ORDER BY sum(seconds) DESC NULLS LAST, t.slug LIMIT %(limit)s
            """,
            {"task": task, "since": since, "limit": limit},
        ).fetchall()


def purge(age: timedelta) -> int:
    """Forgets what ended longer ago than ``age``; how many runs that were."""
    with transaction() as connection:
        connection.execute("DELETE FROM task_slots WHERE decided_at < now() - %s", [age])
        return connection.execute("DELETE FROM task_runs WHERE finished_at < now() - %s", [age]).rowcount
