"""`tenantry preview|up|status|resolve|invite|doctor`: the engine's work, and what it came to, from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console, naming
from tenantry.commands import changes
from tenantry.commands.options import Json, MaybeSlug, OneSlug, Slug
from tenantry.declaration import load
from tenantry.errors import InputError, WorkError
from tenantry.problems import did_you_mean
from tenantry.settings import PlatformSettings, project_root, tenants_dir

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

OPTIONAL: Final = ("bucket prefix", "database", "host", "admin invitation")
"""Columns of the tenants' table that a narrow terminal goes without: the host name is the slug's, the others are for a closer look."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (preview, up, status, resolve, invite, doctor):
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
    links = {name: _link(name, token, domain) for name, token in tokens.items()}
    _conclude(results, as_json, links, _of(admitted, stacks))
    if not shown and not as_json:
        for name in fleet.uninvited(declared, done):
            console.line(f"{name}: its administrator has no invitation link yet: tenantry invite {name} --mail")


def status(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show the tenants that the registry knows, where each lives, and whether it is as its file declares it.

    Applied is a tenant when the engine has carried out every change of it, whoever ran the engine. After a run that left something out,
    failed or was killed that is not known, and `tenantry up` makes it so. What is pending, and why, is what `provision --pending` makes.

    Example: tenantry status acme --json
    """
    from tenantry.control import registry

    rows = registry.tenants()
    if slug is not None:
        known = [row["slug"] for row in rows]
        rows = [row for row in rows if row["slug"] == slug]
        if not rows:
            hint = did_you_mean(slug, known, f"tenantry up {slug} makes it, when tenants/{slug}.yaml is there")
            raise InputError(f"the registry knows no tenant {slug}", hint, code="tenant.unknown")
    admitted = _admitted()
    reasons, verdicts = _reasons(admitted), admitted.verdicts if admitted else {}
    rows = [
        {
            **row,
            "applied": _applied(admitted, reasons, row["slug"]),
            "pending": ", ".join(reasons[row["slug"]]) if row["slug"] in reasons else None,
            "not_as_declared": verdicts[row["slug"]].message if row["slug"] in verdicts else None,
        }
        for row in rows
    ]
    if as_json:
        console.print_json(rows[0] if slug is not None else rows)
    elif slug is not None:
        console.print_table(("what", "value"), [(key.replace("_", " "), value) for key, value in rows[0].items() if value is not None])
    else:
        tenant_table({})
        for why in sorted(set(reasons.values())):
            slugs = sorted(slug for slug, words in reasons.items() if words == why)
            console.paragraph(f"pending ({', '.join(why)}): {', '.join(slugs)}")
        if reasons:
            console.paragraph("tenantry provision --pending makes it; without log and mail: tenantry up --all")
        for verdict in verdicts.values():
            console.paragraph(verdict.message)
            console.paragraph(f"  {verdict.hint}")


def _admitted() -> Admitted | None:
    """Nothing where the files cannot be read: that is no reason to show nothing."""
    from tenantry.control import admission

    try:
        return admission.load()
    except InputError as error:
        console.complain(error)
        return None


def _reasons(admitted: Admitted | None) -> Mapping[str, tuple[str, ...]]:
    """Slug → what is pending of the tenant, of those that have something pending."""
    from tenantry.engine.applied import Waiting

    return Waiting.among(admitted).reasons if admitted else {}


def _applied(admitted: Admitted | None, reasons: Mapping[str, tuple[str, ...]], slug: str) -> bool | None:
    """Whether the tenant is as its file declares it; None where the files cannot be read."""
    if admitted is None:
        return None
    verdict = admitted.verdicts.get(slug)
    return slug in admitted.declared and slug not in reasons and (verdict is None or verdict.kind == "unaware")


def resolve(
    host: Annotated[str | None, typer.Argument(metavar="[HOST]", help="A host name.", show_default=False)] = None,
    invitation: Annotated[bool, typer.Option("--invitation", help="Read an invitation's code from standard input instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show which tenant a host name leads to, and in which state it is: only an active one is served. Or what an invitation's code opens.

    Example: tenantry resolve portal.acme.example

    Example: tenantry resolve --invitation < code
    """
    from tenantry.control import invitations, quarantine
    from tenantry.control.database import transaction

    if (host is not None) == invitation:
        raise InputError("say which: HOST or --invitation", "for example: tenantry resolve portal.acme.example")
    if host is not None:
        found = quarantine.resolve(host)
        if as_json:
            console.print_json({"host": host, **asdict(found)})
        else:
            console.line(found.state + (f" {found.slug}" if found.slug else ""))
        return
    with transaction() as connection:
        opened = invitations.resolve(connection, sys.stdin.readline().strip())
    if as_json:
        console.print_json(asdict(opened) if opened else {"state": "unknown"})
    else:
        console.line(f"{opened.state} {opened.slug} ({opened.tenant_state})" if opened else "unknown")


def invite(
    slug: Slug,
    by_mail: Annotated[bool, typer.Option("--mail", help="Send the link to the administrator instead of printing it.")] = False,
    as_json: Json = False,
) -> None:
    """Give the first administrator's invitation a new link; the one before stops working.

    Example: tenantry invite acme

    Example: tenantry invite acme --mail
    """
    from tenantry.control import registry

    declared = load(tenants_dir())
    declared.tenant(slug)
    if by_mail:
        from tenantry.operations import mailing, welcome

        mailing.settings()  # without a mail server nothing is touched: the link that is out goes on working
        delivery = mailing.deliver([welcome.again(declared[slug].id)])
        if not delivery.sent:
            raise WorkError(delivery.causes[0], "tenantry mail list shows it; what is deferred is sent by the sweep")
        if as_json:
            console.print_json({"slug": slug, "sent_to": declared[slug].admin.email})
        else:
            console.line(f"sent to {declared[slug].admin.email}")
        return
    tokens = registry.issue_tokens([str(declared[slug].id)], again=True)
    if not tokens:
        raise WorkError(f"tenant {slug} has no open invitation", f"it was accepted, or `tenantry up {slug}` has not made it yet")
    link = _link(slug, next(iter(tokens.values())), PlatformSettings.from_project(project_root()).domain)
    if as_json:
        console.print_json({"slug": slug, "link": link})
    else:
        console.line(link)


def doctor(as_json: Json = False) -> None:
    """Check everything that a run needs, and say what to do about what is missing.

    Example: tenantry doctor
    """
    from tenantry.operations import doctor as checks

    found = checks.examine()
    if as_json:
        console.print_json([{"check": check.name, "ok": check.ok, "found": check.found, "hint": check.hint} for check in found])
    else:
        for check in found:
            console.line(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.found}")
            if not check.ok and check.hint:
                console.line(f"      {check.hint}")
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def tenant_table(links: dict[str, str]) -> None:
    """The closing table: one line per tenant that is not deleted; ``links`` are invitation links to show this once."""
    from tenantry.control import registry

    rows = []
    for row in registry.tenants():
        if row["state"] == "deleted":
            continue
        invitation = "accepted" if row["accepted_at"] else f"link issued {row['issued_at']:%Y-%m-%d}" if row["issued_at"] else "not issued"
        state = "" if row["state"] == "active" else f" ({row['state']})"
        place = row["database"] if row["isolation"] in ("database", "instance") else f"{row['database']}.{row['schema']}"
        rows.append(
            (
                row["slug"] + state,
                row["isolation"],
                row["host"],
                place + (f" on {row['server']}" if row["server"] else ""),
                f"{row['bucket']}/{row['prefix']}",
                f"{row['admin_email'] or '-'}: {invitation}",
            )
        )
    console.print_table(("tenant", "isolation", "host", "database", "bucket prefix", "admin invitation"), rows, optional=OPTIONAL)
    if links:
        console.line()
        console.line("Invitation links, shown this once (tenantry invite SLUG makes a new one):")
        for slug, link in sorted(links.items()):
            console.line(f"  {slug}: {link}")


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


def _link(slug: str, token: str, domain: str) -> str:
    from tenantry.control import invitations

    return invitations.link(naming.host(slug, domain), token)


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
