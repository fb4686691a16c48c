"""`tenantry credentials SLUG`: how an application connects to a tenant's store."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Annotated, Final

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands.options import Json, Slug
from tenantry.errors import InputError

HIDDEN: Final = "not shown: --env, --dsn or --json print it"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(credentials)


def credentials(
    slug: Slug,
    env: Annotated[bool, typer.Option("--env", help="Print PG* variables for a shell: psql then is in the tenant's context.")] = False,
    dsn: Annotated[bool, typer.Option("--dsn", help="Print one connection URI.")] = False,
    as_json: Json = False,
) -> None:
    """Show how an application connects to a tenant: address, database, schema, login and, only when asked for, its password.

    A tenant that moves gets other ones: ask again after a move. Who read them is in the tenant's audit log.

    Example: tenantry credentials acme

    Example: eval "$(tenantry credentials acme --env)"
    """
    from tenantry.operations import credentials as operation

    if env + dsn + as_json > 1:
        raise InputError("--env, --dsn and --json are three forms of one answer", "choose one of them")
    found = operation.of(slug, actor=Actor.of_environment())
    if as_json:
        console.print_json(asdict(found))
    elif env:
        for name, value in found.environment.items():
            console.line(f"export {name}={shlex.quote(value)}")
    elif dsn:
        console.line(found.dsn)
    else:
        rows = [(key.replace("_", " "), str(value)) for key, value in (asdict(found) | {"password": HIDDEN}).items()]
        console.print_table(("what", "value"), rows)
    if found.state != "active":
        console.say(f"{slug} is {found.state}: its login is shut until it is active again")
