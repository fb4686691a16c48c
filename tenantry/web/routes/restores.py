"""Restores of a tenant: in the place of its data or beside it, confirmed, taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.errors import InputError
from tenantry.operations import tenants
from tenantry.operations.backup import entries
from tenantry.operations.callers import Caller
from tenantry.operations.restore import beside as preparing
from tenantry.operations.restore import ending, listing
from tenantry.operations.restore import run as operation
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.asking import Asked, Asking, NoBody, asks, for_tenant
from tenantry.web.callers import seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants/{slug}/restores", tags=["restores"])


class NewRestore(BaseModel):
    """Which backup is put where."""

    model_config = ConfigDict(extra="forbid")

    backup: str = Field(max_length=100, examples=["newest"], description="The backup's id, or `newest`")
    into: str | None = Field(None, max_length=63, description="Not in place: into this new tenant, which `beside` has made")


class Beside(BaseModel):
    """As which new tenant a backup comes back."""

    model_config = ConfigDict(extra="forbid")

    backup: str = Field(max_length=100, examples=["newest"])
    into: str = Field(max_length=63, examples=["acme-before"])


class Restore(BaseModel):
    """A restore in the place of data. `id`: its run; `state`: `running`, `kept`, `confirmed` or `rolled-back`."""

    id: UUID
    backup: str
    state: str
    started_at: datetime
    swapped_at: datetime | None
    keep_until: datetime | None = Field(description="When it is confirmed by itself")
    finished_at: datetime | None


class Made(BaseModel):
    """The tenant beside. `run` makes it; null: it is made."""

    run: UUID | None
    written: bool = Field(description="Whether its file was written")


@router.get("", responses=responses())
def listed(tenant: Annotated[Tenant, Depends(seen("tenants:read"))]) -> list[Restore]:
    """The tenant's restores, the newest first."""
    if tenant.state == tenants.DECLARED:
        return []
    return [Restore.model_validate(entry, from_attributes=True) for entry in listing.listed(tenant.slug)]


@router.post("", status_code=202, response_model=Asked, responses=responses())
def restore(body: NewRestore, asking: Annotated[Asking, Depends(for_tenant("backups:restore"))]) -> JSONResponse:
    """Puts a backup in the place of the tenant's data. It is built and checked beside it; what was there is kept for 7 days."""

    def work(actor: Actor) -> once.Answer:
        into = tenants.find(body.into, asking.who.sight).slug if body.into is not None else None
        chosen = entries.chosen(asking.tenant.slug, body.backup)
        return once.run(operation.request(asking.tenant.slug, chosen, into=into, actor=actor))

    return asking.once(body, work)


@router.post("/beside", status_code=202, response_model=Made, responses={200: {"model": Made}, **responses()})
def beside(body: Beside, asking: Annotated[Asking, Depends(for_tenant("backups:restore"))]) -> JSONResponse:
    """Declares a new tenant like the backed-up one and makes it; nobody is invited. A restore with `into` then fills it."""

    def work(actor: Actor) -> once.Answer:
        _require_mine(body.into, asking.who)
        chosen = entries.chosen(asking.tenant.slug, body.backup)
        written = preparing.prepare(asking.tenant.slug, chosen, body.into, labels=asking.who.sight.labels, read=False)
        run = preparing.make(body.into, actor=actor)
        told = Made(run=run, written=written).model_dump(mode="json")
        return once.Answer(200, told) if run is None else once.Answer(202, told, f"/v1/runs/{run}")

    return asking.once(body, work)


@router.post("/confirm", response_model=Restore, responses=responses())
def confirm(body: NoBody, asking: Annotated[Asking, Depends(for_tenant("backups:restore"))]) -> JSONResponse:
    """Drops what the restore replaced. After that only a backup brings it back."""

    def work(actor: Actor) -> once.Answer:
        done = ending.confirm(asking.tenant.slug)
        told = Restore.model_validate(listing.one(asking.tenant.slug, done.id), from_attributes=True)
        return once.Answer(200, jsonable_encoder(told))

    return asking.once(body, work)


asks(
    router,
    "/rollback",
    "backups:restore",
    NoBody,
    lambda slug, body, actor: operation.request_rollback(slug, actor=actor),
    "Put back what the restore replaced. What was written since is lost",
)


def _require_mine(slug: str, who: Caller) -> None:
    """A slug that somebody else's tenant has is taken; one's own may be there already."""
    if tenants.exists(slug):
        try:
            tenants.find(slug, who.sight)
        except InputError:
            raise InputError(f"there is a tenant {slug}", "choose another slug", code="tenant.exists") from None
