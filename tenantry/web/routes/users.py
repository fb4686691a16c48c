"""A tenant's users: seen, given a role, removed."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from tenantry.actor import Actor
from tenantry.operations import tenants
from tenantry.operations import user_roles as operation
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.operations.user_roles import UserEntry
from tenantry.web import once
from tenantry.web.asking import NoBody
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants/{slug}/users", tags=["users"])


class UserRole(BaseModel):
    """What a user may do."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["admin", "member"]


@router.get("", responses=responses())
def listed(
    tenant: Annotated[Tenant, Depends(seen("people:read"))], who: Annotated[Caller, Depends(having("people:read"))]
) -> list[UserEntry]:
    """The tenant's users, by address."""
    return [] if tenant.state in (tenants.DECLARED, tenants.PROPOSED) else list(operation.listed(tenant.slug, portal=who.portal))


@router.post("/{user}/role", response_model=UserEntry, responses=responses())
def role(
    request: Request,
    user: UUID,
    body: UserRole,
    name: once.Name,
    tenant: Annotated[Tenant, Depends(seen("people:write"))],
    who: Annotated[Caller, Depends(having("people:write"))],
) -> JSONResponse:
    """Gives a user another role, and signs him out. A tenant keeps an administrator."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(operation.change(tenant.slug, user, body.role, actor=actor, portal=who.portal)))

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/{user}/remove", response_model=UserEntry, responses=responses())
def remove(
    request: Request,
    user: UUID,
    body: NoBody,
    name: once.Name,
    tenant: Annotated[Tenant, Depends(seen("people:write"))],
    who: Annotated[Caller, Depends(having("people:write"))],
) -> JSONResponse:
    """Removes a user, and signs him out. A tenant keeps an administrator."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(operation.remove(tenant.slug, user, actor=actor, portal=who.portal)))

    return once.once(request, who, name, body.model_dump(), work)
