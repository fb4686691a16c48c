"""`tenantry preview|up`: the engine's work, and what it came to, from the command line."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.commands import changes
from tenantry.commands.options import Json, OneSlug
from tenantry.commands.standing import link, tenant_table
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings, project_root

if TYPE_CHECKING:
    from tenantry.control.admitted import Admitted, Verdict
    from tenantry.engine.automation import Outcome
    from tenantry.engine.fleet import Result

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
    from tenantry.engine import automation, fleet

    admitted, stacks = _chosen(slug, stack, every, accept_older=accept_older)
    declared = admitted.declared
    before = fleet.givers(declared)

    def work(name: str) -> Outcome:
        return automation.preview(name, declared, lambda step: None, refresh=refresh, after=before.get(name, set()) & set(stacks))

    results = fleet.over(stacks, work, declared, parallel=parallel, before=before)
    if not as_json:
        for result in results:
            for step in result.outcome.steps if result.outcome else ():
                more = f": {', '.join(step.properties)}" if step.properties else ""
                console.line(f"{step.stack}: would {step.verb} {step.name} ({changes.kind(step.type)}){more}")
    _conclude(results, as_json, links={}, verdicts=_of(admitted, stacks), table=False)


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
    from tenantry.engine import automation, fleet

    admitted, stacks = _chosen(slug, stack, every, accept_older=accept_older)
    declared = admitted.declared
    progress = changes.StackProgress()
    results = fleet.over(stacks, lambda name: automation.up(name, declared, progress, refresh=refresh), declared, parallel=parallel)
    done = [result.stack for result in results if result.outcome]
    domain = PlatformSettings.from_project(project_root()).domain
    # A link opens the tenant to whoever reads it, and what is no terminal is a log: there none is made.
    shown = show_links or (console.answers() and not as_json)
    tokens = fleet.issue_invitations(declared, done) if done and shown else {}
    links = {name: link(name, token, domain) for name, token in tokens.items()}
    _conclude(results, as_json, links, _of(admitted, stacks))
    if not shown and not as_json:
        for name in fleet.uninvited(declared, done):
            console.line(f"{name}: its administrator has no invitation link yet: tenantry invite {name} --mail")


def _chosen(slug: str | None, stack: str | None, every: bool, *, accept_older: bool) -> tuple[Admitted, list[str]]:
    from tenantry.control import admission
    from tenantry.engine import fleet
    from tenantry.stores import program_door

    if (slug is not None) + (stack is not None) + every != 1:
        raise InputError("say which: one SLUG, --stack NAME, or --all", "for example: tenantry up acme")
    if accept_older:
        os.environ[admission.ACCEPT_OLDER] = "1"  # for the program, too
    program_door.enter()  # once for all of the stacks, each of which asks for its own tables
    admitted = admission.load()
    if slug is not None and (verdict := admitted.verdicts.get(slug)) and verdict.kind != "unaware":
        admitted.require(slug)
    return admitted, fleet.stacks_of(admitted.declared, slug=slug, stack=stack)


def _of(admitted: Admitted, stacks: Collection[str]) -> list[Verdict]:
    """What these stacks do not make as their files say."""
    known = admitted.book.tenants

    def home(slug: str) -> str | None:
        tenant = admitted.declared.get(slug)
        return tenant.stack if tenant else known[slug].stack if slug in known else None

    return [verdict for slug, verdict in admitted.verdicts.items() if home(slug) in (None, *stacks)]


def _conclude(results: Sequence[Result], as_json: bool, links: dict[str, str], verdicts: Sequence[Verdict], *, table: bool = True) -> None:
    """Prints the outcome of every stack; raises the first failure after all were shown, then for the files that were refused."""
    from tenantry.control import unmade

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
            for slug in sorted(outcome.let_go) if outcome else ():
                console.line(f"{result.stack}: {unmade.said(slug)}")
    if as_json:
        console.print_json({"stacks": shown, "invitations": links, "not_as_declared": [asdict(verdict) for verdict in verdicts]})
        if failed:
            raise failed[0]
        if refused:
            raise refused[-1].error
        return
    if table and not failed:
        tenant_table(links)
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
