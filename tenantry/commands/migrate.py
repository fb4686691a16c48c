"""`tenantry migrate`: the tenant tables of the whole fleet."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import completion
from tenantry.commands.options import Detach, Json
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    from tenantry.operations.migrate import Options, Plan
    from tenantry.operations.runs import RunEntry

STATUS = "status"  # a reserved slug: no tenant can have it
MOST_REVISIONS = 8


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(migrate)


def migrate(
    slugs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SLUG…|status]",
            help="These tenants only; `status` shows who is at which revision.",
            show_default=False,
            autocompletion=completion.slugs,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="The whole fleet (also when nothing is named).")] = False,
    only_plan: Annotated[bool, typer.Option("--plan", help="Show who would be migrated from where to where, and change nothing.")] = False,
    canary: Annotated[int | None, typer.Option(min=0, metavar="N", help="N tenants go first, drawn for this revision.")] = None,
    ring: Annotated[str, typer.Option(metavar="NAME", help="The tenants whose label `ring` is NAME go first.")] = "canary",
    parallel: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Tenants at one time.")] = 4,
    budget: Annotated[
        int, typer.Option(min=0, metavar="N", help="Continue until more than N have failed; in the first ring none may.")
    ] = 0,
    lock_timeout: Annotated[float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="How long to wait for a lock.")] = 3.0,
    only_check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with the tables that the revisions make; nothing is migrated.")
    ] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Bring the tenant tables to the newest revision: a ring first, then the rest. Interrupted or stopped, it resumes when repeated.

    --check needs no platform, only a PostgreSQL server (PGHOST, PGPORT, PGUSER, PGPASSWORD): it makes a scratch database and a role there,
    and drops both.

    Example: tenantry migrate --check

    Example: tenantry migrate --plan

    Example: tenantry migrate --canary 5 --budget 3

    Example: tenantry migrate acme birch      (these only)

    Example: tenantry migrate status
    """
    from tenantry.operations import migrate as operation

    chosen = list(dict.fromkeys(slugs or []))
    if only_check:
        if chosen or every or only_plan or detach:
            raise InputError("--check is about the revisions, whoever has them", "leave the rest out: tenantry migrate --check")
        _check(as_json)
        return
    status = chosen == [STATUS]
    if chosen and every:
        raise InputError("say which: SLUG… or --all", "for example: tenantry migrate --all")
    if canary is not None and ring != "canary":
        raise InputError("--canary and --ring both say who goes first", "leave one of them out")
    options = operation.Options(ring=ring, canary=canary, parallel=parallel, budget=budget, lock_seconds=lock_timeout)
    if status:
        _print_matrix(as_json)
        return
    found = operation.plan(chosen, options)
    if only_plan:
        _print_plan(found, as_json)
        return
    if not found.lagging:
        if as_json:
            _print_result(found, None)
        else:
            console.say(f"nothing to do: {len(found.done)} at {found.head}{_aside(found)}")
        operation.refuse_unreachable(found)
        return
    _roll_out(found, chosen, options, detach, as_json)


def _check(as_json: bool) -> None:
    """Every problem by table and column, with what to write instead; ``InputError`` when there is one."""
    from tenantry.operations import table_check

    found = table_check.check()
    if as_json:
        listed = {"problems": found.problems, "notes": found.notes}
        shown = {name: [fault._asdict() for fault in faults] for name, faults in listed.items()}
        console.print_json({"revision": found.revision, "tenant": found.tenant, "reference": found.reference, **shown})
    else:
        for fault in found.problems:
            console.line(str(fault))
        for note in found.notes:
            console.say(f"note: {note}")
    if found.problems:
        many = f"{len(found.problems)} problem{'s' if len(found.problems) > 1 else ''}"
        raise InputError(f"{many} in the tables of {found.made_by}", "docs/tables.md says what tables may look like; nothing was changed")
    if not as_json:
        console.line(f"{len(found.tenant)} tenant tables and {len(found.reference)} reference tables at {found.revision}: as they must be")


