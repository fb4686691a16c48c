"""`tenantry local`: the platform's whole surroundings on this machine. The only module of the library that knows `local/`."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import asking
from tenantry.commands.options import Json, Slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.cloud.cloud import Cloud, Status
    from local.home import Home

local = typer.Typer(
    help="The local cloud: PostgreSQL, S3 and the other AWS services, DNS, mail, on 127.0.0.1.\n\nExample: tenantry local up",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Adds the commands to ``app``."""
    app.add_typer(local, name="local")


@local.command()
def up(as_json: Json = False) -> None:
    """Start what does not run and repair what died; repeating it is a no-op.

    Example: tenantry local up
    """
    statuses = _cloud().up(console.say)
    _show(statuses, as_json)
    if not as_json and all(status.state == "running" for status in statuses):
        console.line("the local cloud was up already; nothing changed")


@local.command()
def service(
    admin: Annotated[str, typer.Option("--admin", metavar="EMAIL", help="Who the printed link signs in.")] = "admin@tenantry.example",
    as_json: Json = False,
) -> None:
    """Start the service and a worker for it, and print a link that signs the platform's administrator in, once.

    They stay until `tenantry local down`, and are started anew where the code has changed. There has to be a platform: after `tenantry up`.

    Example: tenantry local service
    """
    from local.env import process_environment
    from tenantry.operations import platform_admins

    statuses = _cloud().serve()
    os.environ.update(process_environment(_home()))
    link = platform_admins.link(admin, actor=Actor.of_environment())
    if as_json:
        console.print_json({"servers": statuses, "address": os.environ["TENANTRY_SERVICE_URL"], "link": link.url})
        return
    console.line(f"the service: {os.environ['TENANTRY_SERVICE_URL']}  (its description: /openapi.json; docs/service.md)")
    console.line(f"sign in as {link.email}, once, until {link.expires_at:%H:%M} UTC: {link.url}")


@local.command()
def down(as_json: Json = False) -> None:
    """End this clone's servers, and only them; all data stay.

    Example: tenantry local down
    """
    _show(_cloud().down(), as_json)


@local.command()
def status(as_json: Json = False) -> None:
    """Show each server, its port and whether it answers. Exit code 1 where one does not.

    Example: tenantry local status
    """
    statuses = _cloud().status()
    _show(statuses, as_json)
    if not statuses or any(status.state == "stopped" for status in statuses):
        raise typer.Exit(1)


@local.command()
def env(as_json: Json = False) -> None:
    """Print the environment for a shell.

    Example: eval "$(tenantry local env)"
    """
    from local.env import UNSET, environment

    variables = environment(_home())
    if as_json:
        console.print_json(variables)
        return
    console.line(f"unset {' '.join(UNSET)}")
    for key, value in variables.items():
        console.line(f"export {key}={shlex.quote(value)}")


@local.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """End the servers and remove all their data, the Pulumi state and the passwords.

    Example: tenantry local reset --yes
    """
    home = _home()
    if not yes:
        asking.confirm(f"Remove the local cloud in {home.root} with all its data?")
    _cloud().reset()
    console.line(f"the local cloud in {home.root} is gone")


@local.command("end-hold")
def end_hold(slug: Slug, as_json: Json = False) -> None:
    """End the hold of an off-boarded tenant now, to try what follows it. In the local cloud only, whatever PGHOST says.

    A legal hold stays, and so does all that a deletion checks.

    Example: tenantry offboard globex && tenantry local end-hold globex && tenantry offboard globex --delete
    """
    from local.env import process_environment
    from tenantry.operations.lifecycle import expiry

    # The one place that takes another server than the environment's: no hold of a real platform can be ended so.
    os.environ.update(process_environment(_home()))
    hold = expiry.end_now(slug)
    if as_json:
        console.print_json({"slug": slug, "since": hold.since.isoformat(), "until": hold.until.isoformat()})
        return
    console.line(f"the hold of {slug} is over: tenantry offboard {slug} --delete, or --archive")


@local.command()
def mail(
    number: Annotated[int | None, typer.Argument(help="Show this mail; without it, list all.")] = None,
    to: Annotated[str, typer.Option("--to", metavar="TEXT", help="Only mail to addresses that contain this.")] = "",
    html: Annotated[bool, typer.Option("--html", help="Show the HTML text instead of the plain one.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Show the mail as it came over the wire.")] = False,
    as_json: Json = False,
) -> None:
    """List or show the mail that the platform has sent. None of it has left this machine.

    Example: tenantry local mail --to ada@

    Example: tenantry local mail 3 --html > mail.html
    """
    from local.cloud.mail import received
    from tenantry.errors import InputError

    mails = list(enumerate(received(_home().mail), 1))
    if number is not None and not 1 <= number <= len(mails):
        raise InputError(f"there is no mail {number}", f"there are {len(mails)}: tenantry local mail lists them")
    chosen = [(index, each) for index, each in mails if number in (None, index) and (not to or to in ", ".join(each.recipients))]
    rows: list[dict[str, Any]] = [{"number": index, **asdict(each), "path": str(each.path)} for index, each in chosen]
    if as_json:
        console.print_json(rows if number is None else rows[0])
        return
    if number is None:
        console.print_table(
            ("number", "received", "to", "subject", "deliveries"),
            [
                (
                    index,
                    f"{datetime.fromtimestamp(each.received):%Y-%m-%d %H:%M:%S}",
                    ", ".join(each.recipients),
                    each.subject,
                    each.deliveries if each.deliveries == 1 else f"{each.deliveries}, same Message-ID",
                )
                for index, each in chosen
            ],
        )
        return
    found = mails[number - 1][1]
    if raw:
        console.document(found.path.read_text(errors="replace"))
    elif html:
        console.document(found.html)
    else:
        console.line(f"From:       {found.sender}")
        console.line(f"To:         {', '.join(found.recipients)}")
        console.line(f"Subject:    {found.subject}")
        console.line(f"Message-ID: {found.message_id}")
        console.line(f"Deliveries: {found.deliveries}")
        console.document(f"\n{found.text}")


def moved() -> str:
    """Which variables of this process name another port than the local cloud that they come from has now; nothing when none does."""
    from urllib.parse import urlsplit

    from local.cloud.record import Record

    if not os.environ.get("TENANTRY_LOCAL_HOME"):
        return ""
    ports = Record.load(_home()).ports
    ours = {
        "PGPORT": ("postgres", os.environ.get("PGPORT")),
        "AWS_ENDPOINT_URL": ("aws", urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).port),
        "CLOUDFLARE_BASE_URL": ("cloudflare", urlsplit(os.environ.get("CLOUDFLARE_BASE_URL", "")).port),
        "SMTP_PORT": ("mail", os.environ.get("SMTP_PORT")),
    }
    return ", ".join(
        f"{name} at port {ports[server]}" for name, (server, port) in ours.items() if server in ports and str(port) != str(ports[server])
    )


def _home() -> Home:
    from local.home import Home

    return Home.current()


def _cloud() -> Cloud:
    from local.cloud.cloud import Cloud

    return Cloud(_home())


def _show(statuses: Sequence[Status], as_json: bool) -> None:
    if as_json:
        console.print_json(statuses)
        return
    for status in statuses:
        where = f"127.0.0.1:{status.port}" if status.port else "-"
        console.line(f"{status.name:<24} {status.state:<10} {where}")
