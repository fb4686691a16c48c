"""Whether the service answers, and whether it can do what it is asked."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tenantry.operations import platform_check

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers; it waits for nothing."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "PostgreSQL does not answer"}})
def ready() -> JSONResponse:
    """Whether PostgreSQL answers, too."""
    heard: list[str] = []
    there = platform_check.reachable(heard.append)
    return JSONResponse({"status": "ok" if there else "PostgreSQL does not answer"}, 200 if there else 503)
