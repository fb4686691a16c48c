"""`tenantry mail list|show|send|retry|preview|bounce`: the outbox."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.commands.options import Json, MaybeSlug, Slug
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.delivery import Delivery
    from tenantry.operations.outbox import MailEntry

mail = typer.Typer(
    help="The outbox: what was caused, what was sent, what was refused.\n\nExample: tenantry mail list", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The mail's id, or its first characters.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(mail, name="mail")


@mail.command("list")
def list_(
    slug: MaybeSlug = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only these: queued, sent, failed, cancelled, bounced.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the mails of the outbox, the newest first.

    Example: tenantry mail list acme

    Example: tenantry mail list --state failed
    """
    from tenantry.operations import outbox

    found = outbox.listed(slug, state or (), limit)
    if as_json:
        console.print_json(found)
        return
    console.print_table(
        ("id", "tenant", "mail", "to", "state", "when", "why"),
        [(str(each.id)[:8], each.slug, each.kind, each.recipient, each.state, _when(each), each.cause) for each in found],
    )


@mail.command()
def show(mail_id: Id, as_json: Json = False) -> None:
    """Show one mail: what caused it, and every attempt to send it with the server's answer.

    Example: tenantry mail show 1f0c2a9b
    """
    from tenantry.operations import outbox

    found = outbox.mail(mail_id)
    entry = asdict(found.entry)
    if as_json:
        console.print_json({**entry, "attempts": found.attempts})
        return
    console.print_table(("what", "value"), [(key.replace("_", " "), value) for key, value in entry.items() if value is not None])
    for attempt in found.attempts:
        outcome = attempt.outcome or "no answer noted: the mail may have arrived"
        console.line(f"{attempt.begun_at:%Y-%m-%d %H:%M:%S}  attempt {attempt.number}: {outcome}  {attempt.answer or ''}".rstrip())


@mail.command()
def send(limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 1000, as_json: Json = False) -> None:
    """Send what is due now; the scheduled task does the same. Exit code 1 where a mail was deferred or refused.

    Example: tenantry mail send
    """
    from tenantry.operations import mailing

    _conclude(mailing.sweep(limit), as_json)


@mail.command()
def retry(
    mail_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Ids, or their first characters.", show_default=False)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every mail that failed.")] = False,
    as_json: Json = False,
) -> None:
    """Send mails that failed, bounced or wait, now. A mail that was sent is not sent again.

    Example: tenantry mail retry 1f0c2a9b

    Example: tenantry mail retry --failed
    """
    from tenantry.operations import outbox

    _conclude(outbox.retry(mail_ids or (), failed=failed), as_json)


@mail.command()
def preview(
    slug: Slug,
    kind: Annotated[str, typer.Argument(metavar="MAIL", help="A key of email_templates: invitation, welcome, …")],
    html: Annotated[bool, typer.Option("--html", help="The HTML text instead of the plain one.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a mail of a tenant would look like, with made-up values. Nothing is sent.

    Example: tenantry mail preview acme invitation --html > invitation.html
    """
    from tenantry.operations import mail_preview

    rendered = mail_preview.preview(slug, kind)
    if as_json:
        console.print_json({"subject": rendered.subject, "plain": rendered.plain, "html": rendered.html})
    elif html:
        console.document(rendered.html)
    else:
        console.line(f"Subject: {rendered.subject}")
        console.document(f"\n{rendered.plain}")


@mail.command()
def bounce(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The notification; standard input without it.", show_default=False)
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="The address that it came to, where its headers do not say.")] = "",
    as_json: Json = False,
) -> None:
    """Take in a delivery status notification: the mail is marked, and its address gets no more mail of that tenant.

    Example: tenantry mail bounce notification.eml
    """
    from tenantry.operations import bounces

    if file is not None and not file.is_file():
        raise InputError(f"there is no file {file}", "name the notification, or give it on standard input")
    found, noted = bounces.take(file.read_bytes() if file else sys.stdin.buffer.read(), to)
    if as_json:
        console.print_json({"id": found.mail_id, "action": found.action, "status": found.status, "reason": found.reason, "noted": noted})
    else:
        verdict = "noted" if noted else "nothing to note: no such mail was sent" if found.action == "failed" else "not given up yet"
        console.line(f"{str(found.mail_id)[:8]} {found.action} {found.status} {found.reason}: {verdict}")


def _when(mail: MailEntry) -> str:
    when = mail.finished_at or mail.not_before
    return f"{'' if mail.finished_at else 'not before '}{when:%Y-%m-%d %H:%M}"


def _conclude(delivery: Delivery, as_json: bool) -> None:
    counts = {name: getattr(delivery, name) for name in ("sent", "deferred", "failed", "cancelled", "waiting")}
    if as_json:
        console.print_json({**counts, "causes": list(delivery.causes)})
    else:
        for cause in delivery.causes:
            console.say(cause)
        console.line(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing is due")
    if delivery.deferred or delivery.failed:
        raise typer.Exit(1)
