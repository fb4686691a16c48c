"""Signing up at a tenant's host, by a mail to an address of its domain."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks, Request
from pydantic import BaseModel, ConfigDict, Field

from tenantry.operations import sign_up as operation
from tenantry.web import browsers
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["session"])


class SigningUp(BaseModel):
    """Somebody's own address."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=1, max_length=254)
    name: str | None = Field(None, max_length=100, description="As the person wants to be called")


class SignUpAnswer(BaseModel):
    """The answer to whoever asks, whether a mail goes out or not."""

    sent_to_whoever_may_come_in: bool = True


@router.post("/session/sign-up", status_code=202, responses=responses(429))
def sign_up(request: Request, body: SigningUp, later: BackgroundTasks) -> SignUpAnswer:
    """Sends a link to the address, if its domain is the tenant's whose host is asked. It has no Idempotency-Key."""
    browsers.require_ours(request, said=False)
    place = browsers.place(request)
    operation.require(body.email, place)
    later.add_task(operation.send, body.email, body.name, place)
    return SignUpAnswer()
