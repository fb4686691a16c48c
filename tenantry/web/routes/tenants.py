"""Tenants: seen, declared, provisioned, and let in and out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import lifecycle, preview_run, provision, tenants
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web import edits, once
from tenantry.web.asking import NoBody, asks
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])

State = Literal["provisioning", "active", "suspended", "offboarding", "archived", "deleted"]
NAME = r"^[a-z0-9-]*$"
Isolation = Literal["rls", "schema", "database", "instance"]


class Filters(BaseModel):
    """Which tenants, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    isolation: Isolation | None = None
    cell: str | None = Field(None, max_length=63, pattern=NAME)
    tier: str | None = Field(None, max_length=63, pattern=NAME)
    after: str = Field("", max_length=63, pattern=NAME, description="`after` of the page before")
    limit: int = Field(50, ge=1, le=tenants.LIMIT)


class NewTenantBody(BaseModel):
    """A new tenant: its slug, and what its file says (docs/declaration.md), in JSON."""

    model_config = ConfigDict(extra="allow")

    slug: str = Field(max_length=63, examples=["globex"])
    tier: str = Field(max_length=63, examples=["business"])


class OffboardBody(BaseModel):
    """How a tenant is off-boarded."""

    model_config = ConfigDict(extra="forbid")

    then: Literal["delete", "archive"] | None = Field(None, description="What follows the hold; else nothing does")
    hold_days: int | None = Field(None, ge=0, le=9999, description="The platform's hold or a longer one")


class UndeleteBody(BaseModel):
    """Where a tenant is brought back to."""

    model_config = ConfigDict(extra="forbid")

    to: Literal["active", "suspended"] | None = Field(None, description="Else what it was before")


class TenantPage(BaseModel):
    """A page of tenants."""

    tenants: list[Tenant]
    after: str | None = Field(description="What the next page is asked with; null on the last one")


@router.get("", responses=responses())
def listed(filters: Annotated[Filters, Query()], who: Annotated[Caller, Depends(having("tenants:read"))]) -> TenantPage:
    """The tenants that this key sees, by slug."""
    wanted = filters.model_dump(include={"state", "isolation", "cell", "tier"})
    return TenantPage(**asdict(tenants.page(who.sight, **wanted, after=filters.after, limit=filters.limit)))


@router.get("/{slug}", responses=responses())
def one(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> Tenant:
    """One tenant."""
    return tenant


@router.post("", status_code=201, response_model=Tenant, responses=responses())
def declare(
    request: Request, body: NewTenantBody, name: once.Name, who: Annotated[Caller, Depends(having("tenants:write"))]
) -> JSONResponse:
    """Declares a tenant: writes its file. `provision` makes it."""
    given = body.model_dump()

    def work(actor: Actor) -> once.Answer:
        declaration = {key: value for key, value in given.items() if key != "slug"}
        made = tenants.declare(body.slug, declaration, who.sight.labels, actor=actor)
        return once.Answer(201, jsonable_encoder(made), f"/v1/tenants/{made.slug}")

    return once.once(request, who, name, given, work)


class Declaration(BaseModel):
    """A tenant's file, in YAML."""

    text: str


@router.get("/{slug}/declaration", responses=responses())
def declaration(tenant: Annotated[Tenant, Depends(seen("tenants:read"))], response: Response) -> Declaration:
    """The tenant's file, with an ETag for whoever edits it."""
    return _told(tenants.written(tenant.slug), response)


@router.patch("/{slug}/declaration", responses=responses(412, 428))
def edit(
    body: dict[str, Any],
    response: Response,
    tenant: Annotated[Tenant, Depends(seen("tenants:write"))],
    who: Annotated[Caller, Depends(having("tenants:write"))],
    match: edits.IfMatch = None,
) -> Declaration:
    """Lets the tenant's file say what the body says, as in `{"theme": {"primary": "#123456"}}`, and no more. `provision` makes it."""
    found = tenants.edit(tenant.slug, body, who.sight.labels, edits.required(match).strip('"'), actor=who.actor())
    if found is None:
        raise edits.outdated()
    return _told(found, response)


def _told(written: tenants.Written, response: Response) -> Declaration:
    response.headers["ETag"] = f'"{written.tag}"'
    return Declaration(text=written.text)


asks(
    router,
    "/{slug}/provision",
    "tenants:write",
    NoBody,
    lambda slug, body, actor: provision.request(slug, actor=actor),
    "Make the tenant, in eight steps",
)
asks(
    router,
    "/{slug}/preview",
    "tenants:write",
    NoBody,
    lambda slug, body, actor: preview_run.request(slug, actor=actor),
    "What making the tenant would do: the run has it as `changes`",
)
asks(
    router,
    "/{slug}/suspend",
    "tenants:lifecycle",
    NoBody,
    lambda slug, body, actor: lifecycle.request("suspend", slug, actor=actor),
    "Shut the tenant out at once",
)
asks(
    router,
    "/{slug}/reactivate",
    "tenants:lifecycle",
    NoBody,
    lambda slug, body, actor: lifecycle.request("reactivate", slug, actor=actor),
    "Let a suspended tenant in",
)
asks(
    router,
    "/{slug}/offboard",
    "tenants:lifecycle",
    OffboardBody,
    lambda slug, body, actor: lifecycle.request("offboard", slug, actor=actor, wish=body.then, days=body.hold_days),
    "Shut the tenant out and hold its data",
)
asks(
    router,
    "/{slug}/undelete",
    "tenants:lifecycle",
    UndeleteBody,
    lambda slug, body, actor: lifecycle.request("undelete", slug, actor=actor, to=body.to),
    "Bring an off-boarded tenant back",
)