def _roll_out(found: Plan, chosen: list[str], options: Options, detach: bool, as_json: bool) -> None:
    from tenantry.commands.watching import line, not_watched
    from tenantry.operations import migrate as operation
    from tenantry.operations import runs

    run_id = operation.request(chosen, options, actor=Actor.of_environment(), looked=None if detach else found)
    if detach:
        console.print_json({"run": run_id}) if as_json else console.line(run_id)
        return
    console.say(f"{len(found.lagging)} to migrate to {found.head}, {len(found.first)} of them first (run {run_id})")
    try:
        (run,) = runs.until_done([run_id], lambda _, step: None if step.state == "running" else console.say(line(step)), console.say)
    except KeyboardInterrupt:
        not_watched(f"tenantry log {run_id}")
        raise
    if as_json:
        _print_result(found, run)
    if run.state == "failed":
        raise WorkError(
            f"migrate: {run.error}", f"{run.hint}; then: tenantry migrate, which resumes with those that lag behind", code="run.failed"
        )
    if not as_json:
        console.say(f"{run.notes.get('migrated', 0)} migrated to {found.head}{_aside(found)}")


def _aside(found: Plan) -> str:
    """Who is left out, and why."""
    held = (
        f", {len(found.held)} left until their moves and restores are over ({', '.join(table_set.name for table_set in found.held[:3])})"
        if found.held
        else ""
    )
    return held + (f", {len(found.unmade)} not made yet" if found.unmade else "")


def _print_result(found: Plan, run: RunEntry | None) -> None:
    notes = run.notes if run else {}
    console.print_json(
        {
            "head": found.head,
            "run": run.id if run else None,
            "state": run.state if run else "done",
            "migrated": notes.get("migrated", 0),
            "failed": notes.get("failed", {}),
            "at_head_before": len(found.done),
            "not_made_yet": len(found.unmade),
            "held": [table_set.name for table_set in found.held],
            "unreachable": {table_set.name: table_set.problem for table_set in found.unreachable},
            "error": run.error if run else None,
            "hint": run.hint if run else None,
        }
    )


def _print_plan(found: Plan, as_json: bool) -> None:
    from tenantry.operations.migrate_status import TableSetEntry

    groups = {"first": found.first, "rest": found.rest}
    if as_json:
        rest = {"held": found.held, "unmade": found.unmade, "unreachable": found.unreachable}
        data = {name: [asdict(TableSetEntry.of(table_set)) for table_set in group] for name, group in {**groups, **rest}.items()}
        console.print_json({"head": found.head, "at_head": len(found.done), **data})
        return
    rows = [
        (
            name,
            table_set.name,
            table_set.isolation,
            table_set.cell,
            table_set.version,
            found.head,
            f"{len(table_set.slugs)} tenants" if not table_set.tenant_id else "",
        )
        for name, group in groups.items()
        for table_set in group
    ]
    if rows:
        console.print_table(("when", "tenant", "isolation", "cell", "from", "to", "reaches"), rows)
    for table_set in found.unreachable:
        console.say(f"not reachable: {table_set.name}: {table_set.problem}")
    console.say(f"{len(found.lagging)} to migrate, {len(found.done)} at {found.head} already{_aside(found)}")


def _print_matrix(as_json: bool) -> None:
    """Tenants by revisions: a mark where the tenant has it."""
    from tenantry.operations import migrate_status

    found = migrate_status.status()
    if as_json:
        console.print_json(found)
        return
    known, head = found.revisions, found.head
    shown = known[-MOST_REVISIONS:]
    table = []
    for tenant in found.tenants:
        version = tenant.revision
        reached = known.index(version) if version in known else -1
        note = tenant.problem or "not made yet" if version is None else f"{len(known) - 1 - reached} behind" if version != head else ""
        if version is not None and version not in known and found.partial:
            note = "behind"
        elif version is not None and version not in known:
            note = f"at {version}, which this checkout does not have"
        marks = ["x" if known.index(revision) <= reached else "" for revision in shown]
        table.append((tenant.tenant, tenant.isolation, tenant.cell, tenant.ring, *marks, note))
    console.print_table(("tenant", "isolation", "cell", "ring", *shown, ""), table)
    for revision in known:
        count = sum(tenant.revision == revision for tenant in found.tenants)
        if count:
            console.say(f"{revision}{' (head)' if revision == head else ''}: {count}")
