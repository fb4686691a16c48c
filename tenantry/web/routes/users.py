"""A tenant's users: seen, given a role, removed."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
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
from tenantry.web.asking import Asking, NoBody, for_tenant
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
def role(user: UUID, body: UserRole, asking: Annotated[Asking, Depends(for_tenant("people:write"))]) -> JSONResponse:
    """Gives a user another role, and signs him out. A tenant keeps an administrator."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(
            200, jsonable_encoder(operation.change(asking.tenant.slug, user, body.role, actor=actor, portal=asking.who.portal))
        )

    return asking.once(body, work)


@router.post("/{user}/remove", response_model=UserEntry, responses=responses())
def remove(user: UUID, body: NoBody, asking: Annotated[Asking, Depends(for_tenant("people:write"))]) -> JSONResponse:
    """Removes a user, and signs him out. A tenant keeps an administrator."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(operation.remove(asking.tenant.slug, user, actor=actor, portal=asking.who.portal)))

    return asking.once(body, work)
