"""`tenantry webhook`: partners' programs are told what happens to their tenants."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json
from tenantry.errors import InputError

if TYPE_CHECKING:
    from uuid import UUID

    from tenantry.operations.webhooks import Delivery, Endpoint, NewSecret

Webhook = Annotated[str, typer.Argument(metavar="ID", help="The webhook, as `tenantry webhook list` shows it; its beginning will do.")]
PATIENCE: Final = 20.0
"""Seconds that a test is waited for: an attempt has fifteen."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Tell partners' programs what happens to their tenants.\n\nExample: tenantry webhook list"
    reading: groups.Commands = {"list": list_, "test": try_out, "deliveries": deliveries}
    groups.add(
        app,
        "webhook",
        words,
        {"new": new, **reading, "edit": edit, "redeliver": redeliver, "skip": skip, "rotate": rotate, "remove": remove},
    )


def new(
    holder: Annotated[str, typer.Argument(help="The holder of the key whose tenants it is told of.")],
    url: Annotated[str, typer.Argument(help="Where to: https, and a public address.")],
    contact: Annotated[str, typer.Option("--contact", metavar="ADDRESS", help="Who hears by mail when it is disabled.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="An event of docs/webhooks.md; repeat it. Without one, every event.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Only tenants that carry this label; repeat it. Without one, those of the key."),
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for, in your words.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Make a webhook and show its secret, this once. A worker sends to it; receivers check the signature (docs/webhooks.md).

    Example: tenantry webhook new "Globex portal" https://portal.globex.example/hooks --contact ops@globex.example --event run.done
    """
    from tenantry.operations import api_keys, webhooks

    labels = None if label is None else api_keys.labels_of(label)
    actor = Actor.of_environment()
    _show(webhooks.make(holder, url, event or (), contact, description=description, labels=labels, actor=actor), as_json)


def list_(as_json: Json = False) -> None:
    """List the webhooks: whose they are, where to, and how they fare.

    Example: tenantry webhook list
    """
    from tenantry.operations import webhooks

    console.print_entries(webhooks.listed(), as_json, _endpoint, "no webhook: tenantry webhook new HOLDER URL --contact ADDRESS")


def try_out(webhook: Webhook, as_json: Json = False) -> None:
    """Have a test event sent, whatever else waits, and show what came of it. A disabled webhook that takes it is active again.

    Example: tenantry webhook test 5f1c2a9b
    """
    from tenantry.operations import webhooks

    identifier = webhooks.beginning(webhook)
    event = webhooks.try_out(identifier)
    found, end = webhooks.delivery(identifier, event), time.monotonic() + PATIENCE
    while found is not None and found.state == "queued" and time.monotonic() < end:
        time.sleep(0.2)
        found = webhooks.delivery(identifier, event)
    if found is None:
        raise InputError("the webhook was removed meanwhile", "tenantry webhook list", code="webhook.unknown")
    if as_json:
        console.print_json(found)
    else:
        console.line(_line(found))
    if found.state == "queued":
        console.say("no worker has sent it yet: tenantry worker")
    raise typer.Exit(0 if found.state == "delivered" else 1)


def deliveries(
    webhook: Webhook,
    state: Annotated[str | None, typer.Option("--state", help="queued, delivered, failed, withheld or skipped.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Deliveries to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what was sent to a webhook and what waits, the newest last.

    Example: tenantry webhook deliveries 5f1c2a9b --state queued
    """
    from tenantry.operations import webhooks

    found = webhooks.deliveries(webhooks.beginning(webhook), state=state, limit=limit)
    if as_json:
        console.print_json(found)
        return
    for each in reversed(found):
        console.line(_line(each))
    if not found:
        console.say("nothing was meant for it yet")


def edit(
    webhook: Webhook,
    url: Annotated[str | None, typer.Option("--url", help="Another address: https, and public.", show_default=False)] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", help="These events in the place of those before; repeat it.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all-events", help="Every event.")] = False,
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="ADDRESS", help="Who hears by mail when it is disabled.", show_default=False)
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for, in your words.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Change a webhook. With another address nothing of its order is sent until it has taken a test there.

    Example: tenantry webhook edit 5f1c2a9b --url https://portal.globex.example/hooks/2
    """
    from tenantry.operations import webhooks

    if every and event:
        raise InputError("--event and --all-events are two answers to one question", "choose one of them")
    wanted = webhooks.Edit(url, () if every else event, contact, description)
    if wanted == webhooks.Edit():
        raise InputError("say what is to be another", "for example: tenantry webhook edit ID --url https://…")
    edited = webhooks.edit(webhooks.beginning(webhook), wanted, actor=Actor.of_environment())
    assert edited is not None  # noqa: S101  # whichever it is: nobody named what he saw
    if as_json:
        console.print_json(edited)
        return
    console.line(_endpoint(edited))
    if edited.state == "untested":
        console.say(f"nothing of its order is sent until it has taken a test: tenantry webhook test {edited.id}")


def skip(
    webhook: Webhook,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The first that is queued: tenantry webhook deliveries ID --state queued.")],
    as_json: Json = False,
) -> None:
    """Let the order go on without the event that blocks it: one that the receiver refuses each time. The audit log says who did.

    Example: tenantry webhook skip 5f1c2a9b 0d3f6c1e-8a55-4b8e-9d67-3b1f7a2c9e40
    """
    from tenantry.operations import webhooks

    skipped = webhooks.skip(webhooks.beginning(webhook), _event(event), actor=Actor.of_environment())
    if as_json:
        console.print_json(skipped)
    else:
        console.line(_line(skipped))


def redeliver(
    webhook: Webhook,
    events: Annotated[list[str], typer.Argument(metavar="EVENT…", help="Ids as `tenantry webhook deliveries` shows them.")],
    as_json: Json = False,
) -> None:
    """Send events once more, each under its id. One that still waits for its turn is tried at once.

    Example: tenantry webhook redeliver 5f1c2a9b 0d3f6c1e-8a55-4b8e-9d67-3b1f7a2c9e40
    """
    from tenantry.operations import webhooks

    chosen = [_event(each) for each in events]
    webhooks.redeliver(webhooks.beginning(webhook), chosen)
    if as_json:
        console.print_json({"redelivered": [str(each) for each in chosen]})
    else:
        console.say(f"{len(chosen)} to be sent once more: a worker does it")


def rotate(
    webhook: Webhook,
    at_once: Annotated[bool, typer.Option("--at-once", help="The secret before it signs no more: it is in wrong hands.")] = False,
    as_json: Json = False,
) -> None:
    """Make another secret and show it, this once. For a day both sign, so that the receiver can be changed meanwhile.

    Example: tenantry webhook rotate 5f1c2a9b
    """
    from tenantry.operations import webhooks

    _show(webhooks.rotate(webhooks.beginning(webhook), at_once=at_once, actor=Actor.of_environment()), as_json)


def remove(webhook: Webhook, as_json: Json = False) -> None:
    """Remove a webhook. What waits for it is not sent.

    Example: tenantry webhook remove 5f1c2a9b
    """
    from tenantry.operations import webhooks

    gone = webhooks.remove(webhooks.beginning(webhook), actor=Actor.of_environment())
    if as_json:
        console.print_json(gone)
    else:
        console.say(f"webhook {gone.id} of {gone.holder} is removed")


def _show(made: NewSecret, as_json: bool) -> None:
    if as_json:
        console.print_json({**asdict(made.endpoint), "secret": made.secret})
        return
    console.line(made.secret)
    both = f"; the one before signs until {made.endpoint.former_until:%Y-%m-%d %H:%M} UTC" if made.endpoint.former_until else ""
    console.say(f"the secret of webhook {made.endpoint.id} is shown this once{both}")


def _endpoint(endpoint: Endpoint) -> str:
    events = " ".join(endpoint.events) or "every event"
    fares = f"{endpoint.state}: {endpoint.cause}" if endpoint.cause else endpoint.state
    about = f"  {endpoint.description}" if endpoint.description else ""
    return f"{endpoint.id}  {endpoint.holder}  {endpoint.url}  ({events}; {fares}){about}"


def _line(delivery: Delivery) -> str:
    place = f"#{delivery.sequence}" if delivery.sequence is not None else "apart"
    answer = f"  {delivery.status}" if delivery.status is not None else ""
    cause = f"  {delivery.cause}" if delivery.cause else ""
    what = f"{delivery.type} {delivery.tenant or ''}".rstrip()
    return f"{delivery.at:%Y-%m-%d %H:%M:%S}  {delivery.event}  {place}  {what}  {delivery.state}{answer}{cause}"


def _event(text: str) -> UUID:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        raise InputError(f"{text[:60]!r} is no event's id", "tenantry webhook deliveries ID shows them") from None
