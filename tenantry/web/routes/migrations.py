"""Revisions of the tenant tables, rolled out to the fleet. For keys that are for every tenant: shared tables are everybody's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import migrate as operation
from tenantry.operations import migrate_status
from tenantry.operations.callers import Caller
from tenantry.operations.migrate_status import RevisionStatus, TableSetEntry
from tenantry.web import once
from tenantry.web.callers import of_fleet
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/migrations", tags=["migrations"])


class Ring(BaseModel):
    """Which tenants, and who of them goes first. No slugs: the whole fleet."""

    model_config = ConfigDict(extra="forbid")

    slugs: list[Annotated[str, Field(max_length=63)]] = Field(default_factory=list, max_length=1000)
    ring: str = Field("canary", max_length=63, description="The tenants with this label `ring` go first")
    canary: int | None = Field(None, ge=0, le=10_000, description="So many tenants go first, drawn for the revision, in place of the ring")


class NewRollOut(Ring):
    """How a roll-out goes."""

    parallel: int = Field(4, ge=1, le=64, description="Tenants at one time")
    budget: int = Field(0, ge=0, le=10_000, description="It goes on until more than so many have failed; in the first ring none may")
    lock_timeout: float = Field(3.0, ge=0.1, le=600, description="Seconds to wait for a lock")


class RollOutPlan(BaseModel):
    """What a roll-out would do. `held`: left until moves and restores are over; `unmade`: without tables yet."""

    head: str
    first: list[TableSetEntry]
    rest: list[TableSetEntry]
    held: list[TableSetEntry]
    unmade: list[TableSetEntry]
    unreachable: list[TableSetEntry]
    at_head: int


class RollOutAsked(BaseModel):
    """What came of asking. `run` null: nothing lags behind."""

    run: UUID | None
    head: str
    lagging: int


@router.get("", responses=responses())
def status(who: Annotated[Caller, Depends(of_fleet("tenants:read"))]) -> RevisionStatus:
    """Who is at which revision."""
    return migrate_status.status()


@router.get("/plan", responses=responses())
def plan(which: Annotated[Ring, Query()], who: Annotated[Caller, Depends(of_fleet("tenants:read"))]) -> RollOutPlan:
    """Who would be migrated, from where to where."""
    found = operation.plan(list(dict.fromkeys(which.slugs)), operation.Options(ring=which.ring, canary=which.canary))
    groups = {name: getattr(found, name) for name in ("first", "rest", "held", "unmade", "unreachable")}
    told = {name: [asdict(TableSetEntry.of(each)) for each in group] for name, group in groups.items()}
    return RollOutPlan.model_validate({"head": found.head, "at_head": len(found.done), **told})


@router.post("", status_code=202, response_model=RollOutAsked, responses={200: {"model": RollOutAsked}, **responses()})
def roll_out(request: Request, body: NewRollOut, name: once.Name, who: Annotated[Caller, Depends(of_fleet("fleet:write"))]) -> JSONResponse:
    """Brings the tenant tables to the newest revision: a ring first, then the rest. Stopped, it goes on when asked again."""

    def work(actor: Actor) -> once.Answer:
        slugs = list(dict.fromkeys(body.slugs))
        options = operation.Options(body.ring, body.canary, body.parallel, body.budget, body.lock_timeout)
        found = operation.plan(slugs, options)
        if not found.lagging:
            operation.refuse_unreachable(found)
            return once.Answer(200, RollOutAsked(run=None, head=found.head, lagging=0).model_dump(mode="json"))
        run = operation.request(slugs, options, actor=actor)
        told = RollOutAsked(run=run, head=found.head, lagging=len(found.lagging))
        return once.Answer(202, told.model_dump(mode="json"), f"/v1/runs/{run}")

    return once.once(request, who, name, body.model_dump(), work)
