"""Keys of the API, made and ended by whoever has one: never for more than it is for itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tenantry.actor import Actor
from tenantry.operations import key_giving as operation
from tenantry.operations.callers import Caller
from tenantry.operations.key_giving import ApiKey
from tenantry.web import once
from tenantry.web.asking import NoBody
from tenantry.web.callers import having
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Id = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]


class NewKey(BaseModel):
    """A key: of the asker himself, or of `HIS NAME/…`; its scopes among his, its labels his and more."""

    model_config = ConfigDict(extra="forbid")

    holder: str = Field(min_length=1, max_length=200, examples=["Globex portal/billing"])
    scopes: list[Annotated[str, Field(max_length=40)]] = Field(min_length=1, max_length=40, examples=[["tenants:read"]])
    labels: dict[str, Annotated[str, Field(max_length=100)]] = Field(
        default_factory=dict, max_length=20, description="Besides the asker's own, which it gets"
    )
    days: int | None = Field(None, ge=1, le=3650, description="It ends after so many days")


class Key(BaseModel):
    """A key without its secret."""

    id: str
    holder: str
    scopes: list[str]
    labels: dict[str, str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    used_at: datetime | None
    works: bool


class MadeKey(Key):
    """A key that was just made."""

    key: str | None = Field(description="Shown this once: null where the request is repeated under its name")


@router.get("", responses=responses())
def listed(who: Annotated[Caller, Depends(having("keys:read"))]) -> list[Key]:
    """The keys that are for no more than the asker is."""
    return [_told(key) for key in operation.listed(who)]


@router.post("", status_code=201, response_model=MadeKey, responses=responses())
def make(request: Request, body: NewKey, name: once.Name, who: Annotated[Caller, Depends(having("keys:write"))]) -> JSONResponse:
    """Makes a key, and shows it this once."""

    def work(actor: Actor) -> once.Answer:
        made = operation.give(who, body.holder, body.scopes, body.labels, days=body.days, actor=actor)
        told = {**jsonable_encoder(_told(made.key)), "key": None}
        return once.Answer(201, told, secret={"key": made.text})

    return once.once(request, who, name, body.model_dump(), work)


@router.post("/{id}/revoke", response_model=Key, responses=responses())
def revoke(request: Request, id: Id, body: NoBody, name: once.Name, who: Annotated[Caller, Depends(having("keys:write"))]) -> JSONResponse:
    """Ends a key at once."""

    def work(actor: Actor) -> once.Answer:
        return once.Answer(200, jsonable_encoder(_told(operation.revoke(who, id, actor=actor))))

    return once.once(request, who, name, body.model_dump(), work)


def _told(key: ApiKey) -> Key:
    return Key.model_validate(key, from_attributes=True)
