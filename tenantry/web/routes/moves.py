"""Moves of a tenant to another isolation model or cell: what is possible, begun, finished, taken back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.declaration.placement import Place
from tenantry.operations import tenants
from tenantry.operations.move import begin, history
from tenantry.operations.move import request as operation
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.asking import Asking, NoBody, asks, for_tenant
from tenantry.web.callers import seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants/{slug}/moves", tags=["moves"])


class Destination(BaseModel):
    """Where a tenant is to live; what is left out stays, and where both are, its file decides."""

    model_config = ConfigDict(extra="forbid")

    to: Literal["rls", "schema", "database", "instance"] | None = None
    cell: str | None = Field(None, max_length=63, pattern=r"^[a-z0-9-]+$")


class NewMove(Destination):
    """A move."""

    keep_seconds: int = Field(int(operation.KEEP.total_seconds()), ge=0, le=365 * 86_400, description="How long a rollback is possible")


class TenantPlace(BaseModel):
    """Where a tenant lives."""

    isolation: str
    cell: str


class MovePlan(BaseModel):
    """What a move would do."""

    source: TenantPlace | None = Field(description="null: it lives there already")
    target: TenantPlace


class MoveBegun(BaseModel):
    """What came of asking for a move."""

    run: UUID | None = Field(description="null: the tenant lives there already")
    target: TenantPlace | None = Field(description="null: the move was under way")
    edited: bool = Field(description="Whether its file was edited to say so")


class Move(BaseModel):
    """A move, under way or over. `id`: the run that began it."""

    id: UUID
    source: TenantPlace
    target: TenantPlace
    phase: str
    started_at: datetime
    switched_at: datetime | None
    freeze_ms: int | None = Field(description="How long writes waited")
    rows: int | None
    ended_at: datetime | None
    outcome: str | None
    kept_until: datetime | None = Field(description="Until when a rollback is possible")


@router.get("", responses=responses())
def listed(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> list[Move]:
    """The tenant's moves, the newest first."""
    if tenant.state == tenants.DECLARED:
        return []
    return [Move.model_validate({**asdict(entry), "id": entry.id}) for entry in history.moves_of(tenant.slug)]


@router.get("/plan", responses=responses())
def plan(tenant: Annotated[Tenant, Depends(seen("tenants:move"))], where: Annotated[Destination, Query()]) -> MovePlan:
    """Where a move would take the tenant, once everything that forbids it has been looked at."""
    found = operation.plan(tenant.slug, where.to, where.cell)
    return MovePlan(source=_place(found.source), target=_shown(found.target))


@router.post("", status_code=202, response_model=MoveBegun, responses={200: {"model": MoveBegun}, **responses()})
def move(body: NewMove, asking: Annotated[Asking, Depends(for_tenant("tenants:move"))]) -> JSONResponse:
    """Moves the tenant while it works. The file says where it goes before the run begins; one that was interrupted goes on."""

    def work(actor: Actor) -> once.Answer:
        begun = begin.begin(asking.tenant.slug, body.to, body.cell, keep=timedelta(seconds=body.keep_seconds), actor=actor)
        told = MoveBegun(run=begun.run, target=_place(begun.target), edited=begun.edited).model_dump(mode="json")
        return once.Answer(200, told) if begun.run is None else once.Answer(202, told, f"/v1/runs/{begun.run}")

    return asking.once(body, work)


asks(
    router,
    "/finish",
    "tenants:move",
    NoBody,
    lambda slug, body, actor: operation.follow_up("move-finish", slug, actor=actor),
    "Remove the old place now: then no rollback is possible",
)
asks(
    router,
    "/rollback",
    "tenants:move",
    NoBody,
    lambda slug, body, actor: operation.follow_up("move-rollback", slug, actor=actor),
    "Back to where it was, with all that was written since; also gives up a move that has not arrived",
)


def _place(place: Place | None) -> TenantPlace | None:
    return None if place is None else _shown(place)


def _shown(place: Any) -> TenantPlace:
    return TenantPlace(isolation=place.isolation, cell=place.cell)
