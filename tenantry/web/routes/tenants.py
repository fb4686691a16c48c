"""Tenants: seen, declared, provisioned, and let in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.errors import InputError
from tenantry.operations import lifecycle, preview_run, provision, tenants
from tenantry.operations.callers import Caller
from tenantry.operations.proposals import Proposal
from tenantry.operations.tenants import Tenant
from tenantry.web import edits, once
from tenantry.web.asking import NoBody, asks
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])

State = Literal["provisioning", "active", "suspended", "offboarding", "archived", "deleted"]
NAME = r"^[a-z0-9-]*$"
Isolation = Literal["rls", "schema", "database", "instance"]


Label = Annotated[str, Field(max_length=141, pattern=r"^[a-z][a-z0-9_.-]{0,39}=[A-Za-z0-9 ._@/+-]*$", examples=["partner=globex"])]
Fields = Annotated[str, Field(max_length=200, pattern=r"^([a-z_]+(,[a-z_]+)*)?$", examples=["slug,state"])]


class Filters(BaseModel):
    """Which tenants, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    isolation: Isolation | None = None
    cell: str | None = Field(None, max_length=63, pattern=NAME)
    tier: str | None = Field(None, max_length=63, pattern=NAME)
    label: list[Label] = Field(default_factory=list, max_length=20, description="KEY=VALUE; of more than one, all")
    external_id: str | None = Field(None, max_length=100, pattern=r"^[A-Za-z0-9 ._@/+-]*$", description="The label `external_id`")
    sort: Literal["slug", "-slug", "created_at", "-created_at", "updated_at", "-updated_at"] = "slug"
    fields: Fields = Field("", description="Those that are wanted of each tenant, by commas; else all")
    after: str = Field("", max_length=100, pattern=r"^([0-9]{1,17}~)?[a-z0-9-]*$", description="`after` of the page before")
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


class ListedTenant(BaseModel):
    """A tenant, or what was asked for of it."""

    id: UUID | None = None
    slug: str | None = None
    name: str | None = None
    tier: str | None = None
    isolation: str | None = None
    cell: str | None = None
    state: str | None = None
    host: str | None = None
    limits: dict[str, int] | None = None
    labels: dict[str, str] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    ready_at: datetime | None = None


class TenantPage(BaseModel):
    """A page of tenants."""

    tenants: list[ListedTenant]
    after: str | None = Field(description="What the next page is asked with; null on the last one")


@router.get("", responses=responses(), response_model_exclude_unset=True)
def listed(filters: Annotated[Filters, Query()], who: Annotated[Caller, Depends(having("tenants:read"))]) -> TenantPage:
    """The tenants that there are to be seen."""
    wanted = filters.model_dump(include={"state", "isolation", "cell", "tier", "sort", "after", "limit"})
    labels = dict(text.split("=", 1) for text in filters.label)
    if filters.external_id is not None:
        labels["external_id"] = filters.external_id
    names = filters.fields.split(",") if filters.fields else list(ListedTenant.model_fields)
    if unknown := sorted(set(names) - ListedTenant.model_fields.keys()):
        raise InputError(f"a tenant has no field {unknown[0]}", f"one of {', '.join(ListedTenant.model_fields)}")
    found = tenants.page(who.sight, **wanted, labels=labels)
    return TenantPage(tenants=[ListedTenant(**{name: getattr(each, name) for name in names}) for each in found.tenants], after=found.after)


@router.get("/{slug}", responses=responses())
def one(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> Tenant:
    """One tenant."""
    return tenant


@router.post("", status_code=201, response_model=Tenant, responses={202: {"model": Proposal, "description": "Proposed"}, **responses()})
def declare(
    request: Request, body: NewTenantBody, name: once.Name, who: Annotated[Caller, Depends(having("tenants:write"))]
) -> JSONResponse:
    """Declares a tenant: writes its file. `provision` makes it. Where changes are proposed on a forge (202), its run follows the merge."""
    given = body.model_dump()

    def work(actor: Actor) -> once.Answer:
        declaration = {key: value for key, value in given.items() if key != "slug"}
        made = tenants.declare(body.slug, declaration, who.sight.labels, actor=actor)
        if isinstance(made, Proposal):
            return once.Answer(202, jsonable_encoder(made), f"/v1/proposals/{made.id}")
        return once.Answer(201, jsonable_encoder(made), f"/v1/tenants/{made.slug}")

    return once.once(request, who, name, given, work)


class Declaration(BaseModel):
    """A tenant's file, in YAML; where an edit is proposed on a forge, as it still is."""

    text: str
    proposal: Proposal | None = None


@router.get("/{slug}/declaration", responses=responses())
def declaration(tenant: Annotated[Tenant, Depends(seen("tenants:read"))], response: Response) -> Declaration:
    """The tenant's file, with an ETag for whoever edits it."""
    return _told(tenants.written(tenant.slug), response)


@router.patch("/{slug}/declaration", responses={202: {"model": Declaration, "description": "Proposed"}, **responses(412, 428)})
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
    if isinstance(found, Proposal):
        response.status_code = 202
        return _told(tenants.written(tenant.slug), response).model_copy(update={"proposal": found})
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
    careful=True,
)
asks(
    router,
    "/{slug}/undelete",
    "tenants:lifecycle",
    UndeleteBody,
    lambda slug, body, actor: lifecycle.request("undelete", slug, actor=actor, to=body.to),
    "Bring an off-boarded tenant back",
)
