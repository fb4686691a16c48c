"""Passwords of applications' logins, renewed: of one tenant, or the oldest of all. Nobody is told a password here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import rotation
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.callers import having, of_fleet, seen
from tenantry.web.problems import Refused, responses

router = APIRouter(prefix="/v1", tags=["credentials"])

SCOPE = "credentials:write"


class RotationBody(BaseModel):
    """How a password is renewed."""

    model_config = ConfigDict(extra="forbid")

    now: bool = Field(
        False, description="The former password and its sessions end with it, for one that others know; else it lets in for a day"
    )
    older_than_days: int | None = Field(None, ge=1, le=9999, description="Only where it is as old as that")


class RotationsBody(BaseModel):
    """Which passwords are renewed: the oldest first, and none that was renewed a moment ago."""

    model_config = ConfigDict(extra="forbid")

    older_than_days: int | None = Field(None, ge=1, le=9999, description="Only those as old as that")
    most: int = Field(rotation.MOST, ge=1, le=rotation.MOST, description="No more than so many")


class RotationAsked(BaseModel):
    """The run that renews it; null: it is not as old as that."""

    run: UUID | None


class TenantRotation(BaseModel):
    """A login's rotation, by its tenant; for a cell's, by one of its tenants."""

    tenant: str
    run: UUID | None


class RotationRefused(BaseModel):
    """A login whose rotation could not be asked for."""

    tenant: str
    code: str
    detail: str


class RotationsAsked(BaseModel):
    """What was asked for. `left`: how many are due still; ask again, under another name."""

    rotations: list[TenantRotation]
    refused: list[RotationRefused]
    left: int


@router.post("/tenants/{slug}/credentials/rotations", status_code=202, response_model=RotationAsked, responses=responses())
def rotate(
    request: Request,
    body: RotationBody,
    name: once.Name,
    tenant: Annotated[Tenant, Depends(seen(SCOPE))],
    who: Annotated[Caller, Depends(having(SCOPE))],
) -> JSONResponse:
    """Renews the password of the tenant's login, in its secret; no connection is refused. Tenants that share tables have one login."""
    if tenant.isolation == "rls" and not who.sight.everything:
        raise Refused(403, "key.tenants", "tenants that share tables have one login", "ask with a key without labels")

    def work(actor: Actor) -> once.Answer:
        run_id = rotation.request(tenant.slug, older_than=_age(body.older_than_days), now=body.now, actor=actor)
        return once.run(run_id) if run_id else once.Answer(200, {"run": None})

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/credentials/rotations", status_code=202, response_model=RotationsAsked, responses=responses())
def rotate_many(
    request: Request, body: RotationsBody, name: once.Name, who: Annotated[Caller, Depends(of_fleet(SCOPE))]
) -> JSONResponse:  # fmt: skip
    """Renews the oldest passwords of all, whatever becomes of one."""

    def work(actor: Actor) -> once.Answer:
        age = _age(body.older_than_days)
        due = len(rotation.due(age))
        # Without the request, which has one run at most. Done again after a crash, it joins the runs that there are.
        asked = rotation.request_all(age, most=body.most, actor=replace(actor, request=None))
        answer = RotationsAsked(
            rotations=[TenantRotation(tenant=slug, run=run) for slug, run in asked.done],
            refused=[RotationRefused(tenant=slug, code=error.code, detail=error.message) for slug, error in asked.failed],
            left=max(0, due - body.most),
        )
        return once.Answer(202, answer.model_dump(mode="json"))

    return once.once(request, who, name, body.model_dump(), work)


def _age(days: int | None) -> timedelta | None:
    return timedelta(days=days) if days is not None else None
