"""What a tenant's own provider of single sign-on is asked, and what of its word is taken: it is a stranger's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tenantry.clients import outbound
from tenantry.clients.outbound import Answer, Unanswered
from tenantry.errors import InputError
from tenantry.operations.oidc_provider import Provider

__all__ = ["Answer", "Unanswered", "ask", "described"]

PATIENCE: Final = 10.0
"""Seconds for each of its answers."""
_HEADERS: Final = frozenset({"accept", "authorization", "content-type", "user-agent"})
_TEXTS: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_LISTS: Final = ("id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported")


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """One request, to a public address alone. ``Unanswered``."""
    return outbound.ask(method, url, {name: value for name, value in headers.items() if name.lower() in _HEADERS}, body, total=PATIENCE)


def described(provider: Provider, said: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a provider says of itself, what a log-in needs: the rest would be options of our own client (``proxy``, ``verify``).

    ``InputError`` where it is another than the one that was asked, or does not say where to go.
    """
    kept: dict[str, Any] = {name: said[name] for name in _TEXTS if isinstance(said.get(name), str)}
    for name in _LISTS:
        if isinstance(said.get(name), list) and all(isinstance(each, str) for each in said[name]):
            kept[name] = said[name]
    whole = len([name for name in _TEXTS if name in kept]) == len(_TEXTS)
    if not whole or kept["issuer"].rstrip("/") != provider.issuer:
        raise InputError(
            "the provider says it is another, or not where to go", "its document is wrong, or sign_in.issuer is", code="sso.refused"
        )
    if provider.of is not None:
        outbound.checked_url(kept["authorization_endpoint"])  # where the browser goes; the others are looked at when they are asked
    return kept
