"""Who asks: the key of a request, what it is for, and which tenants it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Path, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tenantry.operations import api_keys, tenants
from tenantry.operations.api_keys import Caller
from tenantry.operations.tenants import Tenant
from tenantry.web.problems import Refused

_BEARER: Final = HTTPBearer(auto_error=False, description="A key of `tenantry key new`: `Authorization: Bearer tny_…`")


def caller(credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None) -> Caller:
    """Whoever has the key of the request. One answer to every key that does not work, whatever the reason."""
    found = api_keys.authenticate(credentials.credentials) if credentials is not None else None
    if found is None:
        raise Refused(401, "key.refused", "a key that works is needed", "Authorization: Bearer tny_…", {"WWW-Authenticate": "Bearer"})
    return found


def having(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, whose key must be for ``scope``."""

    def checked(found: Annotated[Caller, Depends(caller)]) -> Caller:
        if scope not in found.scopes:
            raise Refused(403, "key.scope", f"the key is not for {scope}", "ask for one that is: tenantry key new")
        return found

    return checked


def of_fleet(scope: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, whose key must be for ``scope`` and for every tenant."""

    def checked(found: Caller) -> Caller:
        if found.labels:
            raise Refused(403, "key.tenants", "this is about every tenant, and the key is for some", "ask with a key without labels")
        return found

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    checked.__annotations__["found"] = Annotated[Caller, Depends(having(scope))]
    return checked


def seen(scope: str) -> Callable[[str, Caller], Tenant]:
    """A dependency: the tenant of the path, which the caller's key must see; another holder's and none answer alike."""

    def found(slug: Annotated[str, Path(max_length=63)], who: Caller) -> Tenant:
        return tenants.find(slug, who.labels)

    # FastAPI reads annotations as text, in which a variable of this function would be unknown.
    found.__annotations__["who"] = Annotated[Caller, Depends(having(scope))]
    return found
