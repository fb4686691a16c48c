"""People of a tenant: invited, and let in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.errors import InputError
from tenantry.operations import accept as accepting
from tenantry.operations import invite as operation
from tenantry.operations import resolve, tenants
from tenantry.operations.accept import Accepted
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.asking import Asking, for_tenant
from tenantry.web.callers import having, seen
from tenantry.web.problems import Refused, responses

router = APIRouter(prefix="/v1", tags=["people"])


class NewInvitation(BaseModel):
    """Who is invited, and as what."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254, examples=["bea@acme.example"])
    name: str = Field(max_length=100, examples=["Bea Busch"])
    role: Literal["admin", "member"] = "member"
    inviter: str = Field("", max_length=100, description="Who invites, as the mail says it; else the application's name")


class Invitation(BaseModel):
    """An invitation, without its link: only the mail has that."""

    id: UUID
    email: str
    name: str
    role: str
    state: str
    """`open`, `accepted`, `revoked` or `expired`."""
    expires_at: datetime | None
    accepted_at: datetime | None


class Revocation(BaseModel):
    """Whose invitation is taken back."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)


class Acceptance(BaseModel):
    """A code that somebody has brought."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=200, description="The last part of the invitation's link")
    host: str | None = Field(None, max_length=253, description="Where it was brought to: one of the tenant's host names")
    name: str | None = Field(None, max_length=100, description="As the person wants to be called")
    profile: dict[str, Any] = Field(default_factory=dict, description="An object of the application's own")


@router.get("/tenants/{slug}/invitations", responses=responses())
def invitations(
    tenant: Annotated[Tenant, Depends(seen("people:read"))], who: Annotated[Caller, Depends(having("people:read"))]
) -> list[Invitation]:
    """The tenant's invitations, the oldest first."""
    if tenant.state == tenants.DECLARED:
        return []
    return [_told(entry) for entry in operation.listed(tenant.slug, portal=who.portal)]


@router.post("/tenants/{slug}/invitations", status_code=201, response_model=Invitation, responses=responses())
def invite(body: NewInvitation, asking: Annotated[Asking, Depends(for_tenant("people:write"))]) -> JSONResponse:
    """Invites somebody by mail. Asked again for the same address it is the same invitation, with a new link."""

    def work(actor: Actor) -> once.Answer:
        made = operation.invite(
            asking.tenant.slug, body.email, body.name, body.role, actor, by_mail=True, inviter=body.inviter, portal=asking.who.portal
        )
        told = Invitation(
            id=made.id, email=made.email, name=made.name, role=made.role, state="open", expires_at=made.expires_at, accepted_at=None
        )
        return once.Answer(201, jsonable_encoder(told))

    return asking.once(body, work)


@router.post("/tenants/{slug}/invitations/revoke", response_model=Invitation, responses=responses())
def revoke(body: Revocation, asking: Annotated[Asking, Depends(for_tenant("people:write"))]) -> JSONResponse:
    """Takes an open invitation back: its link stops working."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(_told(operation.revoke(asking.tenant.slug, body.email, actor, portal=asking.who.portal))))

    return asking.once(body, work)


@router.post("/invitations/accept", response_model=Accepted, responses=responses())
def accept(request: Request, body: Acceptance, name: once.Name, who: Annotated[Caller, Depends(having("people:write"))]) -> JSONResponse:
    """Lets whoever brought a code in, with settings and welcome mails. `again`: it was used before, so nobody is signed in for it."""

    def work(actor: Actor) -> once.Answer:
        if who.portal is not None and who.sight.slug is not None:
            own = accepting.by_own_people(who.portal, who.sight.slug, body.code, name=body.name, host=body.host, profile=body.profile)
            return once.Answer(200, jsonable_encoder(own))
        _require_seen(body.code, who)
        made = accepting.accept(body.code, name=body.name, host=body.host, profile=body.profile, actor=actor)
        return once.Answer(200, jsonable_encoder(made))

    return once.once(request, who, name, body.model_dump(), work)


def _require_seen(code: str, who: Caller) -> None:
    """A code of another partner's tenant is as one that there is not."""
    found = resolve.invitation(code) if code.isascii() and code.isprintable() else None
    try:
        if found is None:
            raise InputError("")
        tenants.find(found.slug, who.sight)
    except InputError:
        raise Refused(404, "invitation.unknown", "no invitation has that code", "the latest mail has the link that works") from None


def _told(entry: operation.InvitationEntry) -> Invitation:
    return Invitation.model_validate(entry, from_attributes=True)
