"""The session of a browser: begun by signing in, read, and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tenantry.operations import callers as who_may
from tenantry.operations import sessions as operation
from tenantry.operations import sign_in
from tenantry.operations.sessions import Role, Session, Way
from tenantry.web import browsers
from tenantry.web.callers import session
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1", tags=["session"])


class SessionBody(BaseModel):
    """Somebody who is signed in."""

    person: UUID
    email: str
    role: Role
    """`platform`: an administrator of the platform; else a user's role."""
    tenant: str | None
    """The only tenant that is seen; null: every one."""
    scopes: list[str]
    csrf: str = Field(description=f"What a page sends as {browsers.TOKEN} with whatever changes something")
    way: Way
    signed_in_at: datetime
    idle_until: datetime
    """When it ends by itself if nobody asks before."""
    expires_at: datetime

    @classmethod
    def of(cls, found: Session) -> SessionBody:
        """The session, without its secret."""
        person = found.person
        return cls(
            person=person.id,
            email=person.email,
            role=person.role,
            tenant=person.slug,
            scopes=sorted(who_may.of_session(found).scopes),
            csrf=found.csrf,
            way=found.way,
            signed_in_at=found.signed_in_at,
            idle_until=found.idle_until,
            expires_at=found.expires_at,
        )


class SignIn(BaseModel):
    """How somebody shows who he is."""

    model_config = ConfigDict(extra="forbid")

    link: str = Field(min_length=1, max_length=200, description="The code of a link: what stands behind its #")


@router.post("/session", status_code=201, responses=responses(429))
def begin(request: Request, response: Response, body: SignIn) -> SessionBody:
    """Signs somebody in: the answer's cookie is the session. The one that the browser had has ended. It has no Idempotency-Key."""
    browsers.require_ours(request, said=False)
    begun = sign_in.by_link(body.link, browsers.place(request), before=browsers.secret(request))
    browsers.signed_in(response, begun)
    return SessionBody.of(begun.session)


@router.get("/session", responses=responses())
def current(response: Response, found: Annotated[Session, Depends(session)]) -> SessionBody:
    """Who is signed in, and the token that whatever changes something needs."""
    response.headers["Cache-Control"] = "no-store"
    return SessionBody.of(found)


@router.delete("/session", status_code=204, responses=responses())
def end(request: Request, response: Response, found: Annotated[Session, Depends(session)]) -> None:
    """Signs out."""
    operation.sign_out(browsers.secret(request), found)
    browsers.signed_out(response)


@router.delete("/sessions", status_code=204, responses=responses())
def end_all(response: Response, found: Annotated[Session, Depends(session)]) -> None:
    """Signs the same person out everywhere, here too."""
    operation.sign_out_everywhere(found)
    browsers.signed_out(response)
