"""Providers of OpenID Connect: the platform's, as the environment says it, and tenants' own, as their files do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from tenantry.control import sign_in_settings
from tenantry.errors import InputError
from tenantry.operations.service_address import LOCAL

if TYPE_CHECKING:
    import psycopg

ISSUER: Final = "TENANTRY_OIDC_ISSUER"
CLIENT_ID: Final = "TENANTRY_OIDC_CLIENT_ID"
CLIENT_SECRET: Final = "TENANTRY_OIDC_CLIENT_SECRET"  # noqa: S105  # a variable's name
FOR: Final = "TENANTRY_OIDC_FOR"
AUDIENCES: Final = ("platform", "tenants", "all")


@dataclass(frozen=True)
class Provider:
    """A provider. ``of``: the slug of the tenant whose own it is; it is a stranger, and asked like one. None: the platform's."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    """None: PKCE is all that proves that it is us."""
    audience: str
    of: str | None = None


def provider() -> Provider | None:
    """As the environment says it; None: there is none. ``InputError`` for what is incomplete, or is spoken to in the clear."""
    issuer = (os.environ.get(ISSUER) or "").rstrip("/")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise InputError(f"{ISSUER} is not https", "as the provider's documents name it, for example https://login.example")
    client_id, audience = os.environ.get(CLIENT_ID) or "", os.environ.get(FOR) or "platform"
    if not client_id:
        raise InputError(f"{CLIENT_ID} is missing", "the provider has given it to you")
    if audience not in AUDIENCES:
        raise InputError(f"{FOR} cannot be {audience[:40]!r}", f"one of {', '.join(AUDIENCES)}")
    return Provider(issuer, client_id, os.environ.get(CLIENT_SECRET) or None, audience)


def of_tenant(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, slug: str) -> Provider | None:
    """The tenant's own one, without its secret (``sso_secret``); None: it has none."""
    issuer, client_id = sign_in_settings.provider(connection, tenant)
    return Provider(issuer, client_id, None, "tenants", slug) if issuer and client_id else None


def is_for(connection: psycopg.Connection[dict[str, Any]], tenant: UUID | None) -> bool:
    """Whether the people of a tenant sign in so, and by nothing else. None: of one that there is not."""
    found = provider()
    if found is not None and found.audience in ("tenants", "all"):
        return True
    return tenant is not None and any(sign_in_settings.provider(connection, tenant))
