"""What we show a tenant's own provider of single sign-on: in a secret of its own, in no file, database or state."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients.login_secrets import MARK, LoginSecret
from tenantry.control import invitations, registry, runs
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.escape import require_line
from tenantry.operations import oidc_provider
from tenantry.settings import platform_settings
from tenantry.stores import tenant_store

KNOWN_FOR: Final = 60.0
"""Seconds for which a process goes on with a secret that it has read."""
CALLBACK: Final = "/v1/session/oidc/callback"

_known: dict[str, tuple[float, str | None]] = {}


@dataclass(frozen=True)
class TenantSso:
    """A tenant's own provider. ``callbacks``: what has to be registered there."""

    slug: str
    issuer: str | None
    client_id: str | None
    secret: bool
    """Whether there is a secret; without one we are a public client (PKCE alone)."""
    callbacks: tuple[str, ...]


def show(slug: str) -> TenantSso:
    """What is in force. ``InputError`` for a tenant that is not there."""
    tenant = naming.tenant_id(slug)
    with transaction() as connection:
        if connection.execute("SELECT FROM directory WHERE id = %s AND state <> 'deleted'", [tenant]).fetchone() is None:
            raise tenant_store.unknown(slug, list(registry.states()))
        found = oidc_provider.of_tenant(connection, tenant, slug)
        hosts = invitations.hosts(connection, tenant)
    callbacks = tuple(f"https://{host}{CALLBACK}" for host in hosts)
    there = _of(slug).there
    return TenantSso(slug, found.issuer if found else None, found.client_id if found else None, there, callbacks)


def put(slug: str, text: str, *, actor: Actor) -> None:
    """Keeps another secret, which counts within a minute. ``InputError`` for a tenant that is not there, and for what is no secret."""
    if not show(slug).issuer:
        raise InputError(
            f"{slug} has no provider of its own", "sign_in.issuer and client_id of its file, then tenantry up", code="sso.none"
        )
    try:
        require_line("the secret", text, 1000)
    except InputError:  # whose words would say it
        raise InputError("that is no secret", "one line of 1 to 1,000 characters") from None
    _of(slug).write({"client_secret": text})
    _known.pop(slug, None)
    _note(slug, actor, "set")


def remove(slug: str, *, actor: Actor) -> bool:
    """Deletes the secret for good; whether there was one."""
    gone = erase(slug)
    if gone:
        _note(slug, actor, "removed")
    return gone


def erase(slug: str) -> bool:
    """The same for a tenant that goes."""
    _known.pop(slug, None)
    return _of(slug).erase()


def read(slug: str) -> str | None:
    """What it is; None: there is none."""
    now = time.monotonic()
    found = _known.get(slug)
    if found is None or found[0] < now:
        content = _of(slug).read() or {}
        found = _known[slug] = (now + KNOWN_FOR, str(content["client_secret"]) if content.get("client_secret") else None)
    return found[1]


def _of(slug: str) -> LoginSecret:
    return LoginSecret("secretsmanager", naming.sso_secret(platform_settings().bucket_prefix, slug), {MARK: slug})


def _note(slug: str, actor: Actor, what: str) -> None:
    with transaction() as connection:
        runs.audit(connection, naming.tenant_id(slug), actor.name, "sso secret", what)
