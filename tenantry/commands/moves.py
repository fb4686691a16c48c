"""`tenantry move|moves`: a tenant's data to another isolation model or cell."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
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
    finish: Annotated[bool, typer.Option("--finish", help="Remove the old place now; then no rollback is possible.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Move a tenant to another isolation model or cell while it works. Interrupted, it resumes when repeated.

    With --to or --cell its file is edited too: commit that.

    Example: tenantry move acme --to schema

    Example: tenantry move acme                 (after `isolation:` was changed in its file)

    Example: tenantry move acme --rollback
    """
    from tenantry.commands.watching import watch
    from tenantry.operations.move import begin, request

    if rollback + finish + (to is not None or cell is not None) > 1:
        raise InputError("choose one: a destination, --rollback or --finish", f"for example: tenantry move {slug} --to schema")
    kept = duration.parse(keep)
    if finish:
        watch([request.follow_up("move-finish", slug, actor=Actor.of_environment())], detach=detach, as_json=as_json)
        return
    if rollback:
        run = request.follow_up("move-rollback", slug, actor=Actor.of_environment())
        watch([run], detach=detach, as_json=as_json)
        # The file says where the tenant lives once no move is open any more.
        _say_edited(slug, begin.returned(slug, run))
        return
    begun = begin.begin(slug, to, cell, keep=kept, actor=Actor.of_environment())
    if begun.run is None:
        console.say(f"{slug} lives as {begun.target} already: nothing to move")
        _say_edited(slug, begun.edited)
        if as_json:
            console.print_json([])
        return
    _say_edited(slug, begun.edited)
    watch([begun.run], detach=detach, as_json=as_json)
    if not detach and not as_json:
        console.say(f"check it, then: tenantry move {slug} --finish; or back: tenantry move {slug} --rollback")


def moves(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show current and past moves: from where, to where, how long writes waited, until when a rollback is possible.

    Example: tenantry moves acme
    """
    from tenantry.declaration.placement import Place
    from tenantry.operations.move import history

    found = history.moves_of(slug)
    if as_json:
        console.print_json(found)
        return
    columns = ("tenant", "from", "to", "state", "begun", "rows", "writes waited", "rollback until")
    rows = []
    for move in found:
        waited = f"{move.freeze_ms / 1000:.2f} s" if move.freeze_ms is not None else ""
        until = f"{move.kept_until:%Y-%m-%d %H:%M}" if move.ended_at is None and move.kept_until else ""
        places = (Place(**move.source), Place(**move.target))
        rows.append((move.slug, *places, move.outcome or move.phase, f"{move.started_at:%Y-%m-%d %H:%M}", move.rows, waited, until))
    console.print_table(columns, rows)


def _say_edited(slug: str, edited: bool) -> None:
    from tenantry.operations import unmerged

    if edited and (commit := unmerged.to_commit(slug, f"Move {slug}")):
        console.say(f"tenants/{slug}.yaml was edited to say so, {commit}")
