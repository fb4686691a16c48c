"""The end of a tenant: deleted or archived, once its hold is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.errors import InputError
from tenantry.operations import lifecycle
from tenantry.operations.callers import Caller
from tenantry.operations.lifecycle import records
from tenantry.web import once
from tenantry.web.asking import Asked, Asking, for_tenant
from tenantry.web.callers import of_fleet
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["tenants"])


class Deletion(BaseModel):
    """How a tenant ends."""

    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=63, description="The slug once more")
    outcome: Literal["deleted", "archived"] = Field("deleted", description="`archived` keeps its final backup without end")


class ListedDeletion(BaseModel):
    """One tenant that was deleted or archived. `id`: of its record."""

    at: datetime
    slug: str
    outcome: str
    id: UUID
    key_id: str


class DeletionRecord(BaseModel):
    """What was deleted, with a signature that `tenantry deletion verify` checks anywhere."""

    format: str
    record: dict[str, Any]
    algorithm: str
    key_id: str
    signature: str


@router.post("/tenants/{slug}/delete", status_code=202, response_model=Asked, responses=responses())
def delete(body: Deletion, asking: Annotated[Asking, Depends(for_tenant("tenants:delete"))]) -> JSONResponse:
    """Removes all of an off-boarded tenant whose hold is over: its data, its file, its names. A signed record stays."""

    def work(actor: Actor) -> once.Answer:
        if body.confirm != asking.tenant.slug:
            raise InputError(f"confirm is not {asking.tenant.slug}: nothing was deleted", "say the slug exactly")
        return once.run(lifecycle.request_deletion(asking.tenant.slug, body.outcome, actor=actor))

    return asking.once(body, work)


@router.get("/deletions", responses=responses())
def listed(who: Annotated[Caller, Depends(of_fleet("tenants:read"))]) -> list[ListedDeletion]:
    """Which tenants were deleted or archived, the newest first."""
    return [ListedDeletion.model_validate(each, from_attributes=True) for each in records.listed()]


@router.get("/deletions/{record}", responses=responses())
def record(record: UUID, who: Annotated[Caller, Depends(of_fleet("tenants:read"))]) -> DeletionRecord:
    """The signed record of a deletion, by its id: that of its run."""
    found = records.exported(str(record))
    content: Mapping[str, Any] = found.record
    return DeletionRecord(
        format=found.format, record=dict(content), algorithm=found.algorithm, key_id=found.key_id, signature=found.signature
    )
