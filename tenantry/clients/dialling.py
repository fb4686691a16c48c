"""Connections to one of the very addresses that were looked at, within the time that a whole request has."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import httpcore

CONNECT: Final = 5.0
"""Seconds for one address."""
_ADDRESSES: Final = 3  # of a name, that are tried in turn

Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """The address may not be asked, and was not."""


class CheckedBackend(httpcore.NetworkBackend):
    """Dials addresses that it has looked at, and keeps the whole request within its time."""

    def __init__(self, resolve: Resolve, allowed: Callable[[str], bool], total: float) -> None:
        self._resolve, self._allowed, self._total = resolve, allowed, total
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = list(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError):
            raise Refused("its host name has no address") from None
        if not found:
            raise Refused("its host name has no address")
        # One that is not public is an attempt, or a mistake that shows: the others do not make up for it.
        if not all(self._allowed(address) for address in found):
            raise Refused("its host name leads to an address that is not public")
        deadline = time.monotonic() + self._total
        for address in found[:_ADDRESSES]:
            wait = min(timeout or CONNECT, deadline - time.monotonic())
            try:
                return BoundedStream(self._plain.connect_tcp(address, port, max(wait, 0.001)), deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last: Exception = error
        raise last


class BoundedStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline: who sends one byte at a time wins nothing by it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> BoundedStream:
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, self._left(httpcore.ReadTimeout)), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    def _left(self, error: type[httpcore.TimeoutException]) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise error("the time is over")
        return left
