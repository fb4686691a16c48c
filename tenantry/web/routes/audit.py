"""Who did and read what: of all tenants that somebody sees, and a tenant's own for its own people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tenantry import naming
from tenantry.operations import audit_log as operation
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web.callers import of_platform, seen
from tenantry.web.problems import responses
from tenantry.web.routes.log import VISIBLE

router = APIRouter(prefix="/v1", tags=["log"])

AFTER = r"^[0-9]{1,17}~[a-z0-9-]{1,40}$"


class TenantLogFilters(BaseModel):
    """Which lines. `since`: the first moment; `until`: the first one after."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["done", "read"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def wanted(self) -> operation.Filters:
        """For the operation."""
        return operation.Filters(kind=self.kind, since=self.since, until=self.until)


class LogFilters(TenantLogFilters):
    """The same, also by who it was, by tenant and by what he did."""

    who: str | None = Field(None, max_length=200, pattern=VISIBLE, description="As a line has it, or the holder of a key")
    tenant: str | None = Field(None, max_length=63, pattern=r"^[a-z0-9-]*$")
    action: str | None = Field(None, max_length=200, pattern=VISIBLE, examples=["provision", "GET /v1/tenants/{slug}"])

    def wanted(self) -> operation.Filters:
        """For the operation."""
        tenant = naming.tenant_id(self.tenant) if self.tenant is not None else None
        return operation.Filters(self.who, tenant, self.kind, self.action, self.since, self.until)


class TenantLogPaging(TenantLogFilters):
    """Which lines, and which page of them."""

    after: str | None = Field(None, max_length=60, pattern=AFTER, description="`after` of the page before")
    limit: int = Field(50, ge=1, le=500)


class LogPaging(LogFilters):
    """Which lines, and which page of them."""

    after: str | None = Field(None, max_length=60, pattern=AFTER, description="`after` of the page before")
    limit: int = Field(50, ge=1, le=500)


class TenantLogExporting(TenantLogFilters):
    """Which lines, and how they are written."""

    format: Literal["jsonl", "csv"] = "jsonl"


class LogExporting(LogFilters):
    """Which lines, and how they are written."""

    format: Literal["jsonl", "csv"] = "jsonl"


class LoggedLine(BaseModel):
    """One thing that somebody did, or read. `credential`, `address`, `request_id` and `reads` (how many alike within a moment) are of
    reads; an address is told to whoever sees every tenant, and of oneself."""

    at: datetime
    kind: Literal["done", "read"]
    who: str
    credential: str | None
    address: str | None
    tenant: str | None
    tenant_id: UUID | None
    action: str
    detail: str
    run_id: UUID | None
    request_id: UUID | None
    reads: int | None


class LoggedPage(BaseModel):
    """A page of lines."""

    lines: list[LoggedLine]
    after: str | None = Field(description="What the next page is asked with; null on the last one")


class TenantLoggedLine(BaseModel):
    """One thing that somebody did to the tenant, or read of it. `who`: `user:ID`, one of its users; else `platform`, `program`,
    `application` or `link`."""

    at: datetime
    kind: Literal["done", "read"]
    who: str
    action: str
    detail: str
    reads: int | None


class TenantLoggedPage(BaseModel):
    """A page of these."""

    lines: list[TenantLoggedLine]
    after: str | None = Field(description="What the next page is asked with; null on the last one")


Lines = {200: {"content": {media: {"schema": {"type": "string"}} for media in operation.FORMATS.values()}}, **responses()}
Reader = Annotated[Caller, Depends(of_platform("log:read"))]


@router.get("/log", responses=responses())
def listed(filters: Annotated[LogPaging, Query()], who: Reader) -> LoggedPage:
    """Who did and read what, the newest first."""
    found = operation.page(
        filters.wanted(), sight=who.sight, name=who.name, holder=who.holder, after=filters.after, limit=filters.limit
    )  # fmt: skip
    return LoggedPage.model_validate(found, from_attributes=True)


@router.get("/log/export", response_class=StreamingResponse, responses=Lines)
def export(filters: Annotated[LogExporting, Query()], who: Reader) -> StreamingResponse:
    """The same as lines, all of them: JSON, or a table in which no text is taken for a formula."""
    lines = operation.exported(filters.format, filters.wanted(), sight=who.sight, name=who.name, holder=who.holder)
    return _streamed(lines, "log", filters.format)


@router.get("/tenants/{slug}/log", responses=responses())
def of_tenant(tenant: Annotated[Tenant, Depends(seen("log:read"))], filters: Annotated[TenantLogPaging, Query()]) -> TenantLoggedPage:
    """What was done to the tenant and read of it, for its own people: of others neither names nor addresses."""
    found = operation.of_tenant(tenant.id, filters.wanted(), after=filters.after, limit=filters.limit)
    return TenantLoggedPage.model_validate(found, from_attributes=True)


@router.get("/tenants/{slug}/log/export", response_class=StreamingResponse, responses=Lines)
def export_of_tenant(
    tenant: Annotated[Tenant, Depends(seen("log:read"))], filters: Annotated[TenantLogExporting, Query()]
) -> StreamingResponse:
    """The same as lines, all of them."""
    return _streamed(operation.tenant_exported(filters.format, tenant.id, filters.wanted()), f"log-{tenant.slug}", filters.format)


def _streamed(lines: Iterator[str], name: str, form: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, headers=headers, media_type=operation.FORMATS[form])
