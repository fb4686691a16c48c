"""`tenantry status|resolve|invite|doctor`: how tenants stand, and whether everything that they need does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console, naming
from tenantry.commands.options import Json, MaybeSlug, Slug
from tenantry.declaration import load
from tenantry.errors import InputError, WorkError
from tenantry.problems import did_you_mean
from tenantry.settings import PlatformSettings, project_root, tenants_dir

if TYPE_CHECKING:
    from tenantry.control.admitted import Admitted

OPTIONAL: Final = ("bucket prefix", "database", "host", "admin invitation")
"""Columns of the tenants' table that a narrow terminal goes without: the host name is the slug's, the others are for a closer look."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (status, resolve, invite, doctor):
        app.command()(function)


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
    shown = link(slug, next(iter(tokens.values())), PlatformSettings.from_project(project_root()).domain)
    if as_json:
        console.print_json({"slug": slug, "link": shown})
    else:
        console.line(shown)


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


def link(slug: str, token: str, domain: str) -> str:
    from tenantry.control import invitations

    return invitations.link(naming.host(slug, domain), token)
