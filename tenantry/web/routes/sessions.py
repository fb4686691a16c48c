"""The session of a browser: begun by signing in, read, and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from tenantry.operations import callers as who_may
from tenantry.operations import passwords, sign_in
from tenantry.operations import sessions as operation
from tenantry.operations.sessions import Place, Role, Session, Way
from tenantry.operations.sign_in import SignedIn
from tenantry.web import browsers
from tenantry.web.callers import fresh, session
from tenantry.web.hashing import Hashing
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


class ByLink(BaseModel):
    """A link that signs in once."""

    model_config = ConfigDict(extra="forbid")

    link: str = Field(min_length=1, max_length=200, description="The code of a link: what stands behind its #")


class ByPassword(BaseModel):
    """A user of the tenant whose host is asked."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=passwords.LONGEST)


class ByInvitation(BaseModel):
    """Somebody who is invited, and chooses a password."""

    model_config = ConfigDict(extra="forbid")

    invitation: str = Field(min_length=1, max_length=200, description="The last part of the invitation's link")
    password: str = Field(max_length=passwords.LONGEST)
    name: str | None = Field(None, max_length=100, description="As the person wants to be called")


class NewPassword(BaseModel):
    """A password."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=passwords.LONGEST)


@router.post("/session", status_code=201, responses=responses(410, 429))
async def begin(request: Request, response: Response, body: ByLink | ByPassword | ByInvitation) -> SessionBody:
    """Signs somebody in: the answer's cookie is the session. The one that the browser had has ended. It has no Idempotency-Key."""
    browsers.require_ours(request, said=False)
    begun = await _signed_in(request, body, browsers.place(request), browsers.secret(request))
    browsers.signed_in(response, begun)
    return SessionBody.of(begun.session)


async def _signed_in(request: Request, body: ByLink | ByPassword | ByInvitation, place: Place, before: str) -> SignedIn:
    hashing: Hashing = request.app.state.hashing
    if isinstance(body, ByLink):
        return await run_in_threadpool(sign_in.by_link, body.link, place, before=before)
    if isinstance(body, ByInvitation):
        await run_in_threadpool(sign_in.require_invitation, body.invitation, place)
        hashed = await hashing(passwords.hashed, body.password)
        return await run_in_threadpool(sign_in.by_invitation, body.invitation, hashed, body.name, place, before=before)
    claimed = await run_in_threadpool(sign_in.claim, body.email, place)
    compared = await hashing(passwords.right, body.password, claimed.kept)
    return await run_in_threadpool(sign_in.by_password, claimed, compared, place, before=before)


@router.put("/session/password", responses=responses(429))
async def change_password(
    request: Request, response: Response, body: NewPassword, found: Annotated[Session, Depends(fresh)]
) -> SessionBody:
    """Sets another password for whoever has signed in within ten minutes. All sessions of this person end but the one that begins."""
    sign_in.require_password(found)
    hashing: Hashing = request.app.state.hashing
    hashed = await hashing(passwords.hashed, body.password)
    begun = await run_in_threadpool(sign_in.change_password, found, hashed, browsers.place(request))
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
