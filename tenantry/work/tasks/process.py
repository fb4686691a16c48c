"""Has a task done for one tenant by a process of its own, and gets an answer whatever that process does."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from datetime import datetime
from functools import cache
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess

from tenantry.work.tasks import child
from tenantry.work.tasks.child import Order, Report
from tenantry.work.tasks.task import Task


def run(task: Task, slug: str | None, slot: datetime) -> Report:
    """Does the task for one tenant, or without one. Returns within the task's timeout; raises nothing that the task did."""
    order = Order(task.name, slug, slot, task.timeout, task.memory_mb * 2**20, dict(os.environ))
    ours, theirs = _server().Pipe()
    process = _server().Process(target=child.main, args=(theirs, order), daemon=False)
    started = time.monotonic()
    try:
        process.start()
        theirs.close()
        report = _answer(ours, process, task.timeout)
    finally:
        _end(process)
        ours.close()
    report.seconds = time.monotonic() - started
    return report


@cache
def _server() -> ForkServerContext:
    """A process that has imported what tasks need and forks a copy for each: a tenth of the cost of starting Python each time.

    It never has a thread or a connection, so its copies inherit none. It ends when this process does; a SIGTERM that means this one, and
    reaches all of its group, must not end it, and with it the tasks in hand.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([child.__name__, "tenantry.operations.shipped_tasks", "tenantry.control.task_runs", "psycopg", "boto3"])
    resource_tracker.ensure_running()  # it would undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _answer(channel: connection.Connection, process: ForkServerProcess, timeout: float) -> Report:
    ready = connection.wait([channel, process.sentinel], timeout)
    if not ready:
        return Report(
            "failed",
            cause=f"it took longer than {timeout:g} s and was ended",
            hint="see what it waits for, or raise timeout of the task",
            memory_bytes=child.status("VmHWM", process.pid),
        )
    if channel.poll():
        with contextlib.suppress(EOFError, OSError):
            report: Report = channel.recv()
            return report
    process.join(5)
    code = process.exitcode
    how = f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
    return Report(
        "failed",
        cause=f"its process ended {how} without a word",
        hint="the machine may be out of memory: see its kernel's log",
        passing=False,
    )


def _end(process: ForkServerProcess) -> None:
    """Ends the process and those that it started; the one that is done already, too, for what it may have left running."""
    if process.pid is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.exitcode is None:  # not in its own session yet
        process.kill()
    process.join(10)
    process.close()
