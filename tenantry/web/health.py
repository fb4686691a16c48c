"""Whether the service answers, and whether it can do what it is asked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tenantry.operations import platform_check
from tenantry.operations.read_log import ReadLog

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers; it waits for nothing."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "PostgreSQL does not answer"}})
def ready(request: Request) -> JSONResponse:
    """Whether PostgreSQL answers, too; `reads_lost`: how many reads this process could not write down."""
    heard: list[str] = []
    there = platform_check.reachable(heard.append)
    reads: ReadLog = request.app.state.reads
    return JSONResponse({"status": "ok" if there else "PostgreSQL does not answer", "reads_lost": reads.lost}, 200 if there else 503)
