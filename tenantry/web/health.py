"""Whether the service answers, and whether it can do what it is asked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tenantry.operations import platform_check
from tenantry.operations.read_log import ReadLog
from tenantry.web.starting import ReadingAhead

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers; it waits for nothing."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "PostgreSQL does not answer, or this process has not read the declarations yet"}})
def ready(request: Request) -> JSONResponse:
    """Whether PostgreSQL answers and the process has read the declarations, too; `reads_lost`: how many reads this process could not
    write down."""
    heard: list[str] = []
    there = platform_check.reachable(heard.append)
    reads: ReadLog = request.app.state.reads
    ahead: ReadingAhead = request.app.state.ahead
    status = "PostgreSQL does not answer" if not there else "ok" if ahead.over else "the declarations are being read"
    return JSONResponse({"status": status, "reads_lost": reads.lost}, 200 if status == "ok" else 503)
