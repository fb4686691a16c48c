"""`tenantry row-context rotate`: the key that signs row contexts for a cell's shared tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tenantry import console
from tenantry.commands import duration, groups
from tenantry.commands.options import Json


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Signed row contexts of rls tenants: docs/row-context.md.\n\nExample: tenantry row-context rotate main"
    groups.add(app, "row-context", words, {"rotate": rotate})


def rotate(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="main, or the name of another cell.")],
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="How long the key before is still accepted; 0m when it has leaked.")
    ] = "24h",
    as_json: Json = False,
) -> None:
    """Replace the key that signs a cell's row contexts. The application has to read the secret again before the overlap is over.

    Example: tenantry row-context rotate main

    Example: tenantry row-context rotate main --overlap 0m
    """
    from tenantry.operations import row_context

    new = row_context.rotate(cell, duration.parse(overlap))
    if as_json:
        console.print_json({**asdict(new), "overlap": overlap})
        return
    console.line(f"{cell}: key {new.key} signs from now on (secret {new.secret}); the one before is accepted for {overlap} more")
