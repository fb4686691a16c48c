"""`tenantry user`: a tenant's people, for the service."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json, Slug


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "People of a tenant who sign in to the service: docs/sign-in.md.\n\nExample: tenantry user link acme ada@acme.example"
    groups.add(app, "user", words, {"link": link})


def link(slug: Slug, email: Annotated[str, typer.Argument(metavar="EMAIL", help="The user's address.")], as_json: Json = False) -> None:
    """Make a link that signs a user of a tenant in, once and within ten minutes: for whoever has no password, or has forgotten it.

    Example: tenantry user link acme ada@acme.example
    """
    from tenantry.operations import users

    made = users.link(slug, email, actor=Actor.of_environment())
    if as_json:
        console.print_json(asdict(made))
        return
    console.line(made.url)
    console.say(f"signs {made.email} in, once, until {made.expires_at:%H:%M} UTC")
