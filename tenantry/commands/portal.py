"""`tenantry portal-link`: one page of a tenant's, once."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands.options import Json, Slug


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("portal-link")(portal_link)


def portal_link(
    slug: Slug,
    intent: Annotated[str, typer.Argument(help="What for: activity, configuration or people.")],
    return_url: Annotated[
        str | None, typer.Option("--return", metavar="URL", help="Where the way back leads: a host of the tenant's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a link that opens one page of a tenant's, once, within ten minutes, for somebody without an account.

    Example: tenantry portal-link acme configuration
    """
    from tenantry.operations import portal_links

    tenant = portal_links.find(slug)
    made = portal_links.make(tenant, intent, return_url, holder=None, actor=Actor.of_environment())
    if as_json:
        console.print_json(made)
        return
    console.line(made.url)
    console.say(f"it works once, until {made.expires_at:%H:%M:%S} UTC")
