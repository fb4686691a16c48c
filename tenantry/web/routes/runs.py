"""Runs: what was asked for, step by step, also as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from tenantry.operations import preview_run, tenants
from tenantry.operations import runs as operation
from tenantry.operations.callers import Caller
from tenantry.operations.preview_run import Change
from tenantry.operations.run_feed import RunFeed
from tenantry.operations.runs import RunEntry
from tenantry.operations.tenants import Tenant
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["runs"])

OVER = ("done", "failed", "cancelled")
PING = 15
"""Seconds between two signs of life on a stream."""


class Step(BaseModel):
    """One step of a run."""

    number: int
    name: str
    attempts: int
    state: str
    started_at: datetime
    finished_at: datetime | None
    summary: str | None
    cause: str | None
    hint: str | None


class Run(BaseModel):
    """One run."""

    id: UUID
    kind: str
    tenant: str
    state: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: str | None
    error: str | None
    hint: str | None
    steps: list[Step]
    changes: tuple[Change, ...] | None
    """What a preview found; null while it is not over, and of other runs."""

    @classmethod
    def of(cls, entry: RunEntry) -> Run:
        """A run, without what is the platform's own."""
        steps = [Step.model_validate(step, from_attributes=True) for step in entry.steps]
        values = {name: getattr(entry, name) for name in cls.model_fields if name not in ("tenant", "steps", "changes")}
        return cls(**values, tenant=entry.subject, steps=steps, changes=preview_run.changes(entry.notes))


class Newest(BaseModel):
    """How many runs."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=100)


@router.get("/tenants/{slug}/runs", responses=responses())
def of_tenant(tenant: Annotated[Tenant, Depends(seen("tenants:read"))], newest: Annotated[Newest, Query()]) -> list[Run]:
    """The tenant's newest runs, first; those of its stack among them."""
    if tenant.state == tenants.DECLARED:
        return []
    return [Run.of(entry) for entry in operation.newest(tenant.slug, newest.limit) if entry.subject == tenant.slug]


def _seen(run: UUID, who: Annotated[Caller, Depends(having("tenants:read"))]) -> RunEntry:
    """The run of the path, when it is one that the caller sees; another's and none answer alike."""
    return operation.seen(run, who.sight, who.name)


@router.get("/runs/{run}", responses=responses())
def one(entry: Annotated[RunEntry, Depends(_seen)]) -> Run:
    """One run with its steps."""
    return Run.of(entry)


@router.get("/runs/{run}/events", responses={200: {"content": {"text/event-stream": {}}}, **responses()}, response_model=None)
async def events(
    request: Request,
    entry: Annotated[RunEntry, Depends(_seen)],
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=400, description="The last event that arrived")] = "",
) -> EventSourceResponse:
    """The run's steps as they change (`step`), and how it ends (`run`): server-sent events. It resumes after `Last-Event-ID`."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_told(request.app.state.feed, entry.id, last), ping=PING, headers=headers)


async def _told(feed: RunFeed, run_id: UUID, last: str) -> AsyncIterator[ServerSentEvent]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    said = _said(last)
    with feed.watching(run_id, lambda: loop.call_soon_threadsafe(changed.set)):
        while not feed.closed:
            changed.clear()
            run = Run.of((await to_thread.run_sync(operation.read, [run_id]))[0])
            for step in run.steps:  # several are at work at a time, and not the first is done first
                here = f"{step.attempts}{step.state[0]}"
                if said.get(step.number) != here:
                    said[step.number] = here
                    yield _event("step", _place(said), step)
            if run.state in OVER:
                yield _event("run", "end", run)
                return
            await changed.wait()


def _place(said: Mapping[int, str]) -> str:
    """What a reader has been told of each step, as the id of an event: `1.1d-2.1r`, step, attempt and the state's first letter."""
    return "-".join(f"{number}.{here}" for number, here in sorted(said.items()))


def _said(last: str) -> dict[int, str]:
    """The same back; nothing where it is no such id."""
    parts = [part.partition(".") for part in last.split("-")]
    return {int(number): here for number, _, here in parts if number.isdecimal() and number.isascii() and here}


def _event(name: str, identifier: str, value: Any) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(jsonable_encoder(value), ensure_ascii=False), event=name, id=identifier)
