"""The ASGI application. A request costs two look-ups in dicts: nothing is waited for, nothing is made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

from tenantry.app.hosts import normalised
from tenantry.operations.runtime import RuntimeFeed
from tenantry.rendering.face import PICTURES
from tenantry.web.runtime.answers import LOADING, SECURITY, TYPES, Answer, Answers, Kept, problem
from tenantry.web.runtime.pictures import NO_PICTURE, Pictures

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Allowed = Callable[[Scope], Awaitable[bool]]

PREFIX: Final = "/runtime/"
STALE: Final = b"tenantry-stale"
"""The header that says for how many seconds the answer has not been compared with the platform."""
LATE: Final = 2.0
"""Seconds after which that is said."""

_PATHS: Final = {f"{PREFIX}{name}": name for name in TYPES}
_UNKNOWN_PATH: Final = problem(404, "input.invalid", f"there is no such document: {', '.join(_PATHS)}")
_METHOD: Final = problem(405, "input.invalid", "documents are read: GET or HEAD", more=((b"allow", b"GET, HEAD"),))
_KEY: Final = problem(401, "key.refused", "?host= needs a key", more=((b"www-authenticate", b"Bearer"),))
_AMBIGUOUS: Final = problem(400, "input.invalid", "one Host header and at most one ?host= are needed")


class RuntimeApp:
    """Serves what is below ``PREFIX``. ``allowed``: whether a request may ask for another host than its own (None: nobody may).

    ``start`` and ``stop`` belong to the server's process, after it was forked; or ``async with``. ``feed``: another than PostgreSQL's.
    """

    def __init__(self, *, allowed: Allowed | None = None, feed: Callable[[Answers], RuntimeFeed] = RuntimeFeed) -> None:
        self.memory = Answers()
        self.feed = feed(self.memory)
        self.pictures = Pictures()
        self._allowed = allowed

    async def start(self, wait: float = 10.0) -> None:
        """Begins to load, and waits that long for it to be done: until then everybody is told to come again."""
        self.feed.start()
        await asyncio.to_thread(self.feed.wait, wait)

    async def stop(self) -> None:
        """Ends its thread."""
        await asyncio.to_thread(self.feed.close)

    async def __aenter__(self) -> RuntimeApp:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def answers(self, scope: Scope) -> bool:
        """Whether a request is for it."""
        return bool(scope["type"] == "http" and scope["path"].startswith(PREFIX))

    def in_front_of(self, app: App) -> App:
        """An application that answers what is below ``PREFIX`` and leaves everything else to ``app``."""

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            await (self if scope["type"] == "http" and scope["path"].startswith(PREFIX) else app)(scope, receive, send)

        return both

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        name = _PATHS.get(scope["path"])
        method = scope["method"]
        if name is None and scope["path"].startswith(PICTURES) and method in ("GET", "HEAD"):
            answer = await self._picture(scope, scope["path"].removeprefix(PICTURES))
        elif name is None:
            answer = self._health() if scope["path"] == f"{PREFIX}health" else _UNKNOWN_PATH
        elif method != "GET" and method != "HEAD":
            answer = _METHOD
        elif scope["query_string"] and (other := _asked(scope["query_string"])) is not None:
            answer = await self._for_another(scope, name, other)
        else:
            answer = self._for_host(scope, name)
        if self.feed.behind > LATE and answer.etag:
            answer = Answer(answer.status, (*answer.headers, (STALE, str(int(self.feed.behind)).encode())), answer.body)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})

    def _for_host(self, scope: Scope, name: str) -> Answer:
        host = known = None
        for header, value in scope["headers"]:
            if header == b"host":
                if host is not None:
                    return _AMBIGUOUS
                host = value
            elif header == b"if-none-match":
                known = value
        if host is None:
            return _AMBIGUOUS
        kept = self.memory.of(host)
        return self._answer(kept, name, known) if kept is not None else self._unusual(host.decode("latin-1"), name, known)

    async def _picture(self, scope: Scope, name: str) -> Answer:
        """One of those that the host's tenant has now: nothing else can be asked for."""
        hosts = [value for header, value in scope["headers"] if header == b"host"]
        if len(hosts) != 1:
            return _AMBIGUOUS
        kept = self._whose(hosts[0].decode("latin-1"))
        if isinstance(kept, Answer):
            return kept
        if kept.shut is not None:
            return kept.shut
        place = kept.pictures.get(name)
        if place is None:
            return NO_PICTURE
        answer = await self.pictures.answer(*place)
        known = next((value for header, value in scope["headers"] if header == b"if-none-match"), None)
        return answer.unchanged() if known is not None and answer.etag and _has(known, answer.etag) else answer

    async def _for_another(self, scope: Scope, name: str, hosts: list[str]) -> Answer:
        if self._allowed is None or not await self._allowed(scope):
            return _KEY
        if len(hosts) != 1:
            return _AMBIGUOUS
        known = next((value for header, value in scope["headers"] if header == b"if-none-match"), None)
        return self._unusual(hosts[0], name, known)

    def _unusual(self, host: str, name: str, known: bytes | None) -> Answer:
        """A host that is not written as it is kept: with a port, in capitals, in Unicode; or that is nobody's."""
        kept = self._whose(host)
        return kept if isinstance(kept, Answer) else self._answer(kept, name, known)

    def _whose(self, host: str) -> Kept | Answer:
        """What is kept of a host's tenant however the host is written; or what is answered for one that is nobody's."""
        form = (normalised(host) or "").encode()
        kept = self.memory.of(form)
        return kept if kept is not None else self.memory.nobody(form) if self.feed.loaded else LOADING

    def _answer(self, kept: Kept, name: str, known: bytes | None) -> Answer:
        if kept.shut is not None:
            return kept.shut
        answer = kept.answers[name]
        return answer.unchanged() if known is not None and _has(known, answer.etag) else answer

    def _health(self) -> Answer:
        behind = self.feed.behind
        state = "loading" if not self.feed.loaded else "stale" if behind > LATE else "ok"
        content = {"status": state, "tenants": len(self.memory), "hosts": self.memory.hosts}
        if self.feed.loaded:
            content["behind_seconds"] = round(behind, 1)
        body = json.dumps(content).encode()
        headers = ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"))
        return Answer(503 if state == "loading" else 200, (*headers, *SECURITY), body)


def _asked(query: bytes) -> list[str] | None:
    """The values of ``host`` in a query; None: it has none, and whatever else it has does not matter."""
    try:
        return parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=16).get("host")
    except ValueError:
        return [] if b"host" in query else None


def _has(known: bytes, etag: bytes) -> bool:
    """Whether If-None-Match names the ETag, as RFC 9110 compares them: weakly."""
    if known == etag:
        return True
    return any(part.strip().removeprefix(b"W/") in (etag, b"*") for part in known.split(b","))
