"""Clones: tenants copied for staging, anonymised. A clone is a tenant: it is seen, off-boarded and deleted as one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations.callers import Caller
from tenantry.operations.clone import work as operation
from tenantry.operations.clone.work import CloneEntry
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.asking import Asked, Asking, for_tenant
from tenantry.web.callers import having, of_fleet, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["clones"])


class NewClone(BaseModel):
    """A clone."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(max_length=63, examples=["acme-staging"], description="The clone's")
    salt: str | None = Field(None, min_length=1, max_length=100, description="Clones of one tenant with one salt hold the same data")
    isolation: Literal["rls", "schema", "database", "instance"] | None = Field(None, description="Else the source's")
    admin: str | None = Field(None, max_length=254, description="The address of the clone's administrator, who is not invited")


class Clone(BaseModel):
    """A clone. `state`: `filling` or `ready`."""

    slug: str
    source: str | None
    isolation: str
    state: str
    salt: str
    classification: str = Field(description="The SHA-256 of the file that decided what crossed")
    rows_copied: int
    objects_copied: int
    filled_at: datetime | None


class Cell(BaseModel):
    """Whose tables are looked at."""

    model_config = ConfigDict(extra="forbid")

    cell: str = Field("main", max_length=63, pattern=r"^[a-z0-9-]+$")


class Checked(BaseModel):
    """The classification held against the tables."""

    classification: str
    sha256: str
    revision: str
    pending: bool = Field(description="Whether the cell's own tables are not at that revision yet")
    problems: list[str]


@router.get("/tenants/{slug}/clones", responses=responses())
def of_tenant(
    tenant: Annotated[Tenant, Depends(seen("tenants:read"))], who: Annotated[Caller, Depends(having("tenants:read"))]
) -> list[Clone]:
    """The tenant's clones that this key sees."""
    return [_told(entry) for entry in operation.listed(who.sight) if entry.source == tenant.slug]


@router.get("/clones", responses=responses())
def listed(who: Annotated[Caller, Depends(having("tenants:read"))]) -> list[Clone]:
    """The clones that this key sees, by slug."""
    return [_told(entry) for entry in operation.listed(who.sight)]


@router.post("/tenants/{slug}/clones", status_code=202, response_model=Asked, responses=responses())
def clone(body: NewClone, asking: Annotated[Asking, Depends(for_tenant("clones:write"))]) -> JSONResponse:
    """Copies the tenant, anonymised; the clone gets the key's labels. One that was interrupted goes on."""

    def work(actor: Actor) -> once.Answer:
        slug, labels = asking.tenant.slug, asking.who.sight.labels
        begun = operation.request(slug, body.slug, actor=actor, labels=labels, salt=body.salt, isolation=body.isolation, admin=body.admin)
        return once.run(begun)

    return asking.once(body, work)


@router.get("/clones/check", responses=responses())
def check(which: Annotated[Cell, Query()], who: Annotated[Caller, Depends(of_fleet("clones:write"))]) -> Checked:
    """Whether every column of the newest revision's tables is classified, and nothing else."""
    found = operation.check(None, which.cell)
    return Checked(
        classification=found.content.name,
        sha256=found.content.digest,
        revision=found.revision,
        pending=found.pending,
        problems=list(found.problems),
    )


def _told(entry: CloneEntry) -> Clone:
    return Clone(**asdict(entry))
