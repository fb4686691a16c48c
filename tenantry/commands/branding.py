"""A tenant's branding: as files, and pictures that are uploaded."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.configuration_value import As, print_changed, role_of
from tenantry.commands.options import Json, Slug
from tenantry.declaration.assets import MAX_BYTES
from tenantry.errors import InputError


class Use(StrEnum):
    """What a picture is for."""

    logo = "logo"
    favicon = "favicon"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "How a tenant looks: as files for builds, and its pictures.\n\nExample: tenantry branding upload acme logo new-logo.svg"
    groups.add(app, "branding", words, {"export": export, "upload": upload})


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


def upload(
    slug: Slug,
    use: Annotated[Use, typer.Argument(help="What it is.", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="SVG or PNG; a favicon also ICO.", show_default=False)],
    editor: As = "platform",
    as_json: Json = False,
) -> None:
    """Give a tenant a new picture, which is served at once. `tenantry config unset SLUG branding.logo` takes it back.

    It is checked and written anew as a picture of the tenant's file is, and lies over that one until it is taken back.

    Example: tenantry branding upload acme logo new-logo.svg
    """
    from tenantry.operations import pictures

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    print_changed(pictures.upload(slug, use.value, data, editor=role_of(editor), actor=Actor.of_environment()), as_json)
