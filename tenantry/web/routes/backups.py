"""Backups of a tenant: listed, and taken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tenantry.operations.backup import entries
from tenantry.operations.backup import run as operation
from tenantry.operations.tenants import Tenant
from tenantry.web.asking import asks
from tenantry.web.callers import seen
from tenantry.web.problems import responses

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
    return [Backup.model_validate(entry, from_attributes=True) for entry in entries.listed(tenant.slug)]


asks(
    router,
    "",
    "backups:write",
    NewBackup,
    lambda slug, body, actor: operation.request(slug, body.reason, actor=actor),
    "Take a backup",
)
