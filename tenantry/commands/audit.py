"""`tenantry audit`: who did and read what."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.commands import duration
from tenantry.commands.options import Json, MaybeSlug
from tenantry.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from tenantry.operations.audit_log import LogLine

MOMENT = "a length of time, as 7d or 12h, or a moment, as 2026-11-28 or 2026-11-28T09:12:00Z"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(audit)


def audit(
    slug: MaybeSlug = None,
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="By him alone, as a line names him.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="done|read", help="What was done, or what was read.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="One action or one route, as a line has it.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="WHEN", help=f"Not before: {MOMENT}.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before that.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Lines to show.")] = 20,
    export: Annotated[
        str | None, typer.Option("--export", metavar="jsonl|csv", help="All of these lines, for a program.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show who did what, and who read what through the service: the newest last. Reads are kept for tenantry:readLogDays.

    Example: tenantry audit acme --kind read --since 7d

    Example: tenantry audit --who "Globex portal" --export csv > globex.csv
    """
    from tenantry import naming
    from tenantry.operations import audit_log as operation

    if kind not in (None, "done", "read"):
        raise InputError(f"{kind[:40]!r} is neither done nor read", "tenantry audit --kind read")
    tenant = naming.tenant_id(slug) if slug else None
    wanted = operation.Filters(who, tenant, kind, action, _moment(since), _moment(until))  # type: ignore[arg-type]  # one of the two
    if export is not None:
        if as_json:
            raise InputError("--export and --json are two forms of one answer", "choose one of them")
        for text in operation.exported(export, wanted):
            console.document(text.replace("\r\n", "\n"))
        return
    found = operation.page(wanted, limit=limit).lines
    if as_json:
        console.print_json([asdict(line) for line in found])
        return
    for line in reversed(found):
        console.line(_said(line))
    if not found:
        console.say("nothing of that kind is written down")


def _said(line: LogLine) -> str:
    shown = f" with {line.credential} from {line.address}" if line.credential else ""
    times = f" ({line.reads} times)" if line.reads is not None and line.reads > 1 else ""
    what = f"read {line.action}" if line.kind == "read" else line.action
    return f"{line.at:%Y-%m-%d %H:%M:%S}  {line.who}{shown}  {line.tenant or line.tenant_id or '-'}  {what}  {line.detail}{times}".rstrip()


def _moment(text: str | None) -> datetime | None:
    from datetime import UTC, datetime

    if text is None:
        return None
    if text[-1:] in "dhms" and text[:-1].isdecimal():
        return datetime.now(UTC) - duration.parse(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text[:40]!r} is no moment", MOMENT) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
