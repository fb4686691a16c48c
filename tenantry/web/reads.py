"""Notes what was read and by whom, when its answer begins: in front of the API, as plain ASGI (see ``tenantry.web.limits``).

What is a read: each GET below /v1 that was answered, but of one's own session; and what is asked with a body and changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from tenantry import naming
from tenantry.operations.callers import Caller
from tenantry.operations.read_log import ReadLog
from tenantry.web.runtime.app import App, Message, Receive, Scope, Send

CALLER: Final = "tenantry.caller"
"""Key of a request's scope: who asks."""
HEADER: Final = b"tenantry-request"
"""Under which the log has it."""

_OWN: Final = "/v1/session"
_WITH_BODY: Final = frozenset({"/v1/configuration/bulk/preview"})
_PAGING: Final = frozenset({"after", "limit"})  # a page's beginning is a value of what was read
_TENANT: Final = "tenant"


class Reads:
    """The application, whose reads ``log`` takes in."""

    def __init__(self, app: App, log: ReadLog) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not _is_read(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and 200 <= message["status"] < 300 and CALLER in scope:
                message = {**message, "headers": [*message["headers"], (HEADER, str(self._note(scope)).encode())]}
            await send(message)

        await self._app(scope, receive, noting)

    def _note(self, scope: Scope) -> UUID:
        who: Caller = scope[CALLER]
        path = {name: str(value) for name, value in scope["path_params"].items()}
        asked = parse_qsl(scope["query_string"].decode("latin-1"))
        named = path.pop("slug", None) or next((value for name, value in asked if name == _TENANT), None)
        tenant = naming.tenant_id(named) if named and naming.is_slug(named) else None
        run = _id(path.get("run", ""))
        detail = " ".join(f"{name}={value}" for name, value in (*path.items(), *asked) if name not in _PAGING and name != _TENANT)
        address = str((scope.get("client") or ("unknown",))[0])
        return self._log.note(who, address, tenant, run, f"{scope['method']} {scope['route'].path}", detail)


def _is_read(method: str, path: str) -> bool:
    if method != "GET":
        return path in _WITH_BODY
    return path.startswith("/v1/") and not path.startswith(_OWN)


def _id(text: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(text)
    return None
