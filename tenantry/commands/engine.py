"""`tenantry preview|up`: the engine's work, and what it came to, from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.commands import changes
from tenantry.commands.options import Json, OneSlug
from tenantry.commands.standing import tenant_table

if TYPE_CHECKING:
    from tenantry.engine.fleet import Result
    from tenantry.operations.updates import Chosen

Stack = Annotated[str | None, typer.Option("--stack", metavar="NAME", help="One stack: shared, shared-CELL or a dedicated tenant's slug.")]
All = Annotated[bool, typer.Option("--all", help="Every stack, in the order in which they need each other.")]
Parallel = Annotated[int | None, typer.Option("--parallel", min=1, metavar="N", help="Stacks at one time (default: the number of cores).")]
AcceptOlder = Annotated[
    bool, typer.Option("--accept-older", help="Let these files win over newer ones that were applied; it is kept in the audit log.")
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Look at what is really there first, and repair what was changed by hand.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (preview, up):
        app.command()(function)


def preview(
    slug: OneSlug = None,
    stack: Stack = None,
    every: All = False,
    refresh: Refresh = False,
    parallel: Parallel = None,
    accept_older: AcceptOlder = False,
    as_json: Json = False,
) -> None:
    """Show what `up` would do, and change nothing.

    Example: tenantry preview acme
    """
    from tenantry.operations import updates

    chosen = updates.choose(slug, stack, every=every, accept_older=accept_older)
    results = updates.preview(chosen, refresh=refresh, parallel=parallel)
    if not as_json:
        for result in results:
            for step in result.outcome.steps if result.outcome else ():
                more = f": {', '.join(step.properties)}" if step.properties else ""
                console.line(f"{step.stack}: would {step.verb} {step.name} ({changes.kind(step.type)}){more}")
    _conclude(results, as_json, {}, chosen, table=False)


def up(
    slug: OneSlug = None,
    stack: Stack = None,
    every: All = False,
    refresh: Refresh = False,
    parallel: Parallel = None,
    show_links: Annotated[
        bool, typer.Option("--show-links", help="Print new administrators' invitation links also where stdout is no terminal.")
    ] = False,
    accept_older: AcceptOlder = False,
    as_json: Json = False,
) -> None:
    """Make the tenants what their files say.

    Example: tenantry up acme      (the stack of one tenant)

    Example: tenantry up --all     (every stack)
    """
    from tenantry.operations import invite, updates

    chosen = updates.choose(slug, stack, every=every, accept_older=accept_older)
    results = updates.up(chosen, changes.StackProgress(), refresh=refresh, parallel=parallel)
    done = [result.stack for result in results if result.outcome]
    # A link opens the tenant to anyone who reads it, and what is no terminal is a log: there none is made.
    shown = show_links or (console.answers() and not as_json)
    _conclude(results, as_json, invite.first_links(chosen.declared, done) if shown else {}, chosen)
    if not shown and not as_json:
        for name in invite.uninvited(chosen.declared, done):
            console.line(f"{name}: its administrator has no invitation link yet: tenantry invite {name} --mail")


def _conclude(results: Sequence[Result], as_json: bool, links: Mapping[str, str], chosen: Chosen, *, table: bool = True) -> None:
    """Prints the outcome of every stack; raises the first failure after all were shown, then for the files that were refused."""
    from tenantry.operations import status, updates

    verdicts = chosen.verdicts
    refused = [verdict for verdict in verdicts if verdict.kind in ("older", "refused")]
    failed = []
    shown = []
    for result in results:
        if result.error:
            failed.append(result.error)
        outcome = result.outcome
        shown.append(
            {
                "stack": result.stack,
                "ok": result.error is None,
                "changes": dict(outcome.changes) if outcome else {},
                "seconds": round(outcome.seconds, 2) if outcome else None,
                "error": result.error.message if result.error else None,
                "code": result.error.code if result.error else None,
                "hint": result.error.hint if result.error else None,
            }
        )
        if not as_json:
            text = f"{changes.counted(outcome.changes)} ({outcome.seconds:.1f} s)" if outcome else f"FAILED: {result.error}"
            console.say(f"{result.stack}: {text}")
            for note in updates.let_go(outcome) if outcome else ():
                console.line(f"{result.stack}: {note}")
    if as_json:
        console.print_json({"stacks": shown, "invitations": links, "not_as_declared": verdicts})
        if failed:
            raise failed[0]
        if refused:
            raise refused[-1].error
        return
    if table and not failed:
        tenant_table(status.tenants(), links)
    for verdict in verdicts:
        if verdict not in refused:
            console.say(f"note: {verdict.message}")
            console.say(f"  {verdict.hint}")
    if failed:
        raise failed[0]
    if refused:
        for verdict in refused[:-1]:
            console.complain(verdict.error)
        raise refused[-1].error
