"""Everything that is a command is a call of the API and the other way round, or it is said here why there is no other."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from tenantry import cli
from tenantry.web.app import create

V, T = "/v1", "/v1/tenants/{slug}"

PAIRS = {
    "new": (f"POST {V}/tenants",),
    "render": (f"GET {T}/declaration",),
    "list": (f"GET {V}/tenants",),
    "status": (f"GET {V}/tenants", f"GET {T}"),
    "provision": (f"POST {T}/provision",),
    "preview": (f"POST {T}/preview",),
    "invite": (f"POST {T}/invitations",),
    "invitations": (f"GET {T}/invitations",),
    "invitation revoke": (f"POST {T}/invitations/revoke",),
    "accept": (f"POST {V}/invitations/accept",),
    "mail-domain list": (f"GET {T}/email-domains",),
    "mail-domain check": (f"POST {T}/email-domains/check",),
    "user list": (f"GET {T}/users",),
    "user role": (f"POST {T}/users/{{user}}/role",),
    "user remove": (f"POST {T}/users/{{user}}/remove",),
    "portal-link": (f"POST {T}/portal-links",),
    "config get": (f"GET {T}/configuration", f"GET {T}/configuration/{{key}}"),
    "config set": (f"PUT {T}/configuration/{{key}}",),
    "config unset": (f"DELETE {T}/configuration/{{key}}",),
    "config history": (f"GET {T}/configuration/history",),
    "config bulk": (f"POST {V}/configuration/bulk/preview", f"POST {V}/configuration/bulk"),
    "config undo": (f"GET {V}/configuration/bulk/{{run}}/undo", f"POST {V}/configuration/bulk/{{run}}/undo"),
    "branding upload": (f"PUT {T}/configuration/{{key}}/picture",),
    "credentials rotate": (f"POST {T}/credentials/rotations", f"POST {V}/credentials/rotations"),
    "move": (f"GET {T}/moves/plan", f"POST {T}/moves", f"POST {T}/moves/finish", f"POST {T}/moves/rollback"),
    "moves": (f"GET {T}/moves",),
    "suspend": (f"POST {T}/suspend",),
    "reactivate": (f"POST {T}/reactivate",),
    "offboard": (f"POST {T}/offboard", f"POST {T}/delete"),
    "undelete": (f"POST {T}/undelete",),
    "deletion list": (f"GET {V}/deletions",),
    "deletion show": (f"GET {V}/deletions/{{record}}",),
    "deletion export": (f"GET {V}/deletions/{{record}}",),
    "backup create": (f"POST {T}/backups",),
    "backup list": (f"GET {T}/backups",),
    "restore create": (f"GET {T}/restores", f"POST {T}/restores", f"POST {T}/restores/beside"),
    "restore confirm": (f"POST {T}/restores/confirm",),
    "restore rollback": (f"POST {T}/restores/rollback",),
    "clone run": (f"POST {T}/clones",),
    "clone check": (f"GET {V}/clones/check",),
    "clone list": (f"GET {V}/clones", f"GET {T}/clones"),
    "migrate": (f"GET {V}/migrations", f"GET {V}/migrations/plan", f"POST {V}/migrations"),
    "usage": (f"GET {V}/usage", f"GET {T}/usage"),
    "key new": (f"POST {V}/keys",),
    "key list": (f"GET {V}/keys",),
    "key revoke": (f"POST {V}/keys/{{id}}/revoke",),
    "webhook new": (f"POST {V}/webhooks",),
    "webhook list": (f"GET {V}/webhooks", f"GET {V}/webhooks/{{webhook}}"),
    "webhook edit": (f"PATCH {V}/webhooks/{{webhook}}",),
    "webhook test": (f"POST {V}/webhooks/{{webhook}}/test",),
    "webhook deliveries": (f"GET {V}/webhooks/{{webhook}}/deliveries",),
    "webhook redeliver": (f"POST {V}/webhooks/{{webhook}}/redeliver",),
    "webhook skip": (f"POST {V}/webhooks/{{webhook}}/deliveries/{{event}}/skip",),
    "webhook rotate": (f"POST {V}/webhooks/{{webhook}}/rotate",),
    "webhook remove": (f"POST {V}/webhooks/{{webhook}}/remove",),
    "proposals": (f"GET {V}/proposals", f"GET {V}/proposals/{{proposal}}"),
    "log": (f"GET {V}/runs", f"GET {V}/runs/export", f"GET {V}/runs/{{run}}", f"GET {V}/runs/{{run}}/events", f"GET {T}/runs"),
    "audit": (f"GET {V}/log", f"GET {V}/log/export", f"GET {T}/log", f"GET {T}/log/export"),
    "resolve": ("GET /runtime/tenant",),
}
"""Command → the routes that do the same. ``/runtime`` is described apart."""

ON_A_MACHINE = "it is about the machine, or the clone, that it is typed on"
OPERATING = "whoever operates the platform does it, from a shell with the platform's own rights; no key has them"
LIST = "its list says the same by the API"
SHELL_ONLY = {
    "validate": ON_A_MACHINE,
    "schema": ON_A_MACHINE,
    "branding export": ON_A_MACHINE,
    "backup verify": "it reads a whole backup, which no request waits for; the task `drill` proves each one",
    "backup show": LIST,
    "backup prune": OPERATING,
    "backup renew-key": OPERATING,
    "restore drill": OPERATING,
    "up": "the engine is a worker's: a tenant is provisioned by its run",
    "state list": OPERATING,
    "state adopt": OPERATING,
    "doctor": OPERATING,
    "row-context rotate": OPERATING,
    "config keys": "docs/declaration.md, and GET of the configuration, say them",
    "config drift": OPERATING,
    "config write-back": "it writes files of many tenants, of which a person makes one commit",
    "credentials show": "a password is printed where whoever runs the platform asks; it does not travel in an answer that may be kept",
    "legal-hold set": OPERATING,
    "legal-hold clear": OPERATING,
    "legal-hold list": OPERATING,
    "deletion verify": "it is checked where nobody has to be believed, with the public key alone",
    "deletion key": "the key is handed over once, by another way than what it proves",
    "quarantine list": OPERATING,
    "quarantine release": OPERATING,
    "sso show": OPERATING,
    "sso secret": "a secret is typed on a terminal alone",
    "user link": "a link that signs somebody else in is made by whoever operates the platform, for an emergency",
    "admin link": "the first way in, and the one for an emergency",
    "admin list": "the same",
    "admin revoke": "the same",
    "key scopes": "/openapi.json and docs/service.md say them",
    "key return-hosts": "a holder does not say himself where links of his may lead",
    "serve": ON_A_MACHINE,
    "worker": ON_A_MACHINE,
    "resume": "the same asked for again goes on, or begins anew; and resuming a run of any kind would need no one scope",
    "cron list": OPERATING,
    "cron run": OPERATING,
    "cron log": OPERATING,
    "cron report": OPERATING,
    "mail list": OPERATING,
    "mail show": OPERATING,
    "mail send": OPERATING,
    "mail retry": OPERATING,
    "mail preview": OPERATING,
    "mail bounce": OPERATING,
    **{f"local {name}": ON_A_MACHINE for name in ("up", "service", "down", "status", "env", "reset", "end-hold", "mail")},
}
"""Command → why no route does the same."""

A_BROWSER = "it is about the session of a browser, which a shell has none of"
HTTP_ONLY = {
    f"PATCH {T}/declaration": "on a machine the file itself is edited",
    f"POST {V}/portal-links/open": A_BROWSER,
}
"""Route → why no command does the same; those of sessions besides."""


@pytest.fixture(scope="module")
def commands():
    cli._register()

    def leaves(command: Any, path: tuple[str, ...] = ()) -> Any:
        below = getattr(command, "commands", None)
        if below is None:
            yield " ".join(path)
        for name, each in (below or {}).items():
            yield from leaves(each, (*path, name))

    return set(leaves(typer.main.get_command(cli.app)))


@pytest.fixture(scope="module")
def routes():
    found = create().openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in found.items() if path.startswith(V) for method in methods}


def test_every_command_has_its_route_or_a_reason(commands):
    assert not PAIRS.keys() & SHELL_ONLY.keys()
    assert commands == {*PAIRS, *SHELL_ONLY}


def test_every_route_has_its_command_or_a_reason(routes):
    paired = {route for of_command in PAIRS.values() for route in of_command if " /v1" in route}
    assert not paired & HTTP_ONLY.keys()
    of_sessions = {route for route in routes if route.partition(" ")[2].startswith(f"{V}/session")}
    assert routes - of_sessions == {*paired, *HTTP_ONLY}, A_BROWSER
