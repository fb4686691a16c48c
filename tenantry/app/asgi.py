"""ASGI middleware: finds the tenant by the request's host, and answers for those whom the application shall not serve."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry.app.directory import Directory
from tenantry.app.tenant import Tenant, current, moved
from tenantry.errors import TransientError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Page:
    """What is answered in the application's place; ``retry`` in seconds, None: not at all."""

    status: int
    title: str
    text: str
    retry: int | None = None


UNKNOWN: Final = Page(404, "Not found", "There is nothing at this address.")
UNREACHABLE: Final = Page(503, "One moment", "This service cannot be reached at the moment. Please try again.", 5)
MOVED: Final = Page(503, "One moment", "Your data has just moved. Please try again.", 1)
PAGES: Final[Mapping[str, Page]] = {
    "unknown": UNKNOWN,
    "deleted": Page(410, "Gone", "What was at this address has been closed."),
    "suspended": Page(403, "Suspended", "This account is suspended. Please ask your administrator."),
    "offboarding": Page(403, "Closed", "This account is being closed. Please ask your administrator."),
    "pending": Page(503, "Almost there", "This account is being set up. Please try again in a minute.", 30),
    "maintenance": Page(503, "Maintenance", "Your data is being restored. Please try again in a minute.", 30),
    "unreachable": UNREACHABLE,
    "moved": MOVED,
}
"""By the tenant's state, and ``unknown``, ``unreachable`` (the directory), ``moved`` (its move took it elsewhere during the request)."""


class TenantMiddleware:
    """Puts the tenant into ``scope["tenant"]`` and ``tenantry.app.current``. ``pages`` replaces some of ``PAGES``.

    ``exempt``: paths that have no tenant, such as a health check's; they are served as they are.
    """

    def __init__(
        self, app: App, directory: Directory, *, pages: Mapping[str, Page] | None = None, exempt: frozenset[str] = frozenset()
    ) -> None:
        self._app, self._directory, self._exempt = app, directory, exempt
        self._pages = {**PAGES, **(pages or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Whatever is not a request (``lifespan``) passes through."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        try:
            tenant = await self._directory.by_host_async(_host(scope))
        except TransientError:
            await _answer(scope, send, self._pages["unreachable"])
            return
        if tenant is None or not tenant.open:
            await _answer(scope, send, self._pages[tenant.state if tenant else "unknown"])
            return
        await self._serve(tenant, scope, receive, send)

    async def _serve(self, tenant: Tenant, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        token = current.set(tenant)
        try:
            await self._app({**scope, "tenant": tenant}, receive, noting)
        except Exception as error:
            if began or not moved(error):
                raise
            self._directory.forget(tenant.id)
            await _answer(scope, send, self._pages["moved"])
        finally:
            current.reset(token)


def _host(scope: Scope) -> str:
    """The Host header; '' where there is none, or more than one: nobody's."""
    found = [value for name, value in scope["headers"] if name.lower() == b"host"]
    return found[0].decode("latin-1") if len(found) == 1 else ""


async def _answer(scope: Scope, send: Send, page: Page) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013 if page.retry else 1008, "reason": page.title})
        return
    title, text = html.escape(page.title), html.escape(page.text)
    body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n'.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if page.retry is not None:
        headers.append((b"retry-after", str(page.retry).encode()))
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
