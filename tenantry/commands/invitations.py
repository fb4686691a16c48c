"""`tenantry invite|invitations|invitation|accept`: who is invited to a tenant, and who comes in."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json, Slug
from tenantry.errors import InputError


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (invite, invitations, accept):
        app.command()(function)
    words = "Take invitations back: docs/onboarding.md.\n\nExample: tenantry invitation revoke acme bea@acme.example"
    groups.add(app, "invitation", words, {"revoke": revoke})


def invite(
    slug: Slug,
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Somebody else than the first administrator.")] = "",
    name: Annotated[str, typer.Option("--name", help="The person's name.")] = "",
    role: Annotated[str, typer.Option("--role", help="admin or member.")] = "member",
    inviter: Annotated[str, typer.Option("--from", metavar="NAME", help="Who invites, as the mail says it.")] = "",
    by_mail: Annotated[bool, typer.Option("--mail", help="Send the link by mail instead of printing it.")] = False,
    as_json: Json = False,
) -> None:
    """Invite somebody to a tenant; without --email, give the first administrator's invitation a new link. The previous link stops working.

    Example: tenantry invite acme

    Example: tenantry invite acme --mail

    Example: tenantry invite acme --email bea@acme.example --name "Bea Busch" --role admin --mail
    """
    from tenantry.operations import invite as operation

    if email:
        if not name:
            raise InputError("a name is missing: the mail greets the person by it", '--name "Bea Busch"')
        made = operation.invite(slug, email, name, role, Actor.of_environment(), by_mail=by_mail, inviter=inviter)
        if made.mail is not None:
            operation.send(made.mail)
        if as_json:
            console.print_json({key: value for key, value in asdict(made).items() if value is not None})
        else:
            console.line(made.link or f"sent to {made.email}")
        return
    if name or inviter or role != "member":
        raise InputError("--name, --role and --from are of whom --email invites", "the first administrator is named in the tenant's file")
    if by_mail:
        address = operation.by_mail(slug)
        console.print_json({"slug": slug, "sent_to": address}) if as_json else console.line(f"sent to {address}")
    else:
        link = operation.new_link(slug)
        console.print_json({"slug": slug, "link": link}) if as_json else console.line(link)


def invitations(slug: Slug, as_json: Json = False) -> None:
    """List a tenant's invitations: to whom, as what, by whom, and what became of each.

    Example: tenantry invitations acme
    """
    from tenantry.operations import invite as operation

    found = operation.listed(slug)
    if as_json:
        console.print_json(found)
        return
    rows = []
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at and each.state == "open" else None
        rows.append((str(each.id)[:8], each.email, each.name, each.role, each.state, until, each.invited_by or "the platform"))
    console.print_table(("id", "to", "name", "role", "state", "until", "invited by"), rows, optional=("id", "invited by"))


def revoke(
    slug: Slug,
    whom: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who is invited: the address, or the invitation's whole id.")],
    as_json: Json = False,
) -> None:
    """Take an invitation back that nobody has accepted: its link stops working, and its mails are not sent.

    Example: tenantry invitation revoke acme bea@acme.example
    """
    from tenantry.operations import invite as operation

    taken = operation.revoke(slug, whom, Actor.of_environment())
    console.print_json(taken) if as_json else console.line(f"{taken.email} is not invited to {slug} any more")


def accept(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="The last part of the link; standard input without it.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="How the person wants to be called, if not as invited.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Where the code was brought to: one of the tenant's host names.")] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="JSON", help="What else the application wants to know: an object.")] = "{}",
    as_json: Json = False,
) -> None:
    """Accept an invitation in a person's place: a user with the tenant's default settings, who is sent the welcome mail.

    It can be done once. Done again, the same is printed.

    Example: tenantry accept < code

    Example: tenantry accept 3q2-7w… --name "Bea Busch" --json
    """
    from tenantry.operations import accept as operation

    try:
        said = json.loads(profile)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InputError("--profile is not a JSON object", """for example '{"title": "Buyer"}'""")
    given = sys.stdin.readline().strip() if code is None else code
    done = operation.accept(given, name=name, host=host, profile=said, actor=Actor.of_environment())
    if as_json:
        console.print_json(done)
        return
    console.line(f"{done.user_id} {'was' if done.again else 'is'} let in to {done.slug}, as {done.role}: {done.redirect}")
