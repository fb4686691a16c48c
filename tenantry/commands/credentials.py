"""`tenantry credentials`: how an application connects to a tenant's store, and its password renewed."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import duration, groups
from tenantry.commands.options import Detach, Json, OneSlug, Slug
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.platform_logins import Turn

HIDDEN: Final = "not shown: --env, --dsn or --json print it"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Show how an application connects to a tenant: `credentials SLUG`; renew passwords.\n\nExample: tenantry credentials acme"
    groups.add(app, "credentials", words, {"show": show, "rotate": rotate}, groups.ShowByDefault)


def show(
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
        console.print_json(found)
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


def rotate(
    slug: OneSlug = None,
    every: Annotated[bool, typer.Option("--all", help="Every login that has a secret, the platform's own among them.")] = False,
    directory: Annotated[bool, typer.Option("--directory", help="The login that looks tenants up for applications.")] = False,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Only passwords as old as that: 90d, 12h.", show_default=False)
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="End the former password and its sessions with it, for one that others know. Not with --all.")
    ] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Renew the password of a tenant's login, in its secret; no connection is refused. Tenants that share tables have one login.

    The former password lets in for a day more. Where the platform keeps no secrets of logins (tenantry:loginSecrets) nothing is renewed.

    Example: tenantry credentials rotate acme

    Example: tenantry credentials rotate --all --older-than 90d

    Example: tenantry credentials rotate acme --now      (somebody else knows it)

    Example: tenantry credentials rotate --directory
    """
    from tenantry.commands.watching import watch
    from tenantry.naming import CONTROL_DIRECTORY
    from tenantry.operations import platform_logins, rotation

    if (slug is not None) + every + directory != 1:
        raise InputError("say which: SLUG, --all or --directory", "for example: tenantry credentials rotate acme")
    if now and every:
        raise InputError("--now ends what applications use at this moment: it is for one login", "tenantry credentials rotate SLUG --now")
    age = duration.parse(older_than) if older_than is not None else None
    actor = Actor.of_environment()
    if directory:
        if older_than is not None:
            raise InputError("--older-than is for a tenant or --all", "tenantry credentials rotate --directory")
        turn = platform_logins.renew(CONTROL_DIRECTORY, now=now, actor=actor)
        if as_json:
            console.print_json(asdict(turn))
        else:
            console.say(_of_turn(turn))
        return
    if slug is not None:
        found = rotation.request(slug, older_than=age, now=now, actor=actor)
        watch([found] if found else [], detach=detach, as_json=as_json, nothing=f"{slug}: not older than {older_than}")
        return
    asked = rotation.request_all(age, actor=actor)
    own = platform_logins.renew_all(age, actor=actor)
    for turn in own.results:
        console.say(_of_turn(turn))
    watch([run for run in asked.results if run], detach=detach, as_json=as_json, nothing=_nothing(older_than, bool(own.results)))
    asked.refuse("asking for a rotation", str)
    own.refuse("renewing a password of the platform's own", str)


def _nothing(older_than: str | None, own: bool) -> str:
    which = "no other" if own else "no"
    if older_than:
        return f"{which} password is older than {older_than}"
    return f"{which} login has a secret whose password was not renewed a moment ago"


def _of_turn(turn: Turn) -> str:
    until = f"; the former one's lets in until {turn.former_until:%Y-%m-%d %H:%M} UTC" if turn.former_until else ""
    return f"{turn.role}: the password of {turn.username} is in the secret{until}"
