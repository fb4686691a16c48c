"""Who asks: the key of a request, or the session of a browser; what he may do, and which tenants he sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from tenantry.operations import api_keys, portal_links, sessions, sign_in, tenants
from tenantry.operations.callers import Caller
from tenantry.operations.sessions import Session
from tenantry.operations.tenants import Tenant
from tenantry.web import browsers, limits, reads
from tenantry.web.problems import Refused

_BEARER: Final = HTTPBearer(auto_error=False, description="A key of `tenantry key new`: `Authorization: Bearer tny_…`")
_COOKIE: Final = APIKeyCookie(
    name=browsers.COOKIE,
    auto_error=False,
    description=f"A session of somebody who is signed in. What changes something needs its `csrf` in the header {browsers.TOKEN}, too",
)


CAREFUL: Final = frozenset({"backups:restore", "credentials:write", "tenants:delete", "tenants:move"})
"""Scopes for what is hard to take back. A key is exempt: nobody could sign in for a program, and whoever had taken a key could say
the slug, too. It is for few scopes instead."""
FRESH: Final = frozenset({"credentials:write", "keys:write"})
"""Scopes for what is of no one tenant, or may be, so that there is no slug to say: people have signed in just now."""
CONFIRM: Final = "Tenantry-Confirm"


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
    request.scope[reads.CALLER] = found
    return found


def having(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, who must be one for ``scope``."""

    def checked(found: Annotated[Caller, Depends(caller)]) -> Caller:
        if scope not in found.scopes:
            raise Refused(403, "key.scope", f"this is for whoever has {scope}", "ask for a key that has it: tenantry key new")
        if scope in FRESH and found.session is not None and not sign_in.is_fresh(found.session):
            raise stale()
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


def seen(scope: str, *, careful: bool = False) -> Callable[..., Tenant]:
    """A dependency: the tenant of the path, which the caller must see; another's and none answer alike.

    ``careful`` (and each of ``CAREFUL``): people have signed in just now and say the slug once more.
    """

    def found(slug: Annotated[str, Path(max_length=63)], who: Caller) -> Tenant:
        return tenants.find(slug, who.sight, who.portal)

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    found.__annotations__["who"] = Annotated[Caller, Depends(having(scope))]
    if not careful and scope not in CAREFUL:
        return found

    def confirmed(
        request: Request,
        tenant: Tenant,
        who: Caller,
        confirm: Annotated[str, Header(alias=CONFIRM, max_length=63, description="People: the slug once more, as typed")] = "",
    ) -> Tenant:
        if who.session is not None and request.method not in browsers.SAFE:
            if not sign_in.is_fresh(who.session):
                raise stale()
            if confirm != tenant.slug:
                raise Refused(403, "session.confirm", f"{CONFIRM} is not {tenant.slug}", "say the slug exactly, as whoever asks types it")
        return tenant

    confirmed.__annotations__ |= {"tenant": Annotated[Tenant, Depends(found)], "who": found.__annotations__["who"]}
    return confirmed


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
