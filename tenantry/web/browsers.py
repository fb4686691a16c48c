"""What a browser brings: the cookie of a session, the host that it asked, and the proof that a page of ours asks.

The cookie's name begins with `__Host-`: a browser takes it only with Secure, for the whole host and for no host below or above it. Browsers
take Secure cookies from http://localhost and http://127.0.0.1 too.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from tenantry.operations.service_address import LOCAL
from tenantry.operations.sessions import Place, Session
from tenantry.operations.sign_in import SignedIn
from tenantry.web.problems import Refused

COOKIE: Final = "__Host-tenantry"
TOKEN: Final = "X-CSRF-Token"  # noqa: S105  # a header's name
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def host(request: Request) -> str:
    """The host that was asked, in lower case and without its port; '' where the request names none, or several."""
    return urlsplit(f"//{authority(request)}").hostname or ""


def authority(request: Request) -> str:
    """The same with its port, as the browser has it."""
    said = request.headers.getlist("host")
    text = said[0].lower() if len(said) == 1 else ""
    # Nothing that could be read as another host by whoever reads it next.
    return text if text.isascii() and not set(text) & set("/\\@?#%[] \t") else ""


def secret(request: Request) -> str:
    """What the cookie says; '' without one."""
    return request.cookies.get(COOKIE, "")


def place(request: Request) -> Place:
    """Where a session would be begun."""
    return Place(host(request), request.client.host if request.client else "", request.headers.get("user-agent", ""))


def require_ours(request: Request, *, said: bool) -> None:
    """``Refused`` for a request that a page of another origin made. ``said``: it has to say where it comes from, as browsers do."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if (site not in (None, "same-origin")) or (origin is not None and origin not in origins(request)) or (said and not (site or origin)):
        raise Refused(403, "request.foreign", "the request comes from another site's page", "pages of the same origin may ask")


def require_token(request: Request, session: Session) -> None:
    """``Refused`` without the session's own token, which only a page of ours can have read."""
    given = request.headers.get(TOKEN, "")
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise Refused(403, "request.token", f"{TOKEN} is missing, or is another session's", "GET /v1/session has it as `csrf`")


def origins(request: Request) -> tuple[str, ...]:
    """What a page of ours calls itself: https, and on this machine http too."""
    here = authority(request)
    own = (f"https://{here}",) if here else ()
    return (*own, f"http://{here}") if host(request) in LOCAL else own


def signed_in(response: Response, begun: SignedIn) -> None:
    """Gives the browser the session. It ends with the browser, or before."""
    response.set_cookie(COOKIE, begun.secret, secure=True, httponly=True, samesite="lax", path="/")
    response.headers["Cache-Control"] = "no-store"


def signed_out(response: Response) -> None:
    """Takes it from the browser."""
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    response.headers["Cache-Control"] = "no-store"
