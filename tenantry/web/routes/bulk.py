"""One configuration key of many tenants: first a preview, then just that, and taken back by its run."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import configure_bulk as operation
from tenantry.operations.callers import Caller
from tenantry.operations.configure_bulk import Preview
from tenantry.web import once
from tenantry.web.asking import Asked
from tenantry.web.callers import of_platform
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/configuration/bulk", tags=["configuration"])

Name = Annotated[str, Field(max_length=63)]
Who = Annotated[Caller, Depends(of_platform("configuration:write"))]


class BulkChange(BaseModel):
    """A value, and which tenants get it: those that meet every condition. Those out of sight are never chosen."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=100, examples=["limits.users"])
    value: str | bool | int = Field(examples=[25])
    tiers: list[Name] = Field(default_factory=list, max_length=100)
    cells: list[Name] = Field(default_factory=list, max_length=100)
    states: list[Name] = Field(default_factory=list, max_length=10, description="Left out: active and suspended")
    labels: dict[str, Annotated[str, Field(max_length=100)]] = Field(default_factory=dict, max_length=20)
    where: dict[str, Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=20, description="Key and value in force, as in a file"
    )
    slugs: list[Name] = Field(default_factory=list, max_length=1000)


class PlannedChange(BulkChange):
    """The same, done just as it was previewed."""

    plan: str = Field(max_length=100, description="`plan` of the preview")


class TenantChange(BaseModel):
    """What becomes of one tenant's value."""

    slug: str
    cell: str
    old: Any
    old_source: str | None
    new: Any
    source: str


class BulkPreview(BaseModel):
    """What the change would do; `plan` names that, as long as it would do the same."""

    key: str
    value: Any
    plan: str
    chosen: int = Field(description="Tenants, also those that have the value")
    cells: dict[str, int] = Field(description="Tenants that change, by cell")
    changes: list[TenantChange]


class Undoing(BaseModel):
    """How a change is taken back."""

    model_config = ConfigDict(extra="forbid")

    skip_changed: bool = Field(False, description="Leave what was changed since as it is")


class UndoneValue(BaseModel):
    """One value that goes back; `back` null: what was set goes."""

    slug: str
    key: str
    now: Any
    back: Any
    changed_since: bool


@router.post("/preview", response_model=BulkPreview, responses=responses())
def preview(request: Request, body: BulkChange, name: once.Name, who: Who) -> JSONResponse:
    """What the change would do; nothing is changed."""

    def work(actor: Actor) -> once.Answer:
        found = _previewed(body, who)
        changes = [{each: getattr(change, each) for each in TenantChange.model_fields} for change in found.changes]
        told = {"key": found.key, "value": found.value, "plan": found.plan, "chosen": len(found.tenants), "cells": found.cells}
        return once.Answer(200, {**told, "changes": changes})

    return once.once(request, who, name, body.model_dump(), work)


@router.post("", status_code=202, response_model=Asked, responses=responses())
def change(request: Request, body: PlannedChange, name: once.Name, who: Who) -> JSONResponse:
    """Does what was previewed, cell by cell. Where it would do something else by now it is refused."""

    def work(actor: Actor) -> once.Answer:
        found = _previewed(body, who)
        operation.require(found, body.plan)
        return once.run(operation.request(found, actor=actor))

    return once.once(request, who, name, body.model_dump(), work)


@router.get("/{run}/undo", responses=responses())
def undo_preview(run: UUID, who: Who) -> list[UndoneValue]:
    """What taking a change back would do."""
    operation.require_seen(run, who.sight, who.name)
    rows = operation.undo_preview(run)
    return [UndoneValue.model_validate(row, from_attributes=True) for row in rows]


@router.post("/{run}/undo", status_code=202, response_model=Asked, responses=responses())
def undo(request: Request, run: UUID, body: Undoing, name: once.Name, who: Who) -> JSONResponse:
    """Takes a change back exactly, all of it or nothing."""

    def work(actor: Actor) -> once.Answer:
        operation.require_seen(run, who.sight, who.name)
        return once.run(operation.request_undo(run, skip_changed=body.skip_changed, actor=actor))

    return once.once(request, who, name, body.model_dump(), work)


def _previewed(body: BulkChange, who: Caller) -> Preview:
    selection = operation.select(
        tiers=body.tiers,
        cells=body.cells,
        labels=body.labels,
        where=body.where,
        states=body.states,
        slugs=body.slugs,
        sight=who.sight,
    )
    found = operation.preview(body.key, body.value, selection)
    operation.require(found)
    return found
