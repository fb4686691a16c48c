"""Migrates many places, several at one time: each whole or not at all, and no further when too many failed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from tenantry.errors import TenantryError
from tenantry.postgres import extensions, migration_batch, migrations, revisions
from tenantry.postgres.server import passes
from tenantry.postgres.tool_commands import Waited
from tenantry.stores.table_sets import TableSet

if TYPE_CHECKING:
    from tenacity import RetryCallState

SESSION: Final = 500
"""Places that one session migrates: it keeps the tables of all it has touched in its memory."""


@dataclass(frozen=True)
class Outcome:
    """What became of one place. ``error`` is empty where it went well."""

    table_set: TableSet
    target: str
    seconds: float
    attempts: int
    error: str = ""


def roll_out(
    group: Sequence[TableSet], target: str, told: Callable[[Outcome], None], *, parallel: int, budget: int, lock_seconds: float
) -> list[Outcome]:
    """Migrates the places, ``parallel`` at one time, each in a transaction of its own; ``told`` hears of each as it ends.

    Stops when more than ``budget`` failed: what is under way then ends, nothing else is begun. ``lock_seconds`` is how long a statement
    waits for a lock before its place is let go and tried again later.
    """
    if not group:
        return []
    # Once, and before the threads: each would render it for itself. One that cannot be rendered is found here as well.
    for current in sorted({table_set.version for table_set in group if table_set.version and not revisions.tool()}):
        revisions.rendered("tenant", current, target)
    work = _Work(deque(sorted(group, key=lambda table_set: (table_set.server or "", table_set.database, table_set.name))), budget, told)
    threads = [Thread(target=_worker, args=(work, target, lock_seconds), daemon=True) for _ in range(min(parallel, len(group)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return work.outcomes


@dataclass
class _Work:
    """What the workers share."""

    waiting: deque[TableSet]
    budget: int
    told: Callable[[Outcome], None]
    outcomes: list[Outcome] = field(default_factory=list)
    learned: dict[str, migration_batch.Learned] = field(default_factory=dict)
    """By server."""
    lock: Lock = field(default_factory=Lock)

    def next(self) -> TableSet | None:
        with self.lock:
            failed = sum(1 for outcome in self.outcomes if outcome.error)
            return self.waiting.popleft() if self.waiting and failed <= self.budget else None

    def ended(self, outcome: Outcome) -> None:
        with self.lock:
            self.outcomes.append(outcome)
            self.told(outcome)


def _worker(work: _Work, target: str, lock_seconds: float) -> None:
    with ExitStack() as stack:
        session = _Session(stack, lock_seconds)
        while (table_set := work.next()) is not None:
            work.ended(_migrate(session, table_set, target, work.learned.setdefault(table_set.server or "", migration_batch.Learned())))


class _Session:
    """A worker's one connection: to the database of the place at hand."""

    def __init__(self, stack: ExitStack, lock_seconds: float) -> None:
        self._stack, self._lock_seconds = stack, lock_seconds
        self._at: tuple[str | None, str] | None = None
        self._used = 0
        self._connection: psycopg.Connection | None = None

    def to(self, table_set: TableSet) -> psycopg.Connection:
        at = (table_set.server, table_set.database)
        if self._connection is None or self._connection.closed or self._at != at or self._used >= SESSION:
            self.close()
            connection = self._stack.enter_context(table_set.connected())
            if not revisions.tool():
                migration_batch.prepare(connection, self._lock_seconds)
            self._connection, self._at, self._used = connection, at, 0
        self._used += 1
        return self._connection

    def advance(self, table_set: TableSet, target: str, learned: migration_batch.Learned) -> None:
        """Takes the tables to ``target``."""
        connection, schema = self.to(table_set), table_set.schema
        roles: migrations.Roles = {"owner": table_set.owner, "app_role": table_set.app_role, "tenant_id": table_set.tenant_id}
        if revisions.tool():
            with migrations.applied_once(connection, "tenant", schema, revision=target, lock_seconds=self._lock_seconds, **roles):
                pass
            return
        migration_batch.advance(
            connection, schema, table_set.version or "", target, owner=roles["owner"], app_role=roles["app_role"],
            tenant_id=table_set.tenant_id, learned=learned,
        )  # fmt: skip

    def close(self) -> None:
        self._stack.close()
        self._connection = None


def _migrate(session: _Session, table_set: TableSet, target: str, learned: migration_batch.Learned) -> Outcome:
    started = time.monotonic()
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        session.advance(table_set, target, learned)

    def again(_: RetryCallState) -> None:
        session.close()

    retrying = Retrying(
        stop=stop_after_attempt(migrations.ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception(passes),
        before_sleep=again,
        reraise=True,
    )
    error = ""
    try:
        retrying(attempt)
    except Exception as failure:  # a Python migration may raise anything; a place without an outcome would count as never begun
        session.close()
        error = _said(failure)
    return Outcome(table_set, target, time.monotonic() - started, attempts, error)


def _said(error: Exception) -> str:
    """One line. Not PostgreSQL's DETAIL: it quotes the row."""
    if isinstance(error, errors.LockNotAvailable | Waited):
        return f"another session held a lock on its tables through {migrations.ATTEMPTS} attempts"
    if isinstance(error, psycopg.Error) and isinstance(meant := extensions.explained(error), TenantryError):
        return meant.message
    if isinstance(error, psycopg.Error):
        where = (
            f" ({error.diag.table_name})" if error.diag.table_name and error.diag.table_name not in str(error.diag.message_primary) else ""
        )
        return f"{error.diag.message_primary or str(error).strip().splitlines()[0]}{where}"
    if isinstance(error, TenantryError):
        return error.message
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
