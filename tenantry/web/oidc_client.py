"""Speaking to a provider of OpenID Connect: state, nonce and PKCE are Authlib's, kept in what it takes for Starlette's session."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import httpx
from anyio import CapacityLimiter, to_thread
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from joserfc.errors import JoseError

from tenantry.errors import InputError, TransientError
from tenantry.operations import provider_requests, sso
from tenantry.operations.sso import Identity, Provider

PATIENCE: Final = 10.0
"""Seconds for each of the provider's answers."""
MOST: Final = 500
"""Providers that are remembered."""
AT_ONCE: Final = 4
"""Requests to tenants' providers at a time: one that is slow takes no thread of the routes'."""


class Strangers(httpx.AsyncBaseTransport):
    """Asks tenants' own providers: public addresses alone, bounded, without redirects or proxies (``provider_requests``)."""

    def __init__(self) -> None:
        self._turns = CapacityLimiter(AT_ONCE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's."""
        body = await request.aread()
        url, headers = str(request.url), dict(request.headers)
        try:
            said = await to_thread.run_sync(provider_requests.ask, request.method, url, headers, body, limiter=self._turns)
        except provider_requests.Unanswered as error:
            raise httpx.ConnectError(str(error), request=request) from error
        # Not its headers: the content is whole, and not encoded.
        kind = next((value for name, value in said.headers if name.lower() == b"content-type"), b"application/json")
        return httpx.Response(said.status, headers=[(b"content-type", kind)], content=said.content, request=request)


class OidcClient:
    """One for each provider that this process has met: what a provider says of itself is asked for once, its keys until another is used."""

    def __init__(self) -> None:
        self._clients: OrderedDict[Provider, Any] = OrderedDict()
        self._strangers: Strangers | None = None

    def _client(self, provider: Provider) -> Any:
        if provider in self._clients:
            self._clients.move_to_end(provider)
        else:
            if len(self._clients) >= MOST:
                self._clients.popitem(last=False)
            self._clients[provider] = OAuth().register(
                "sso",
                client_id=provider.client_id,
                client_secret=provider.client_secret,
                server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": "openid email profile",
                    "code_challenge_method": "S256",
                    "timeout": PATIENCE,
                    **({} if provider.of is None else {"transport": self._transport(), "trust_env": False}),
                    **({} if provider.client_secret else {"token_endpoint_auth_method": "none"}),
                },
            )
        return self._clients[provider]

    def _transport(self) -> Strangers:
        if self._strangers is None:  # of the loop that asks first
            self._strangers = Strangers()
        return self._strangers

    async def _ready(self, provider: Provider) -> Any:
        """The client, which knows of what the provider says of itself no more than it needs."""
        client = self._client(provider)
        if "_loaded_at" not in client.server_metadata:
            said = await client.load_server_metadata()
            try:
                kept = provider_requests.described(provider, said)
            except InputError:
                said.clear()
                raise
            loaded = said["_loaded_at"]
            said.clear()
            said.update(kept, _loaded_at=loaded)
        return client

    async def leave(self, request: Request, provider: Provider, redirect_uri: str) -> tuple[str, dict[str, Any]]:
        """Where the browser is sent, and what has to be known when it comes back."""
        state: dict[str, Any] = {}
        request.scope["session"] = state
        try:
            client = await self._ready(provider)
            answer = await client.authorize_redirect(request, redirect_uri)
        except (httpx.HTTPError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise _away(error) from error
        return str(answer.headers["location"]), state

    async def arrive(self, request: Request, provider: Provider, state: dict[str, Any]) -> Identity:
        """Who came back. ``InputError`` for an answer that is not the provider's to this browser's question."""
        request.scope["session"] = state
        try:
            client = await self._ready(provider)
            token = await client.authorize_access_token(request)
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (OAuthError, JoseError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
            raise sso.refused(type(error).__name__) from error
        claims = token.get("userinfo")
        if not claims or not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255 or "\0" in claims["sub"]:
            raise sso.refused("the provider does not say who it is")
        email = claims.get("email") if claims.get("email_verified") is True else None
        name = claims.get("name")
        return Identity(provider.issuer, claims["sub"], email if isinstance(email, str) else None, name if isinstance(name, str) else None)


def _away(error: Exception) -> TransientError:
    return TransientError(
        f"the single sign-on does not answer: {type(error).__name__}", "try again in some minutes", code="sso.unreachable"
    )
