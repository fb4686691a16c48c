"""A tenant's branding as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tenantry import console
from tenantry.commands import groups
from tenantry.commands.options import Json, Slug


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "How a tenant looks, as files for builds.\n\nExample: tenantry branding export acme --out build/acme"
    groups.add(app, "branding", words, {"export": export})


def export(
    slug: Slug,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder of its own; made where it is missing.")],
    as_json: Json = False,
) -> None:
    """Write what a tenant's file says of its look: CSS variables, design tokens, manifest, icons. The same bytes on every machine.

    Example: tenantry branding export acme --out build/acme
    """
    from tenantry.operations import branding_export

    done = branding_export.export(slug, out)
    if as_json:
        console.print_json({**asdict(done), "directory": str(done.directory)})
        return
    for name in done.files:
        console.line(str(done.directory / name))
    if done.removed:
        console.say(f"removed, because the tenant has them no more: {', '.join(done.removed)}")
