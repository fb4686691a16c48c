"""Links that open one page of a tenant's, once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import portal_links as operation
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web import browsers, once
from tenantry.web.callers import having, seen
from tenantry.web.problems import Refused, responses

router = APIRouter(prefix="/v1", tags=["portal"])

Intent = Literal["activity", "configuration", "people"]


class NewPortalLink(BaseModel):
    """Which page, and where its way back leads."""

    model_config = ConfigDict(extra="forbid")

    intent: Intent
    return_url: str | None = Field(
        None, max_length=500, description="https, at a host of the tenant's or one registered for the key's holder"
    )


class PortalLink(BaseModel):
    """A link that was made."""

    id: UUID
    intent: Intent
    return_url: str | None
    expires_at: datetime
    url: str | None = Field(None, description="Only in the first answer: the same request asked again does not have it")


class Code(BaseModel):
    """What stands behind the link's #."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=100)


class OpenPage(BaseModel):
    """What a link has opened."""

    tenant: str
    name: str
    intent: Intent
    return_url: str | None
    scopes: list[str]
    token: str
    """What the page asks with: `Authorization: Bearer tnl_…`."""
    until: datetime


@router.post("/tenants/{slug}/portal-links", status_code=201, response_model=PortalLink, responses=responses())
def make(
    request: Request,
    body: NewPortalLink,
    name: once.Name,
    tenant: Annotated[Tenant, Depends(seen(operation.SCOPE))],
    who: Annotated[Caller, Depends(having(operation.SCOPE))],
) -> JSONResponse:
    """Makes a link that opens one page of the tenant's, once, within ten minutes. The key must be for what the page does, too."""

    def work(actor: Actor) -> once.Answer:
        if missing := operation.INTENTS[body.intent][0] - who.scopes:
            raise Refused(403, "key.scope", f"this is for whoever has {', '.join(sorted(missing))}", "ask for a key that has it")
        holder = who.holder if who.session is None else None
        made = operation.make(tenant, body.intent, body.return_url, holder=holder, actor=actor)
        told = PortalLink(id=made.id, intent=body.intent, return_url=made.return_url, expires_at=made.expires_at, url=None)
        return once.Answer(201, jsonable_encoder(told), secret={"url": made.url})

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/portal-links/open", responses=responses(429))
def open_link(request: Request, response: Response, body: Code) -> OpenPage:
    """Opens a link, at a host of its tenant's. It works once, and needs neither a key nor an Idempotency-Key."""
    browsers.require_ours(request, said=False)
    place = browsers.place(request)
    page = operation.open_link(body.code, place.host, place.address)
    response.headers["Cache-Control"] = "no-store"
    told = {name: getattr(page.opened, name) for name in ("name", "intent", "return_url", "until")}
    return OpenPage(tenant=page.opened.slug, scopes=sorted(page.scopes), token=page.token, **told)
