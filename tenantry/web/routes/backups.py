"""Backups of a tenant: listed, and taken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations.api_keys import Caller
from tenantry.operations.backup import entries
from tenantry.operations.backup import run as operation
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses
from tenantry.web.routes.tenants import Asked

router = APIRouter(prefix="/v1/tenants/{slug}/backups", tags=["backups"])


class Backup(BaseModel):
    """One backup; `bytes` as stored."""

    id: str
    reason: str
    state: str
    model: str
    taken_at: datetime | None
    seconds: float | None
    bytes: int | None
    rows: int | None
    objects: int | None
    verified_at: datetime | None
    proved_at: datetime | None


class NewBackup(BaseModel):
    """Why a backup is taken."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("asked for by the service", min_length=1, max_length=100)


@router.get("", responses=responses())
def listed(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> list[Backup]:
    """The tenant's whole backups, newest first."""
    return [Backup(**{name: getattr(entry, name) for name in Backup.model_fields}) for entry in entries.listed(tenant.slug)]


@router.post("", status_code=202, response_model=Asked, responses=responses())
def take(
    request: Request,
    body: NewBackup,
    name: once.Name,
    tenant: Annotated[Tenant, Depends(seen("backups:write"))],
    who: Annotated[Caller, Depends(having("backups:write"))],
) -> JSONResponse:
    """Takes a backup."""

    def work(actor: Actor) -> once.Answer:
        return once.run(operation.request(tenant.slug, body.reason, actor=actor))

    return once.once(request, who, name, body.model_dump(), work)
