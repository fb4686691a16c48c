"""`tenantry admin`: the people who look after the platform, for the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json

if TYPE_CHECKING:
    from tenantry.operations.platform_admins import PlatformAdmin

Address = Annotated[str, typer.Argument(metavar="EMAIL", help="The address that the person goes by.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "People who look after the platform: docs/sign-in.md.\n\nExample: tenantry admin list"
    groups.add(app, "admin", words, {"link": link, "list": list_, "revoke": revoke})


def link(email: Address, as_json: Json = False) -> None:
    """Make a link that signs a platform's administrator in, once and within ten minutes. Who is none yet becomes one.

    Example: tenantry admin link ada@tenantry.example
    """
    from tenantry.operations import platform_admins

    made = platform_admins.link(email, actor=Actor.of_environment())
    if as_json:
        console.print_json(made)
        return
    console.line(made.url)
    console.say(f"signs {made.email} in, once, until {made.expires_at:%H:%M} UTC")


def list_(as_json: Json = False) -> None:
    """List the platform's administrators, and how many browsers each is signed in with.

    Example: tenantry admin list
    """
    from tenantry.operations import platform_admins

    console.print_entries(platform_admins.listed(), as_json, _line, "nobody: tenantry admin link ADDRESS")


def _line(admin: PlatformAdmin) -> str:
    state = f"ended by {admin.revoked_by}" if admin.revoked_at else f"{admin.sessions} sessions"
    return f"{admin.email}  {state}  (since {admin.created_at:%Y-%m-%d}, by {admin.created_by})"


def revoke(email: Address, as_json: Json = False) -> None:
    """End an administrator of the platform: the sessions and the link of this person stop working at once.

    Example: tenantry admin revoke ada@tenantry.example
    """
    from tenantry.operations import platform_admins

    ended = platform_admins.revoke(email, actor=Actor.of_environment())
    if as_json:
        console.print_json(ended)
    else:
        console.say(f"{ended.email} is no administrator of the platform any more")
