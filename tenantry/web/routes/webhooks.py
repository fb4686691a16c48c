"""Webhooks: where a partner's program is told what happens to its tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import webhooks as operation
from tenantry.operations.callers import Caller
from tenantry.operations.webhooks import Delivery, Endpoint, NewSecret
from tenantry.web import edits, once
from tenantry.web.callers import having
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Event = Literal[
    "backup.done", "backup.failed", "invitation.accepted", "run.cancelled", "run.done", "run.failed",
    "tenant.created", "tenant.state_changed",
]  # fmt: skip
ONCE = "Only in the first answer: the same request asked again does not have it"


class NewWebhook(BaseModel):
    """Where to, and what is told."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=500, examples=["https://portal.globex.example/hooks"])
    contact: str = Field(max_length=254, examples=["ops@globex.example"], description="Who hears by mail when it is disabled")
    events: list[Event] = Field(default_factory=list, max_length=20, description="None: every event")
    description: str = Field("", max_length=200, description="What it is for, in words of your own")


class WebhookEdit(BaseModel):
    """What is to be another; what is left out, or null, stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, max_length=500)
    contact: str | None = Field(None, max_length=254)
    description: str | None = Field(None, max_length=200)
    events: list[Event] | None = Field(None, max_length=20, description="[]: every event")


class Webhook(BaseModel):
    """One webhook, of the key's holder. `sequence`: the last place in its order that was given to an event."""

    id: UUID
    url: str
    events: tuple[str, ...]
    contact: str
    description: str
    state: str
    """`active`, `untested` (another address, where it has not taken a test yet) or `disabled`."""
    sequence: int
    cause: str | None
    """Why the last attempt in its order failed."""
    failing_since: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    former_until: datetime | None
    """Until when the secret before this one signs, too."""
    secret: str | None = Field(None, description=ONCE)


class NoBody(BaseModel):
    """Nothing."""

    model_config = ConfigDict(extra="forbid")


class Rotation(BaseModel):
    """How the secret before the new one ends."""

    model_config = ConfigDict(extra="forbid")

    at_once: bool = Field(False, description="It signs no more; else for a day beside the new one")


class Again(BaseModel):
    """What is sent once more."""

    model_config = ConfigDict(extra="forbid")

    events: list[UUID] = Field(min_length=1, max_length=100)


class EventsAsked(BaseModel):
    """Events that are to be sent."""

    events: list[UUID]


class Sent(BaseModel):
    """One event that was sent to the webhook, or waits."""

    event: UUID
    type: str
    at: datetime
    tenant: str | None
    data: dict[str, Any]
    sequence: int | None
    state: str
    """`queued`, `delivered`, `failed`, `withheld` or `skipped`."""
    tries: int
    status: int | None
    cause: str | None
    tried_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Sent:
        """As it is shown."""
        return cls.model_validate(delivery, from_attributes=True)


class Which(BaseModel):
    """Which deliveries, the newest first."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["queued", "delivered", "failed", "withheld", "skipped"] | None = None
    limit: int = Field(50, ge=1, le=200)


Reader = Annotated[Caller, Depends(having("webhooks:read"))]
Writer = Annotated[Caller, Depends(having("webhooks:write"))]


def _readable(webhook: UUID, who: Reader) -> Endpoint:
    """The webhook of the path, when it is one of this key's; another's and none answer alike."""
    return operation.find(webhook, _holder(who), who.sight.labels)


def _writable(webhook: UUID, who: Writer) -> Endpoint:
    """The same for a key that may change it."""
    return operation.find(webhook, _holder(who), who.sight.labels)


@router.get("", responses=responses())
def listed(who: Reader) -> list[Webhook]:
    """The webhooks of this key's holder."""
    return [_webhook(endpoint) for endpoint in operation.listed(_holder(who), who.sight.labels)]


@router.post("", status_code=201, response_model=Webhook, responses=responses())
def make(request: Request, body: NewWebhook, name: once.Name, who: Writer) -> JSONResponse:
    """Makes a webhook. It is told of the tenants that this key sees."""

    def work(actor: Actor) -> once.Answer:
        made = operation.make(
            who.holder, body.url, body.events, body.contact, description=body.description, labels=who.sight.labels, actor=actor
        )
        return _secret(201, made)

    return once.once(request, who, name, body.model_dump(), work)


