"""How often anybody may ask, counted in the memory of this process: in front of the API, as plain ASGI (a middleware class of Starlette's
costs three times the request).

Whoever has been let in has a bucket of his own. Everybody else shares that of the address he comes from, so that making keys up does not
help. ``/health`` and what ``/runtime`` answers from memory are not counted.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tenantry.operations.attempts import network
from tenantry.web import problems
from tenantry.web.problems import Refused
from tenantry.web.runtime.app import App, Receive, Scope, Send

LET_IN: Final = "tenantry.let_in"
"""Key of a request's scope: whoever asks was let in."""
MOST: Final = 10_000
"""Buckets, and credentials that have worked, which are remembered; of more, those that were used last."""


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many a second."""

    burst: float
    per_second: float


KNOWN: Final = Rate(400, 50)
"""Of whoever was let in."""
UNKNOWN: Final = Rate(60, 5)
"""Of an address."""


class Buckets:
    """A bucket for each name, full at first. A clock that tells seconds can be given."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._buckets: OrderedDict[bytes | str, tuple[float, float]] = OrderedDict()

    def take(self, name: bytes | str) -> float:
        """Takes one; 0, or the seconds until there is one."""
        now = self._clock()
        left, at = self._buckets.pop(name, (self._rate.burst, now))
        left = min(self._rate.burst, left + (now - at) * self._rate.per_second)
        there = left >= 1
        self._buckets[name] = (left - there, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0.0 if there else (1 - left) / self._rate.per_second


class Limits:
    """The application, asked no more often than that."""

    def __init__(self, app: App, *, known: Rate = KNOWN, unknown: Rate = UNKNOWN, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._known, self._unknown = Buckets(known, clock), Buckets(unknown, clock)
        self._let_in: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] == "/health":
            await self._app(scope, receive, send)
            return
        shown = _credentials(scope)
        if shown is not None and shown in self._let_in:
            self._let_in.move_to_end(shown)
            wait = self._known.take(shown)
        else:
            wait = self._unknown.take(address(scope))
        if wait:
            await _often(wait)(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if shown is not None:
            self._remember(shown, scope)

    def _remember(self, shown: bytes, scope: Scope) -> None:
        if scope.get(LET_IN):
            self._let_in[shown] = None
            if len(self._let_in) > MOST:
                self._let_in.popitem(last=False)
        else:
            self._let_in.pop(shown, None)


def address(scope: Scope) -> str:
    """Where a request comes from, as it is counted."""
    return network(str((scope.get("client") or ("unknown",))[0]))


def _credentials(scope: Scope) -> bytes | None:
    """The digest of the key or the session that a request shows; None: it shows none."""
    shown = [value for name, value in scope["headers"] if name in (b"authorization", b"cookie")]
    return hashlib.sha256(b"\0".join(shown)).digest() if shown else None


def _often(wait: float) -> Any:
    error = Refused(429, "request.often", "too many requests", "ask again after Retry-After", {"Retry-After": str(math.ceil(wait))})
    return problems.answer(error.problem, error.headers)
