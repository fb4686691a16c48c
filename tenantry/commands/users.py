"""`tenantry user`: a tenant's people: who they are, what they may do, their end, and links that sign them in."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json, Slug

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id or address.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "People of a tenant who sign in to the service: docs/sign-in.md.\n\nExample: tenantry user link acme ada@acme.example"
    groups.add(app, "user", words, {"link": link, "list": list_, "role": role, "remove": remove})


def link(slug: Slug, email: Annotated[str, typer.Argument(metavar="EMAIL", help="The user's address.")], as_json: Json = False) -> None:
    """Make a link that signs a user of a tenant in, once and within ten minutes: for whoever has no password, or has forgotten it.

    Example: tenantry user link acme ada@acme.example
    """
    from tenantry.operations import users

    made = users.link(slug, email, actor=Actor.of_environment())
    if as_json:
        console.print_json(made)
        return
    console.line(made.url)
    console.say(f"signs {made.email} in, once, until {made.expires_at:%H:%M} UTC")


def list_(slug: Slug, as_json: Json = False) -> None:
    """Show a tenant's users.

    Example: tenantry user list acme
    """
    from tenantry.operations import user_roles

    found = user_roles.listed(slug)
    if as_json:
        console.print_json(found)
        return
    console.print_table(
        ("address", "name", "role", "since", "id"),
        [(user.email, user.name, user.role, f"{user.created_at:%Y-%m-%d}", user.id) for user in found],
    )


def role(
    slug: Slug, user: User, to: Annotated[str, typer.Argument(metavar="ROLE", help="admin or member.")], as_json: Json = False
) -> None:
    """Give a user another role, and sign the person out. A tenant keeps an administrator.

    Example: tenantry user role acme bea@acme.example admin
    """
    from tenantry.operations import user_roles

    changed = user_roles.change(slug, user_roles.find(slug, user), to, actor=Actor.of_environment())
    console.print_json(changed) if as_json else console.line(f"{changed.email} of {slug}: {changed.role}")


def remove(slug: Slug, user: User, as_json: Json = False) -> None:
    """Remove a user, and sign the person out. A tenant keeps an administrator.

    Example: tenantry user remove acme bea@acme.example
    """
    from tenantry.operations import user_roles

    gone = user_roles.remove(slug, user_roles.find(slug, user), actor=Actor.of_environment())
    console.print_json(gone) if as_json else console.line(f"{gone.email} is no user of {slug} any more")
