"""`tenantry cron list|run|log|report` and `tenantry usage`: scheduled tasks, and what the tenants use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import completion, groups
from tenantry.commands.options import Detach, Json, MaybeSlug, Slugs
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from tenantry.operations.cron import LastSlot, TaskRun

Name = Annotated[str, typer.Argument(metavar="TASK", help="The task: tenantry cron list shows them.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[TASK]", help="One task; all when left out.", show_default=False)]
Days = Annotated[int, typer.Option(min=1, metavar="N", help="How many days back.")]

MARKS = {"done": "✓", "failed": "✗", "skipped": "-", "running": "…", "queued": " "}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Scheduled tasks: what is due when, its outcome, and which tenants are the heaviest.\n\nExample: tenantry cron list"
    groups.add(app, "cron", words, {"list": list_, "run": run, "log": log, "report": report})
    app.command()(usage)


def list_(as_json: Json = False) -> None:
    """Show every task, when it is due, and the outcome of the last time.

    Example: tenantry cron list
    """
    from tenantry.operations import cron

    found = cron.scheduled()
    if as_json:
        console.print_json(found.tasks)
    else:
        console.print_table(
            ("task", "what", "scope", "schedule (UTC)", "next", "last", "outcome"),
            [
                (
                    task.task, task.about, task.scope, task.schedule or "off", _when(task.next),
                    _when(task.last.slot) if task.last else "never", _outcome(task.last, task.missed_last_day),
                )
                for task in found.tasks
            ],
        )  # fmt: skip
    if not found.worker:
        console.say("no worker is at work, so nothing is started by itself: tenantry worker")


def run(
    task: Name,
    slugs: Slugs = None,
    every: Annotated[bool, typer.Option("--all", help="Every active tenant.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Run a task now, in addition to its schedule.

    Example: tenantry cron run usage acme

    Example: tenantry cron run usage --all

    Example: tenantry cron run mail
    """
    from tenantry.commands.watching import not_watched
    from tenantry.operations import cron

    ids = cron.request(task, slugs or (), every=every, actor=Actor.of_environment())
    if not ids:
        console.say("no active tenant")
    if detach:
        runs = cron.runs(ids)
    else:
        try:
            runs = cron.until_done(ids, (lambda run: None) if as_json else _show, console.say)
        except KeyboardInterrupt:
            not_watched(f"tenantry cron log {task}")
            raise
    _conclude(runs, detach, as_json)


def log(
    task: MaybeName = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="SLUG", help="One tenant.", autocompletion=completion.slugs)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Runs to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the newest runs, each with what it did or why it failed.

    Example: tenantry cron log backup --failed

    Example: tenantry cron log --tenant acme
    """
    from tenantry.operations import cron

    runs = cron.newest(task, tenant, failed=failed, limit=limit)
    if as_json:
        console.print_json(runs)
        return
    for run in reversed(runs):
        console.line(f"{_when(run.slot)}  {line(run)}")
        if run.hint:
            console.line(f"    next: {run.hint}")
    if not runs:
        console.line("nothing has failed" if failed else "nothing has run yet")


def report(
    task: MaybeName = None,
    days: Days = 7,
    limit: Annotated[int, typer.Option(min=1, help="Tenants to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show which tenants' tasks take the most: time, PostgreSQL's time, rows, memory, failures.

    Example: tenantry cron report usage --days 1
    """
    from tenantry.operations import cron

    found = cron.heaviest(task, days=days, limit=limit)
    if as_json:
        console.print_json(found)
        return
    console.print_table(
        ("tenant", "task", "runs", "failed", "time (s)", "longest (s)", "database (s)", "statements", "rows", "MB", "last failure"),
        [
            (
                cost.slug or "(platform)", cost.task, cost.runs, cost.failed, f"{cost.seconds:.1f}", f"{cost.longest:.1f}",
                f"{cost.database_seconds:.2f}", cost.statements, cost.rows,
                f"{cost.memory_bytes / 2**20:.0f}" if cost.memory_bytes else "", cost.last_failure,
            )
            for cost in found
        ],
    )  # fmt: skip


def usage(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show what the tenants use, as last measured, and which limits are near or passed.

    Example: tenantry usage acme
    """
    from tenantry.operations import usage as measurements

    found = measurements.newest(slug)
    if as_json:
        console.print_json(found)
        return
    console.print_table(
        ("tenant", "measured", "rows", "database (MB)", "objects", "objects (MB)", "users", "connections", "limits"),
        [
            (
                each.slug, _when(each.measured_at), each.rows, f"{each.database_bytes / 10**6:.1f}", each.objects,
                f"{each.object_bytes / 10**6:.1f}", each.users, "-" if each.connections is None else each.connections,
                ", ".join(f"{one['limit']} {one['percent']} %{' OVER' * (one['level'] == 'over')}" for one in each.findings),
            )
            for each in found
        ],
    )  # fmt: skip
    if not found:
        console.say("nothing was measured yet: tenantry cron run usage --all")


def line(run: TaskRun) -> str:
    """A run as one line: task, tenant, what came of it, what it took."""
    what = run.summary if run.state == "done" else run.cause
    tail = f": {what}" if what else ""
    again = f", attempt {run.attempts}" if run.attempts > 1 else ""
    took = f" ({run.seconds:.1f} s)" if run.seconds is not None else ""
    return f"{MARKS[run.state]} {run.task} {run.slug or '(platform)'}{tail}{took}{again}"


def _show(run: TaskRun) -> None:
    console.say(line(run))


def _conclude(runs: Sequence[TaskRun], detach: bool, as_json: bool) -> None:
    if as_json:
        console.print_json(runs)
    elif detach:
        for run in runs:
            console.line(run.id)
    counts = {state: sum(run.state == state for run in runs) for state in ("done", "failed", "skipped")}
    failed = [run for run in runs if run.state == "failed"]
    if failed:
        first = failed[0]
        raise WorkError(
            f"{first.task}: {counts['failed']} of {len(runs)} failed, first {first.slug or 'the platform'}: {first.cause}",
            first.hint or f"tenantry cron log {first.task} --failed",
            code="run.failed",
        )
    if runs and not as_json and not detach:
        console.say(", ".join(f"{count} {state}" for state, count in counts.items() if count))


def _when(moment: datetime | None) -> str:
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else "-"


def _outcome(last: LastSlot | None, missed: int) -> str:
    counts = {"done": last.done, "failed": last.failed, "skipped": last.skipped, "open": last.open} if last else {}
    told = [f"{count} {state}" for state, count in counts.items() if count]
    return ", ".join([*told, *([f"{missed} missed in a day"] if missed else [])])
