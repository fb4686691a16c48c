"""`tenantry cron list|run|log|report` and `tenantry usage`: scheduled tasks, and what the tenants use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from tenantry import console
from tenantry.commands import completion
from tenantry.commands.options import Detach, Json, MaybeSlug, Slugs
from tenantry.errors import InputError, WorkError

Name = Annotated[str, typer.Argument(metavar="TASK", help="The task: tenantry cron list shows them.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[TASK]", help="One task; all when left out.", show_default=False)]
Days = Annotated[int, typer.Option(min=1, metavar="N", help="How many days back.")]

MARKS = {"done": "✓", "failed": "✗", "skipped": "-", "running": "…", "queued": " "}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    cron = typer.Typer(
        no_args_is_help=True,
        help="Scheduled tasks: what is due when, what came of it, and which tenants are the heaviest.\n\nExample: tenantry cron list",
    )
    cron.command("list")(list_)
    for function in (run, log, report):
        cron.command()(function)
    app.add_typer(cron, name="cron")
    app.command()(usage)


def list_(as_json: Json = False) -> None:
    """Show every task, when it is due, and what came of the last time.

    Example: tenantry cron list
    """
    from tenantry.control import task_runs, workers
    from tenantry.work.tasks import register

    tasks = register.known()
    expressions = register.schedules()
    last, missed = task_runs.last_slots(), task_runs.missed(timedelta(days=1))
    found: list[dict[str, Any]] = []
    for name, task in sorted(tasks.items()):
        expression = expressions.get(name)
        found.append(
            {
                "task": name,
                "about": task.about,
                "scope": task.scope,
                "schedule": expression,
                "next": register.next_time(expression) if expression else None,
                "catch_up": task.catch_up,
                "last": {key: value for key, value in last[name].items() if key != "task"} if name in last else None,
                "missed_last_day": missed.get(name, 0),
            }
        )
    if as_json:
        console.print_json(found)
    else:
        console.print_table(
            ("task", "what", "scope", "schedule (UTC)", "next", "last", "came of it"),
            [
                (
                    row["task"], row["about"], row["scope"], row["schedule"] or "off", _when(row["next"]),
                    _when(row["last"]["slot"]) if row["last"] else "never", _outcome(row["last"], row["missed_last_day"]),
                )
                for row in found
            ],
        )  # fmt: skip
    if not workers.alive():
        console.say("no worker is at work, so nothing is started by itself: tenantry worker")


def run(
    task: Name,
    slugs: Slugs = None,
    every: Annotated[bool, typer.Option("--all", help="Every active tenant.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Do a task now, beside its schedule.

    Example: tenantry cron run usage acme

    Example: tenantry cron run usage --all

    Example: tenantry cron run mail
    """
    from tenantry.commands.watching import not_watched, person
    from tenantry.control import task_runs
    from tenantry.work import follow_tasks
    from tenantry.work.tasks import register, schedule

    found = register.find(task)
    if found.scope == "per_tenant" and bool(slugs) == every:
        raise InputError(f"the task {task} is done per tenant: say SLUG… or --all", f"for example: tenantry cron run {task} --all")
    if found.scope == "aggregate" and (slugs or every):
        raise InputError(f"the task {task} is about the whole platform", f"tenantry cron run {task}")
    ids = schedule.request(found, slugs, person())
    if not ids:
        console.say("no active tenant")
    if detach:
        rows = task_runs.of(ids)
    else:
        try:
            rows = follow_tasks.until_done(ids, (lambda row: None) if as_json else _show, console.say)
        except KeyboardInterrupt:
            not_watched(f"tenantry cron log {task}")
            raise
    _conclude(rows, detach, as_json)


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
    from tenantry.control import task_runs
    from tenantry.stores.tenant_store import TenantStore
    from tenantry.work.tasks import register

    if task is not None:
        register.find(task)
    tenant_id = TenantStore.of(tenant).id if tenant is not None else None
    rows = task_runs.latest(task=task, tenant_id=tenant_id, failed=failed, limit=limit)
    if as_json:
        console.print_json(rows)
        return
    for row in reversed(rows):
        console.line(f"{_when(row['slot'])}  {line(row)}")
        if row["hint"]:
            console.line(f"    next: {row['hint']}")
    if not rows:
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
    from tenantry.control import task_runs
    from tenantry.work.tasks import register

    if task is not None:
        register.find(task)
    rows = task_runs.heaviest(task=task, since=timedelta(days=days), limit=limit)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(
        ("tenant", "task", "runs", "failed", "time (s)", "longest (s)", "database (s)", "statements", "rows", "MB", "last failure"),
        [
            (
                row["slug"] or "(platform)", row["task"], row["runs"], row["failed"], f"{row['seconds']:.1f}", f"{row['longest']:.1f}",
                f"{row['database_seconds']:.2f}", row["statements"], row["rows"],
                f"{row['memory_bytes'] / 2**20:.0f}" if row["memory_bytes"] else "", row["last_failure"],
            )
            for row in rows
        ],
    )  # fmt: skip


