"""The log: runs of all tenants that somebody sees, filtered, page by page, and as lines for another program."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tenantry.operations import run_log
from tenantry.operations.callers import Caller
from tenantry.web.callers import having
from tenantry.web.problems import responses
from tenantry.web.routes.runs import Run

router = APIRouter(prefix="/v1/runs", tags=["runs"])

VISIBLE = r"^[^\x00-\x1f\x7f]*$"


class RunFilters(BaseModel):
    """Which runs. `since`: the first moment; `until`: the first one after."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = Field(None, max_length=63, pattern=r"^[a-z0-9-]*$")
    kind: str | None = Field(None, max_length=40, pattern=r"^[a-z -]*$", examples=["provision"])
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    by: str | None = Field(None, max_length=200, pattern=VISIBLE, description="Who asked for it")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def wanted(self) -> run_log.Filters:
        """For the operation."""
        moments: dict[str, datetime | None] = {"since": self.since, "until": self.until}
        return run_log.Filters(self.tenant, self.kind, self.state, self.by, **moments)


class RunPaging(RunFilters):
    """Which runs, and which page of them."""

    after: str | None = Field(None, max_length=60, pattern=r"^[0-9]{1,17}~[0-9a-f-]{36}$", description="`after` of the page before")
    limit: int = Field(50, ge=1, le=200)


class Exporting(RunFilters):
    """Which runs, and how they are written."""

    format: Literal["jsonl", "csv"] = "jsonl"


class RunPage(BaseModel):
    """A page of runs."""

    runs: list[Run]
    after: str | None = Field(description="What the next page is asked with; null on the last one")


@router.get("", responses=responses())
def listed(filters: Annotated[RunPaging, Query()], who: Annotated[Caller, Depends(having("tenants:read"))]) -> RunPage:
    """The runs that are there to be seen, the newest first."""
    found = run_log.page(filters.wanted(), sight=who.sight, name=who.name, after=filters.after, limit=filters.limit)
    return RunPage(runs=[Run.of(entry) for entry in found.runs], after=found.after)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {"schema": {"type": "string"}} for media in run_log.FORMATS.values()}}, **responses()},
)
def export(filters: Annotated[Exporting, Query()], who: Annotated[Caller, Depends(having("tenants:read"))]) -> StreamingResponse:
    """The same as lines, all of them: JSON, or a table in which no text is taken for a formula."""
    lines = run_log.exported(filters.format, filters.wanted(), sight=who.sight, name=who.name)
    headers = {"Content-Disposition": f'attachment; filename="runs.{filters.format}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, headers=headers, media_type=run_log.FORMATS[filters.format])
