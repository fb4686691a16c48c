"""`tenantry suspend|reactivate|offboard|undelete`: a tenant's way out, and back."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import asking, evidence
from tenantry.commands.options import Detach, Json, Slug
from tenantry.errors import InputError
from tenantry.problems import nearest


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (suspend, reactivate, offboard, undelete):
        app.command()(function)
    evidence.register(app)


def suspend(slug: Slug, detach: Detach = False, as_json: Json = False) -> None:
    """Shut a tenant out at once and keep its data. Its file then says `state: suspended`.

    Example: tenantry suspend acme
    """
    _change("suspend", slug, detach, as_json)


def reactivate(slug: Slug, detach: Detach = False, as_json: Json = False) -> None:
    """Let a suspended tenant in again.

    Example: tenantry reactivate acme
    """
    _change("reactivate", slug, detach, as_json)


def offboard(
    slug: Slug,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it: the hold is over.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="Delete it and keep its final backup without end: the hold is over.")] = False,
    then: Annotated[str | None, typer.Option("--then", metavar="delete|archive", help="What is done when the hold is over.")] = None,
    hold_days: Annotated[int | None, typer.Option("--hold-days", metavar="N", help="A longer hold than the platform's.")] = None,
    yes_delete: Annotated[str | None, typer.Option("--yes-delete", metavar="SLUG", help="The slug again, instead of being asked.")] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Shut a tenant out and hold its data; with --delete or --archive, once the hold is over, remove all of it.

    Example: tenantry offboard acme

    Example: tenantry offboard acme --delete --yes-delete acme
    """
    from tenantry.commands.watching import watch
    from tenantry.operations import lifecycle
    from tenantry.operations.lifecycle import deletion
    from tenantry.operations.lifecycle.change import WISHES

    if delete and archive:
        raise InputError("say which: --delete or --archive", "an archive is a deletion that keeps the final backup without end")
    if not delete and not archive:
        if then is not None and then not in WISHES:
            raise InputError(f"--then cannot be {then!r}", nearest(then, WISHES))
        if yes_delete is not None:
            raise InputError(
                "--yes-delete goes with --delete or --archive", f"tenantry offboard {slug} begins the hold and deletes nothing"
            )
        _change("offboard", slug, detach, as_json, wish=then, days=hold_days)
        return
    if then is not None or hold_days is not None:
        raise InputError("--then and --hold-days are for the beginning of a hold", f"tenantry offboard {slug}")
    outcome = "deleted" if delete else "archived"
    deletion.refuse(slug, outcome)  # before anybody is asked to type
    _typed_again(slug, yes_delete)
    run_id = lifecycle.request_deletion(slug, outcome, actor=Actor.of_environment())
    found = watch([run_id], detach=detach, as_json=as_json)
    if not as_json and found[0].state == "done":
        _closing_words(slug, run_id)


def undelete(
    slug: Slug,
    to: Annotated[str | None, typer.Option("--to", metavar="active|suspended", help="Else what it was before.")] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Bring an off-boarded tenant back.

    Example: tenantry undelete acme --to suspended
    """
    if to not in (None, "active", "suspended"):
        raise InputError(f"--to cannot be {to!r}", nearest(to, ("active", "suspended")))
    _change("undelete", slug, detach, as_json, to=to)


def _change(command: str, slug: str, detach: bool, as_json: bool, **more: Any) -> None:
    from tenantry.commands.watching import watch
    from tenantry.operations import lifecycle, unmerged

    found = watch([lifecycle.request(command, slug, actor=Actor.of_environment(), **more)], detach=detach, as_json=as_json)
    if not as_json and (commit := unmerged.to_commit(slug, f"{command.title()} {slug}")):
        console.say(f"tenants/{slug}.yaml says state: {found[0].arguments['to']}, {commit}")


def _typed_again(slug: str, given: str | None) -> None:
    import sys

    if given is None:
        if not sys.stdin.isatty():
            raise InputError(f"there is no terminal on which to confirm the deletion of {slug}", f"--yes-delete {slug}")
        given = asking.ask(f"This removes everything of {slug}. Type the slug to go on")
    if given.strip() != slug:
        raise InputError(f"{given!r} is not {slug}: nothing was deleted", "type the slug exactly")


def _closing_words(slug: str, run_id: UUID) -> None:
    from tenantry.operations import unmerged

    if commit := unmerged.to_commit(slug, f"Remove {slug}"):
        console.say(f"tenants/{slug}.yaml and tenants/assets/{slug}/ are gone, {commit}")
    console.say(f"the signed record: tenantry deletion export {run_id} > {slug}-deletion.json")
