"""Keys of the service's API, and the service itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json

if TYPE_CHECKING:
    from tenantry.operations.key_giving import ApiKey


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "Keys of the service's API: who may ask, for which tenants, and what for.\n\nExample: tenantry key list"
    groups.add(app, "key", words, {"new": new, "list": list_, "revoke": revoke, "scopes": scopes, "return-hosts": return_hosts})
    app.command()(serve)


def new(
    holder: Annotated[str, typer.Argument(help="The partner or program that asks with it; named in the log.")],
    scope: Annotated[list[str], typer.Option("--scope", help="What it is for; repeat it. `tenantry key scopes` lists them.")],
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Only tenants that carry this label; repeat it. Without one, every tenant."),
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="It ends after so many days.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key for the service's API and show it, this once. A holder has two at most, so that one can follow the other.

    Example: tenantry key new "Globex portal" --scope tenants:read --scope tenants:write --label partner=globex
    """
    from tenantry.operations import api_keys

    made = api_keys.make(holder, scope, api_keys.labels_of(label or ()), days=days, actor=Actor.of_environment())
    if as_json:
        console.print_json({**asdict(made.key), "key": made.text})
        return
    console.line(made.text)
    console.say(f"key {made.key.id} of {made.key.holder}: it is shown this once; to end it: tenantry key revoke {made.key.id}")


def list_(as_json: Json = False) -> None:
    """List the keys: whose they are, what for, when they were last asked with, and whether they work.

    Example: tenantry key list
    """
    from tenantry.operations import api_keys

    console.print_entries(api_keys.listed(), as_json, _line, "no key: tenantry key new HOLDER --scope tenants:read")


def _line(key: ApiKey) -> str:
    tenants = " ".join(f"{name}={value}" for name, value in key.labels.items()) or "every tenant"
    used = f"used {key.used_at:%Y-%m-%d}" if key.used_at else "never used"
    return f"{key.id}  {'works' if key.works else 'ended'}  {key.holder}  {' '.join(key.scopes)}  ({tenants}; {used})"


def revoke(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `tenantry key list` shows it.")],
    as_json: Json = False,
) -> None:
    """End a key at once. Repeating it is a no-op.

    Example: tenantry key revoke 5f1c2a9b7d30
    """
    from tenantry.operations import api_keys

    ended = api_keys.revoke(identifier, actor=Actor.of_environment())
    if as_json:
        console.print_json(ended)
    else:
        console.say(f"key {ended.id} of {ended.holder} works no more")


def scopes(as_json: Json = False) -> None:
    """List what a key can be for.

    Example: tenantry key scopes
    """
    from tenantry.operations.callers import SCOPES

    if as_json:
        console.print_json(dict(SCOPES))
        return
    for name, meaning in SCOPES.items():
        console.line(f"{name:22}{meaning}")


def return_hosts(
    holder: Annotated[str, typer.Argument(help="The holder of a key.")],
    add: Annotated[list[str] | None, typer.Option("--add", metavar="HOST", help="A host more; repeat it.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="HOST", help="No longer this one; repeat it.")] = None,
    as_json: Json = False,
) -> None:
    """Show and change the hosts to which links of a holder's may lead back, besides the tenant's own (docs/portal-links.md).

    Example: tenantry key return-hosts "Globex portal" --add portal.globex.example
    """
    from tenantry.operations import portal_links

    hosts = portal_links.return_hosts(holder, add=add or (), remove=remove or (), actor=Actor.of_environment())
    if as_json:
        console.print_json({"holder": holder, "hosts": hosts})
        return
    for host in hosts:
        console.line(host)
    if not hosts:
        console.say(f"none is registered for {holder}: links lead back to the tenant's own hosts")


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")] = 8080,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy", metavar="ADDRESS", help="A proxy in front, or a network of them, whose X-Forwarded-For is believed; repeat it."
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that share the port.")] = 1,
) -> None:
    """Start the service: the API under /v1 (/openapi.json describes it), and how each host looks under /runtime.

    It does none of the work that it is asked for: `tenantry worker` does.

    Example: tenantry serve --port 8080
    """
    import uvicorn

    uvicorn.run(
        "tenantry.web.app:serve",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        server_header=False,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or [],
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,  # longer than a proxy keeps one: else a request meets a connection that is just being closed
        timeout_worker_healthcheck=60,  # one that has much to do is not to be killed for it
        log_level="info",
    )
