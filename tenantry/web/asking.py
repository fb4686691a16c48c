"""Routes that ask for durable work on one tenant: alike but for what they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Asking:
    """A request that changes a tenant: the name by which it is done once, the tenant, and who asks."""

    request: Request
    name: str
    tenant: Tenant
    who: Caller

    def once(self, body: BaseModel, work: Callable[[Actor], once.Answer]) -> JSONResponse:
        """Does ``work``, or answers as it was answered before: ``once.once``."""
        return once.once(self.request, self.who, self.name, body.model_dump(), work)


def for_tenant(scope: str, *, careful: bool = False) -> Callable[..., Asking]:
    """A dependency: the request, of a caller who is one for ``scope`` and sees the tenant of the path; ``careful``: ``callers.seen``."""

    def asking(request: Request, name: once.Name, tenant: Tenant, who: Caller) -> Asking:
        return Asking(request, name, tenant, who)

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    asking.__annotations__ |= {
        "tenant": Annotated[Tenant, Depends(seen(scope, careful=careful))],
        "who": Annotated[Caller, Depends(having(scope))],
    }
    return asking


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

    def route(body: Any, asking: Asking) -> JSONResponse:
        def work(actor: Actor) -> once.Answer:
            return once.run(ask(asking.tenant.slug, body, actor))

        return asking.once(body, work)

    # FastAPI reads annotations as text, in which the variables of this function would be unknown.
    route.__annotations__ |= {"body": body_type, "asking": Annotated[Asking, Depends(for_tenant(scope, careful=careful))]}
    described: dict[str, Any] = {"summary": summary, "response_model": Asked, "responses": responses()}
    router.add_api_route(path, route, methods=["POST"], status_code=202, name=path.rpartition("/")[2] or "take", **described)
