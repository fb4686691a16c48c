"""Who asks: the key of a request, or the session of a browser; what he may do, and which tenants he sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from tenantry.operations import api_keys, portal_links, sessions, sign_in, tenants
from tenantry.operations.callers import Caller
from tenantry.operations.sessions import Session
from tenantry.operations.tenants import Tenant
from tenantry.web import browsers, limits
from tenantry.web.problems import Refused

_BEARER: Final = HTTPBearer(auto_error=False, description="A key of `tenantry key new`: `Authorization: Bearer tny_…`")
_COOKIE: Final = APIKeyCookie(
    name=browsers.COOKIE,
    auto_error=False,
    description=f"A session of somebody who is signed in. What changes something needs its `csrf` in the header {browsers.TOKEN}, too",
)


def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    cookie: Annotated[str | None, Security(_COOKIE)] = None,
) -> Caller:
    """Whoever has the key of the request, has opened a link, or is signed in. One answer to whatever does not work, and whatever the
    reason."""
    if credentials is not None:
        text = credentials.credentials
        found = portal_links.authenticate(text) if text.startswith(portal_links.PREFIX) else api_keys.authenticate(text)
    else:
        found = sessions.authenticate(cookie or "", browsers.host(request))
    if found is None:
        raise Refused(
            401,
            "key.refused",
            "a key or a session that works is needed",
            "Authorization: Bearer tny_…, or sign in",
            {"WWW-Authenticate": "Bearer"},
        )
    request.scope[limits.LET_IN] = True
    if found.session is not None and request.method not in browsers.SAFE:
        browsers.require_ours(request, said=True)
        browsers.require_token(request, found.session)
    return found


def having(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, who must be one for ``scope``."""

    def checked(found: Annotated[Caller, Depends(caller)]) -> Caller:
        if scope not in found.scopes:
            raise Refused(403, "key.scope", f"this is for whoever has {scope}", "ask for a key that has it: tenantry key new")
        return found

    return checked


def of_fleet(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, whose key must be for ``scope`` and for every tenant."""

    def checked(found: Caller) -> Caller:
        if not found.sight.everything:
            raise Refused(403, "key.tenants", "this is about every tenant, and the key is for some", "ask with a key without labels")
        return found

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    checked.__annotations__["found"] = Annotated[Caller, Depends(having(scope))]
    return checked


def of_platform(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, who must be one for ``scope``, and none of a tenant's own people."""

    def checked(found: Caller) -> Caller:
        if found.sight.slug is not None:
            raise Refused(403, "key.tenants", "this is about many tenants", "it is for partners and the platform's own people")
        return found

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    checked.__annotations__["found"] = Annotated[Caller, Depends(having(scope))]
    return checked


def seen(scope: str) -> Callable[[str, Caller], Tenant]:
    """A dependency: the tenant of the path, which the caller must see; another's and none answer alike."""

    def found(slug: Annotated[str, Path(max_length=63)], who: Caller) -> Tenant:
        return tenants.find(slug, who.sight)

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    found.__annotations__["who"] = Annotated[Caller, Depends(having(scope))]
    return found


def session(found: Annotated[Caller, Depends(caller)]) -> Session:
    """A dependency: the session of whoever is signed in."""
    if found.session is None:
        raise Refused(403, "session.none", "a key has no session", "this is for people who are signed in")
    return found.session


def fresh(found: Annotated[Session, Depends(session)]) -> Session:
    """A dependency: the session of somebody who has signed in just now."""
    if not sign_in.is_fresh(found):
        raise stale()
    return found


def stale() -> Refused:
    """What somebody is answered who signed in too long ago for what he asks."""
    return Refused(403, "session.stale", "this is for whoever has signed in within ten minutes", "sign in again, then ask again")
