"""``tenantry proposals``: what waits on a forge for a decision, and what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.commands.options import Json


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command(name="proposals")(proposals)


def proposals(
    limit: Annotated[int, typer.Option("--limit", help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Ask the forge what was decided, and show the proposals: proposed, merged, run, done, failed or rejected.

    Example: tenantry proposals --limit 10
    """
    from tenantry.operations import proposals as operation

    operation.advance(now=True)
    found, _ = operation.page(limit=limit)
    if as_json:
        console.print_json(found)
        return
    rows = [
        (each.tenant, each.kind, each.state, each.requested_by, f"{each.created_at:%Y-%m-%d %H:%M}", each.link or each.cause or "")
        for each in found
    ]
    console.print_table(("tenant", "change", "state", "asked by", "since", "where"), rows)
