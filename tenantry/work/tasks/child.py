"""The process that does a task for one tenant. It ends with its worker, with its time, or with its work, whichever is first."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from tenantry.control import task_runs
from tenantry.postgres.server import passes
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import explained
from tenantry.work.tasks import measure
from tenantry.work.tasks.measure import Tally
from tenantry.work.tasks.register import find
from tenantry.work.tasks.task import Context

LOCK_WAIT: Final = 20  # seconds
LAST_RESORT: Final = 30  # seconds beyond the timeout, after which the kernel ends a process whose worker has not


@dataclass(frozen=True)
class Order:
    """What the process is to do. It is started by a server process, whose environment may be an older one: so that is in here too."""

    task: str
    slug: str | None
    slot: datetime
    timeout: float
    memory: int
    """Bytes."""
    environment: Mapping[str, str]


@dataclass
class Report:
    """What became of it. ``passing``: it would be worth trying again. Figures are None where the process could not tell any more."""

    state: str = "done"
    summary: str | None = None
    cause: str | None = None
    hint: str | None = None
    passing: bool = False
    seconds: float = 0.0
    database_seconds: float | None = None
    statements: int | None = None
    rows: int | None = None
    memory_bytes: int | None = None


def main(channel: Connection, order: Order) -> None:
    """Entry point: does the work and sends a ``Report`` through the channel."""
    os.setsid()  # so that the programs that it starts can be ended with it
    os.environ.clear()
    os.environ.update(order.environment)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # blocked in the process that this one was forked from
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(order.timeout) + LAST_RESORT)
    threading.Thread(target=_end_with, args=(channel,), daemon=True).start()
    limit(order.memory)
    report = _guarded(order)
    report.memory_bytes = largest()
    channel.send(report)


def _end_with(channel: Connection) -> None:
    """The worker says nothing more: the channel only breaks, when it dies. Then its work is someone else's."""
    try:
        channel.recv()
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)


def _guarded(order: Order) -> Report:
    tally = Tally()
    try:
        report = _work(order, tally)
    except MemoryError:
        report = Report(
            "failed",
            cause=f"it took more than the {order.memory // 2**20} MB of memory that the task may take",
            hint="see what it reads at once, or raise memory_mb of the task",
        )
    except Exception as error:
        cause, hint = explained(error)
        if cause.startswith("unexpected"):
            hint = f"a fault of the task: TENANTRY_DEBUG=1 tenantry cron run {order.task} {order.slug or ''}".rstrip()
        report = Report("failed", cause=cause, hint=hint, passing=passes(error))
    report.database_seconds, report.statements, report.rows = tally.seconds, tally.statements, tally.rows
    return report


def _work(order: Order, tally: Tally) -> Report:
    with task_runs.alone(order.task, order.slug or "", LOCK_WAIT) as alone:
        if not alone:
            return Report("skipped", cause="the run before is still at work", hint="nothing to do: the next one follows its schedule")
        measure.begin(tally)
        store = TenantStore.of(order.slug) if order.slug is not None else None
        return Report(summary=find(order.task).work(Context(order.task, order.slot, store)))


def limit(size: int) -> None:
    """Lets this process take ``size`` bytes more than it has.

    RLIMIT_DATA, not RLIMIT_AS: since Linux 4.7 it counts what can be written to, while the address space also counts what a thread's
    heap only reserves, 64 MB each. Where the kernel does not count, nothing is limited.
    """
    now = status("VmData")
    if now is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (now + size, now + size))


def status(name: str, pid: int | None = None) -> int | None:
    """One of Linux's figures of a process (this one) in bytes, or None: it is gone, or this is no Linux."""
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def largest() -> int:
    """The largest size, in bytes, that this process and any that it started has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * unit