@router.get("/{webhook}", responses=responses())
def one(endpoint: Annotated[Endpoint, Depends(_readable)], response: Response) -> Webhook:
    """One webhook, with an ETag for whoever edits it."""
    response.headers["ETag"] = f'"{operation.tag(endpoint)}"'
    return _webhook(endpoint)


@router.patch("/{webhook}", responses=responses(412, 428))
def edit(
    body: WebhookEdit,
    response: Response,
    endpoint: Annotated[Endpoint, Depends(_writable)],
    who: Writer,
    match: edits.IfMatch = None,
) -> Webhook:
    """Changes what is said. With another address it is `untested`: nothing of its order is sent until it has taken a test there."""
    wanted = operation.Edit(**body.model_dump())
    edited = operation.edit(endpoint.id, wanted, edits.required(match).strip('"'), actor=who.actor())
    if edited is None:
        raise edits.outdated()
    response.headers["ETag"] = f'"{operation.tag(edited)}"'
    return _webhook(edited)


@router.get("/{webhook}/deliveries", responses=responses())
def deliveries(endpoint: Annotated[Endpoint, Depends(_readable)], which: Annotated[Which, Query()], who: Reader) -> list[Sent]:
    """What was sent to it and what waits, the newest first."""
    return [Sent.of(each) for each in operation.deliveries(endpoint.id, who.sight.labels, state=which.state, limit=which.limit)]


@router.post("/{webhook}/test", status_code=202, response_model=EventsAsked, responses=responses())
def try_out(
    request: Request, body: NoBody, name: once.Name, endpoint: Annotated[Endpoint, Depends(_writable)], who: Writer
) -> JSONResponse:
    """Has a test event sent, whatever else waits. A disabled webhook that takes it is active again."""
    return once.once(
        request, who, name, body.model_dump(), lambda actor: once.Answer(202, {"events": [str(operation.try_out(endpoint.id))]})
    )


@router.post("/{webhook}/redeliver", status_code=202, response_model=EventsAsked, responses=responses())
def redeliver(
    request: Request, body: Again, name: once.Name, endpoint: Annotated[Endpoint, Depends(_writable)], who: Writer
) -> JSONResponse:
    """Has events sent once more, each under its id."""

    def work(actor: Actor) -> once.Answer:
        operation.redeliver(endpoint.id, body.events, who.sight.labels)
        return once.Answer(202, {"events": [str(event) for event in body.events]})

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/{webhook}/deliveries/{event}/skip", response_model=Sent, responses=responses())
def skip(
    request: Request, event: UUID, body: NoBody, name: once.Name, endpoint: Annotated[Endpoint, Depends(_writable)], who: Writer
) -> JSONResponse:
    """Lets the order go on without the event that blocks it."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(Sent.of(operation.skip(endpoint.id, event, who.sight.labels, actor=actor))))

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/{webhook}/rotate", response_model=Webhook, responses=responses())
def rotate(
    request: Request, body: Rotation, name: once.Name, endpoint: Annotated[Endpoint, Depends(_writable)], who: Writer
) -> JSONResponse:
    """Makes another secret; for a day both sign."""

    def work(actor: Actor) -> once.Answer:
        return _secret(200, operation.rotate(endpoint.id, at_once=body.at_once, actor=actor))

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/{webhook}/remove", response_model=Webhook, responses=responses())
def remove(request: Request, body: NoBody, name: once.Name, webhook: UUID, who: Writer) -> JSONResponse:
    """Removes a webhook. What waits for it is not sent."""

    def work(actor: Actor) -> once.Answer:
        endpoint = operation.find(webhook, _holder(who), who.sight.labels)  # here, so that the same request has its answer when it is gone
        return once.Answer(200, jsonable_encoder(_webhook(operation.remove(endpoint.id, actor=actor))))

    return once.once(request, who, name, body.model_dump(), work)


def _holder(who: Caller) -> str | None:
    """Whose webhooks somebody sees: a key its holder's; the platform's people, who alone have these scopes without a key, everybody's."""
    return who.holder if who.session is None else None


def _webhook(endpoint: Endpoint) -> Webhook:
    return Webhook(**{name: getattr(endpoint, name) for name in Webhook.model_fields if name != "secret"})


def _secret(status: int, made: NewSecret) -> once.Answer:
    location = f"/v1/webhooks/{made.endpoint.id}" if status == 201 else None
    return once.Answer(status, jsonable_encoder(_webhook(made.endpoint)), location, {"secret": made.secret})
