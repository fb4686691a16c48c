"""`tenantry status|resolve|doctor`: how tenants stand, and whether everything that they need does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console
from tenantry.commands.options import Json, MaybeSlug
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.status import TenantEntry

OPTIONAL: Final = ("bucket prefix", "database", "host", "admin invitation")
"""Columns of the tenants' table that a narrow terminal goes without: the host name is the slug's, the others are for a closer look."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for function in (status, resolve, doctor):
        app.command()(function)


def status(slug: MaybeSlug = None, as_json: Json = False) -> None:
    """Show the tenants that the registry knows, where each lives, and whether it is as its file declares it.

    A tenant is applied when the engine has carried out every change of it, no matter who ran the engine. After a run that left something
    out, failed or was killed this is unknown, and `tenantry up` settles it. What is pending, and why, is what `provision --pending` makes.

    Example: tenantry status acme --json
    """
    from tenantry.operations import status as operation

    found = operation.status(slug)
    if found.unreadable is not None:
        console.complain(found.unreadable)
    rows = [asdict(tenant) for tenant in found.tenants]
    if as_json:
        console.print_json(rows[0] if slug is not None else rows)
    elif slug is not None:
        console.print_table(("what", "value"), [(key.replace("_", " "), value) for key, value in rows[0].items() if value is not None])
    else:
        tenant_table(found.tenants)
        for why in sorted(set(found.reasons.values())):
            slugs = sorted(slug for slug, words in found.reasons.items() if words == why)
            console.paragraph(f"pending ({', '.join(why)}): {', '.join(slugs)}")
        if found.reasons:
            console.paragraph("tenantry provision --pending makes it; without log and mail: tenantry up --all")
        for verdict in found.verdicts:
            console.paragraph(verdict.message)
            console.paragraph(f"  {verdict.hint}")


def resolve(
    host: Annotated[str | None, typer.Argument(metavar="[HOST]", help="A host name.", show_default=False)] = None,
    invitation: Annotated[bool, typer.Option("--invitation", help="Read an invitation's code from standard input instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show which tenant a host name leads to, and in which state it is: only an active one is served. Or what an invitation's code opens.

    Example: tenantry resolve portal.acme.example

    Example: tenantry resolve --invitation < code
    """
    from tenantry.operations import resolve as operation

    if (host is not None) == invitation:
        raise InputError("say which: HOST or --invitation", "for example: tenantry resolve portal.acme.example")
    if host is not None:
        found = operation.host(host)
        if as_json:
            console.print_json({"host": host, **asdict(found)})
        else:
            console.line(found.state + (f" {found.slug}" if found.slug else ""))
        return
    opened = operation.invitation(sys.stdin.readline().strip())
    if as_json:
        console.print_json(asdict(opened) if opened else {"state": "unknown"})
    else:
        console.line(f"{opened.state} {opened.slug} ({opened.tenant_state})" if opened else "unknown")


def doctor(as_json: Json = False) -> None:
    """Check everything that a run needs, and say what to do about what is missing. A warning is for what is well, and should not stay so.

    Example: tenantry doctor
    """
    from tenantry.operations import doctor as checks

    found = checks.examine()
    if as_json:
        console.print_json(
            [{"check": check.name, "ok": check.ok, "warning": check.warning, "found": check.found, "hint": check.hint} for check in found]
        )
    else:
        for check in found:
            console.line(f"{'warn' if check.warning else 'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.found}")
            if check.hint:
                console.line(f"      {check.hint}")
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def tenant_table(tenants: Sequence[TenantEntry], links: Mapping[str, str] | None = None) -> None:
    """The closing table: one line per tenant that is not deleted; ``links`` are invitation links to show this once."""
    rows = []
    for tenant in tenants:
        if tenant.state == "deleted":
            continue
        invitation = "accepted" if tenant.accepted_at else f"link issued {tenant.issued_at:%Y-%m-%d}" if tenant.issued_at else "not issued"
        state = "" if tenant.state == "active" else f" ({tenant.state})"
        place = tenant.database if tenant.isolation in ("database", "instance") else f"{tenant.database}.{tenant.schema}"
        rows.append(
            (
                tenant.slug + state,
                tenant.isolation,
                tenant.host,
                place + (f" on {tenant.server}" if tenant.server else ""),
                f"{tenant.bucket}/{tenant.prefix}",
                f"{tenant.admin_email or '-'}: {invitation}",
            )
        )
    console.print_table(("tenant", "isolation", "host", "database", "bucket prefix", "admin invitation"), rows, optional=OPTIONAL)
    if links:
        console.line()
        console.line("Invitation links, shown this once (tenantry invite SLUG makes a new one):")
        for slug, link in sorted(links.items()):
            console.line(f"  {slug}: {link}")
