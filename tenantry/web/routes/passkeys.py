"""Passkeys: made by whoever is signed in, and signing somebody in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tenantry.operations import passkeys as operation
from tenantry.operations.sessions import Session
from tenantry.web import browsers
from tenantry.web.callers import fresh, session
from tenantry.web.problems import responses
from tenantry.web.routes.sessions import SessionBody

router = APIRouter(prefix="/v1/session", tags=["passkeys"])

COOKIE = "__Host-tenantry-passkey"


class Options(BaseModel):
    """For `navigator.credentials`, by `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`."""

    options: dict[str, Any]


class Answer(BaseModel):
    """What the browser has given, by `toJSON()`."""

    model_config = ConfigDict(extra="forbid")

    credential: dict[str, Any]


class NewPasskey(Answer):
    """The same, and what the person calls it."""

    name: str = Field(min_length=1, max_length=100, examples=["Laptop"])


class PasskeyBody(BaseModel):
    """A passkey."""

    id: str
    host: str
    name: str
    created_at: datetime
    used_at: datetime | None


@router.get("/passkeys", responses=responses())
def listed(found: Annotated[Session, Depends(session)]) -> list[PasskeyBody]:
    """The passkeys of whoever is signed in."""
    return [PasskeyBody.model_validate(each, from_attributes=True) for each in operation.listed(found)]


@router.post("/passkeys/options", responses=responses())
def offer(request: Request, response: Response, found: Annotated[Session, Depends(fresh)]) -> Options:
    """Begins to make a passkey, for whoever has signed in within ten minutes."""
    return _asked(response, operation.offer(found, browsers.place(request)))


@router.post("/passkeys", status_code=201, responses=responses())
def register(request: Request, body: NewPasskey, found: Annotated[Session, Depends(fresh)]) -> PasskeyBody:
    """Keeps the passkey that the browser has made."""
    secret, place = request.cookies.get(COOKIE, ""), browsers.place(request)
    made = operation.register(found, body.credential, body.name, secret, place, browsers.origins(request))
    return PasskeyBody.model_validate(made, from_attributes=True)


@router.delete("/passkeys/{passkey}", status_code=204, responses=responses())
def remove(passkey: Annotated[str, Path(pattern=r"^([0-9a-f]{2}){1,1023}$")], found: Annotated[Session, Depends(fresh)]) -> None:
    """Ends a passkey."""
    operation.remove(found, passkey)


@router.post("/passkey/options", responses=responses(429))
def ask(request: Request, response: Response) -> Options:
    """Begins to sign somebody in by a passkey."""
    browsers.require_ours(request, said=False)
    return _asked(response, operation.ask(browsers.place(request)))


@router.post("/passkey", status_code=201, responses=responses(429))
def begin(request: Request, response: Response, body: Answer) -> SessionBody:
    """Signs somebody in by a passkey: the answer's cookie is the session."""
    browsers.require_ours(request, said=False)
    secret, place = request.cookies.get(COOKIE, ""), browsers.place(request)
    begun = operation.by_passkey(body.credential, secret, place, browsers.origins(request), before=browsers.secret(request))
    browsers.signed_in(response, begun)
    return SessionBody.of(begun.session)


def _asked(response: Response, asked: operation.Asked) -> Options:
    response.set_cookie(COOKIE, asked.secret, max_age=600, secure=True, httponly=True, samesite="lax", path="/")
    response.headers["Cache-Control"] = "no-store"
    return Options(options=dict(asked.options))
