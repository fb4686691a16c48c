"""`tenantry sso`: a tenant's own provider of single sign-on, and the secret that we show it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.asking import ask
from tenantry.commands.options import Json, Slug


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "A tenant's own provider of single sign-on: docs/sign-in.md.\n\nExample: tenantry sso show acme"
    groups.add(app, "sso", words, {"show": show, "secret": secret})


def show(slug: Slug, as_json: Json = False) -> None:
    """Show a tenant's own provider, as its file was last applied, and what has to be registered there.

    Example: tenantry sso show acme
    """
    from tenantry.operations import sso_secret

    found = sso_secret.show(slug)
    if as_json:
        console.print_json(asdict(found))
        return
    if found.issuer is None:
        console.say(f"{slug} has no provider of its own: sign_in.issuer and sign_in.client_id in its file, then tenantry up")
        return
    console.line(f"{found.issuer}  client {found.client_id}  {'with a secret' if found.secret else 'without a secret'}")
    for callback in found.callbacks:
        console.line(callback)


def secret(
    slug: Slug,
    remove: Annotated[bool, typer.Option("--remove", help="Delete it: PKCE alone shows the provider that it is us.")] = False,
    as_json: Json = False,
) -> None:
    """Set the secret that the tenant's own provider has given us, from standard input; it counts within a minute.

    Example: tenantry sso secret acme < secret

    Example: tenantry sso secret acme --remove
    """
    from tenantry.operations import sso_secret

    if remove:
        gone = sso_secret.remove(slug, actor=Actor.of_environment())
        console.print_json({"slug": slug, "removed": gone}) if as_json else console.line("removed" if gone else "there was none")
        return
    text = ask("Secret", hidden=True) if sys.stdin.isatty() else sys.stdin.read(2000)
    sso_secret.put(slug, text.strip("\r\n"), actor=Actor.of_environment())
    console.print_json({"slug": slug, "set": True}) if as_json else console.line(f"set for {slug}")
