"""`tenantry row-context rotate`: the key that signs row contexts for a cell's shared tables."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.commands import duration
from tenantry.commands.options import Json


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(
        help="Signed row contexts of rls tenants: docs/row-context.md.\n\nExample: tenantry row-context rotate main", no_args_is_help=True
    )
    group.command()(rotate)
    app.add_typer(group, name="row-context")


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
    from tenantry import naming
    from tenantry.postgres import row_context
    from tenantry.settings import PlatformSettings, project_root

    secret = naming.context_key(PlatformSettings.from_project(project_root()).bucket_prefix, naming.require_cell(cell))
    key = row_context.rotate(cell, secret, duration.parse(overlap))
    if as_json:
        console.print_json({"cell": cell, "key": key, "secret": secret, "overlap": overlap})
        return
    console.line(f"{cell}: key {key} signs from now on (secret {secret}); the one before is accepted for {overlap} more")
