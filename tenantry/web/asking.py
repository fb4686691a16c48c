"""Routes that ask for durable work on one tenant: alike but for what they ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from tenantry.actor import Actor
from tenantry.operations.callers import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web import once
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses


class NoBody(BaseModel):
    """Nothing."""

    model_config = ConfigDict(extra="forbid")


class Asked(BaseModel):
    """A run that was asked for."""

    run: UUID


def asks(
    router: APIRouter,
    path: str,
    scope: str,
    body_type: type[BaseModel],
    ask: Callable[[str, Any, Actor], UUID],
    summary: str,
    *,
    careful: bool = False,
) -> None:
    """Adds a POST below ``path`` of ``router`` whose answer is the run that ``ask`` gives for slug, body and actor."""

    def route(request: Request, body: Any, name: Any, tenant: Any, who: Any) -> JSONResponse:
        def work(actor: Actor) -> once.Answer:
            return once.run(ask(tenant.slug, body, actor))

        return once.once(request, who, name, body.model_dump(), work)

    # FastAPI reads annotations as text, in which the variables of this function would be unknown.
    route.__annotations__ |= {
        "request": Request,
        "body": body_type,
        "name": once.Name,
        "tenant": Annotated[Tenant, Depends(seen(scope, careful=careful))],
        "who": Annotated[Caller, Depends(having(scope))],
    }
    described: dict[str, Any] = {"summary": summary, "response_model": Asked, "responses": responses()}
    router.add_api_route(path, route, methods=["POST"], status_code=202, name=path.rpartition("/")[2] or "take", **described)
