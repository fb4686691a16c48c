"""Speaking to a provider of OpenID Connect: state, nonce and PKCE are Authlib's, kept in what it takes for Starlette's session."""

from __future__ import annotations

from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from joserfc.errors import JoseError

from tenantry.errors import TransientError
from tenantry.operations import sso
from tenantry.operations.sso import Identity, Provider

PATIENCE = 10.0
"""Seconds for each of the provider's answers."""


class OidcClient:
    """One for each provider that this process has met: what a provider says of itself is asked for once, its keys until another is used."""

    def __init__(self) -> None:
        self._clients: dict[Provider, Any] = {}

    def _client(self, provider: Provider) -> Any:
        if provider not in self._clients:
            self._clients[provider] = OAuth().register(
                "sso",
                client_id=provider.client_id,
                client_secret=provider.client_secret,
                server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": "openid email profile",
                    "code_challenge_method": "S256",
                    "timeout": PATIENCE,
                    **({} if provider.client_secret else {"token_endpoint_auth_method": "none"}),
                },
            )
        return self._clients[provider]

    async def leave(self, request: Request, provider: Provider, redirect_uri: str) -> tuple[str, dict[str, Any]]:
        """Where the browser is sent, and what has to be known when it comes back."""
        state: dict[str, Any] = {}
        request.scope["session"] = state
        try:
            answer = await self._client(provider).authorize_redirect(request, redirect_uri)
        except (httpx.HTTPError, ValueError, RuntimeError) as error:
            raise _away(error) from error
        return str(answer.headers["location"]), state

    async def arrive(self, request: Request, provider: Provider, state: dict[str, Any]) -> Identity:
        """Who came back. ``InputError`` for an answer that is not the provider's to this browser's question."""
        request.scope["session"] = state
        client = self._client(provider)
        try:
            metadata = await client.load_server_metadata()
            token = await client.authorize_access_token(request)
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (OAuthError, JoseError, ValueError, KeyError, RuntimeError) as error:
            raise sso.refused(type(error).__name__) from error
        claims = token.get("userinfo")
        if not claims or str(metadata.get("issuer", "")).rstrip("/") != provider.issuer or not isinstance(claims.get("sub"), str):
            raise sso.refused("the provider says it is another, or does not say who it is")
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(provider.issuer, claims["sub"], email if isinstance(email, str) else None, claims.get("name"))


def _away(error: Exception) -> TransientError:
    return TransientError(
        f"the single sign-on does not answer: {type(error).__name__}", "try again in some minutes", code="sso.unreachable"
    )
