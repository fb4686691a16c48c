"""`tenantry move|moves`: a tenant's data to another isolation model or cell."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.commands import duration
from tenantry.commands.options import Detach, Json, MaybeSlug, Slug
from tenantry.errors import InputError


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (move, moves):
        app.command()(function)


def move(
    slug: Slug,
    to: Annotated[
        str | None, typer.Option("--to", metavar="MODEL", help="rls, schema, database or instance. Left out: what its file says.")
    ] = None,
    cell: Annotated[str | None, typer.Option("--cell", metavar="CELL", help="The cell, where that changes.")] = None,
    keep: Annotated[str, typer.Option("--keep", metavar="TIME", help="How long a rollback is possible: 7d, 12h, 30m.")] = "7d",
    rollback: Annotated[bool, typer.Option("--rollback", help="Back to where it was, with all that was written since.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Remove the old place now; then there is no way back.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Move a tenant to another isolation model or cell while it works. Killed anywhere, run again, it goes on.

    With --to or --cell its file is edited too: commit that.

    Example: tenantry move acme --to schema

    Example: tenantry move acme                 (after `isolation:` was changed in its file)

    Example: tenantry move acme --rollback
    """
    from tenantry.commands.watching import person, watch
    from tenantry.operations.move import request

    if rollback + finish + (to is not None or cell is not None) > 1:
        raise InputError("say one thing: where to, --rollback or --finish", f"for example: tenantry move {slug} --to schema")
    kept = duration.parse(keep)
    if finish:
        watch([request.follow_up("move-finish", slug, by=person())], detach=detach, as_json=as_json)
        return
    if rollback:
        run = request.follow_up("move-rollback", slug, by=person())
        watch([run], detach=detach, as_json=as_json)
        # The file says where the tenant lives once no move is open any more.
        _say_edited(slug, request.write_file(slug, request.came_from(run)))
        return
    run_id = request.joined(slug, to, cell, by=person())
    edited = False
    if run_id is None:
        plan = request.plan(slug, to, cell)
        edited = request.write_file(slug, plan.target)
        if plan.source is None:
            console.say(f"{slug} lives as {plan.target} already: nothing to move")
            _say_edited(slug, edited)
            if as_json:
                console.print_json([])
            return
        run_id = request.request(plan, keep=kept, by=person())
    _say_edited(slug, edited)
    watch([run_id], detach=detach, as_json=as_json)
    if not detach and not as_json:
        console.say(f"look at it, then: tenantry move {slug} --finish; or back: tenantry move {slug} --rollback")


def moves(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show the moves under way and those that were: where from, where to, how long writes waited, until when there is a way back.

    Example: tenantry moves acme
    """
    from tenantry.control import moves as records
    from tenantry.declaration.placement import Place
    from tenantry.stores.tenant_store import TenantStore

    found = records.history(TenantStore.of(slug).id if slug else None)
    if as_json:
        console.print_json([{**row, "keep": row["keep"].total_seconds()} for row in found])
        return
    columns = ("tenant", "from", "to", "state", "begun", "rows", "writes waited", "way back until")
    rows = []
    for row in found:
        waited = f"{row['freeze_ms'] / 1000:.2f} s" if row["freeze_ms"] is not None else ""
        until = f"{row['kept_until']:%Y-%m-%d %H:%M}" if row["ended_at"] is None and row["kept_until"] else ""
        places = (Place(**row["source"]), Place(**row["target"]))
        rows.append(
            (row["slug"], *places, row["outcome"] or row["phase"], f"{row['started_at']:%Y-%m-%d %H:%M}", row["rows"], waited, until)
        )
    console.print_table(columns, rows)


def _say_edited(slug: str, edited: bool) -> None:
    from tenantry.operations import unmerged

    if edited and (commit := unmerged.to_commit(slug, f"Move {slug}")):
        console.say(f"tenants/{slug}.yaml was edited to say so, {commit}")