def usage(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show what the tenants use, as last measured, and which limits are near or passed.

    Example: tenantry usage acme
    """
    from tenantry.stores import usage as measurements
    from tenantry.stores.tenant_store import TenantStore

    rows = measurements.newest(TenantStore.of(slug).id if slug is not None else None)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(
        ("tenant", "measured", "rows", "database (MB)", "objects", "objects (MB)", "users", "connections", "limits"),
        [
            (
                row["slug"], _when(row["measured_at"]), row["rows"], f"{row['database_bytes'] / 10**6:.1f}", row["objects"],
                f"{row['object_bytes'] / 10**6:.1f}", row["users"], "-" if row["connections"] is None else row["connections"],
                ", ".join(f"{each['limit']} {each['percent']} %{' OVER' * (each['level'] == 'over')}" for each in row["findings"]),
            )
            for row in rows
        ],
    )  # fmt: skip
    if not rows:
        console.say("nothing was measured yet: tenantry cron run usage --all")


def line(row: dict[str, Any]) -> str:
    """A run as one line: task, tenant, what came of it, what it took."""
    what = row["summary"] if row["state"] == "done" else row["cause"]
    tail = f": {what}" if what else ""
    again = f", attempt {row['attempts']}" if row["attempts"] > 1 else ""
    took = f" ({row['seconds']:.1f} s)" if row["seconds"] is not None else ""
    return f"{MARKS[row['state']]} {row['task']} {row['slug'] or '(platform)'}{tail}{took}{again}"


def _show(row: dict[str, Any]) -> None:
    console.say(line(row))


def _conclude(rows: Sequence[dict[str, Any]], detach: bool, as_json: bool) -> None:
    if as_json:
        console.print_json(rows)
    elif detach:
        for row in rows:
            console.line(row["id"])
    counts = {state: sum(row["state"] == state for row in rows) for state in ("done", "failed", "skipped")}
    failed = [row for row in rows if row["state"] == "failed"]
    if failed:
        first = failed[0]
        raise WorkError(
            f"{first['task']}: {counts['failed']} of {len(rows)} failed, first {first['slug'] or 'the platform'}: {first['cause']}",
            first["hint"] or f"tenantry cron log {first['task']} --failed",
            code="run.failed",
        )
    if rows and not as_json and not detach:
        console.say(", ".join(f"{count} {state}" for state, count in counts.items() if count))


def _when(moment: datetime | None) -> str:
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else "-"


def _outcome(last: dict[str, Any] | None, missed: int) -> str:
    told = [f"{last[state]} {state}" for state in ("done", "failed", "skipped", "open") if last[state]] if last else []
    return ", ".join([*told, *([f"{missed} missed in a day"] if missed else [])])
