"""What tenants use, as it was last measured, against what they may."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from tenantry.operations import tenants
from tenantry.operations import usage as operation
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.operations.usage import UsageEntry
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["usage"])


class Finding(BaseModel):
    """A limit that is used to 80 % or more."""

    limit: str
    used: float
    allowed: float
    percent: int
    level: Literal["near", "over"]


class Usage(BaseModel):
    """A tenant's newest measurement."""

    slug: str
    measured_at: datetime
    rows: int
    database_bytes: int
    objects: int
    object_bytes: int
    users: int
    connections: int | None = Field(description="null: nobody can tell whose a session of its cell is")
    limits: dict[str, int]
    findings: list[Finding]


@router.get("/usage", responses=responses())
def every(who: Annotated[Caller, Depends(having("tenants:read"))]) -> list[Usage]:
    """The newest measurement of each tenant that somebody sees, by slug."""
    return [_told(entry) for entry in operation.newest(sight=who.sight)]


@router.get("/tenants/{slug}/usage", responses=responses())
def of_tenant(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> Usage | None:
    """The tenant's newest measurement; null before the first."""
    if tenant.state == tenants.DECLARED:
        return None
    return next((_told(entry) for entry in operation.newest(tenant.slug)), None)


def _told(entry: UsageEntry) -> Usage:
    return Usage.model_validate(asdict(entry))
