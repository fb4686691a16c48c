"""Signing in by a provider of OpenID Connect: the browser is sent there, and comes back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from tenantry.errors import InputError
from tenantry.operations import returns, sso
from tenantry.web import browsers
from tenantry.web.oidc_client import OidcClient
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/session/oidc", tags=["session"])

COOKIE = "__Host-tenantry-sso"
CALLBACK = "/v1/session/oidc/callback"


class Leaving(BaseModel):
    """Where somebody goes on when he is in."""

    model_config = ConfigDict(extra="forbid")

    return_to: str = Field("/", max_length=2000, description="A path, or https at an active host of the same tenant")
    invitation: str | None = Field(None, min_length=1, max_length=200, description="The last part of an invitation's link")


SENT = {302: {"description": "The browser is sent on"}, **responses(429)}


@router.get("", status_code=302, response_class=RedirectResponse, responses=SENT)
async def leave(request: Request, asked: Annotated[Leaving, Query()]) -> RedirectResponse:
    """Sends the browser to the provider."""
    place = browsers.place(request)
    provider, own = await run_in_threadpool(sso.callback, place, browsers.authority(request))
    return_to = await run_in_threadpool(returns.checked, asked.return_to, place.host)
    client: OidcClient = request.app.state.oidc
    where, state = await client.leave(request, provider, f"{own}{CALLBACK}")
    secret = await run_in_threadpool(sso.leave, place, provider, state, return_to, asked.invitation)
    answer = RedirectResponse(where, 302, {"Cache-Control": "no-store"})
    answer.set_cookie(COOKIE, secret, max_age=600, secure=True, httponly=True, samesite="lax", path="/")
    return answer


@router.get("/callback", status_code=302, response_class=RedirectResponse, responses=SENT)
async def arrive(request: Request) -> RedirectResponse:
    """Takes the browser back from the provider, and signs its person in."""
    place = browsers.place(request)
    provider, _ = await run_in_threadpool(sso.callback, place, browsers.authority(request))
    client: OidcClient = request.app.state.oidc
    try:
        kept = await run_in_threadpool(sso.come_back, request.cookies.get(COOKIE, ""), place, provider)
        identity = await client.arrive(request, provider, kept["state"])
    except InputError:
        await run_in_threadpool(sso.failed, place)
        raise
    begun = await run_in_threadpool(sso.by_identity, identity, place, invitation=kept["invitation"], before=browsers.secret(request))
    if isinstance(begun, sso.Elsewhere):
        answer = RedirectResponse(begun.url, 302, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    else:
        answer = RedirectResponse(kept["return_to"], 302)
        browsers.signed_in(answer, begun)
    answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return answer
