"""Requests to addresses that somebody else has chosen: to public ones alone, bounded in time and size, without redirects.

A name is resolved once, every address that it has is looked at, and one of these very addresses is dialled: nobody can answer the check
with one address and the connection with another. TLS and the Host header have the name, as ever.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import httpcore

from tenantry.clients.dialling import CONNECT, CheckedBackend, Refused, Resolve
from tenantry.errors import InputError
from tenantry.escape import escaped

LOCAL: Final = "TENANTRY_WEBHOOKS_LOCAL"
"""Set to 1 on a developer's machine: `http://127.0.0.1:PORT/…` is allowed as well. Never on a server."""

TOTAL: Final = 15.0
"""Seconds for connection, TLS, request and answer together. Names are looked up before, as long as the system's resolver lets that take."""
BODY: Final = 4096
"""Bytes of an answer's body that are read, and forgotten: what it says does not matter."""
PAGE: Final = 256 * 1024
"""Bytes of an answer that is read for what it says; a longer one is none."""
LONGEST: Final = 500
"""Characters of an address."""

_LOCAL: Final = frozenset({"127.0.0.1"})

# IANA's registries of special-purpose addresses, multicast, and a cloud's own that lies among the public ones (Azure).
# https://www.iana.org/assignments/iana-ipv4-special-registry
_REFUSED: Final = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        # Of the one block of IPv6 that is given out: protocols (Teredo among them), documentation, 6to4.
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
_GIVEN_OUT: Final = ip_network("2000::/3")  # whatever else IPv6 has is local, mapped, translated or not given out yet


@dataclass(frozen=True)
class Outcome:
    """What came of a request: the answer's ``status``, or None and the ``cause``, in words that name no address of ours."""

    status: int | None
    cause: str = ""
    retry_after: float | None = None
    """Seconds after which it wants to be asked again, where it says so of what it did not take."""


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes


class Unanswered(Exception):
    """Nothing came of a request; why, in words that name no address of ours."""


def is_public(address: str) -> bool:
    """Whether it is an address that anybody may ask."""
    try:
        found = ip_address(address)
    except ValueError:
        return False  # with a zone (fe80::1%eth0), or none at all
    if not isinstance(found, IPv4Address) and found not in _GIVEN_OUT:
        return False
    return not any(found in block for block in _REFUSED if block.version == found.version)


def checked_url(url: str) -> str:
    """The address, where it is one that could be asked. ``InputError`` for one that never could; names are not looked up."""
    hint = "https://HOST/PATH, with a public host name"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(f"{escaped(url)[:80]!r} is no address", hint) from None
    shown = escaped(url)[:80]
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or len(url) > LONGEST:
        raise InputError(f"{shown!r} is no address of at most {LONGEST} ASCII characters", "a host name in punycode, a path in %-codes")
    if _is_local(parts.scheme, host):
        return url
    if parts.scheme != "https" or not host or port == 0:
        raise InputError(f"{shown!r} does not begin with https:// and a host", hint)
    if "@" in parts.netloc or parts.fragment:
        raise InputError(f"{shown!r} has a user or a fragment, which no request would carry", hint)
    if _is_address(host) and not is_public(host):
        raise InputError(f"{host} is no public address", hint)
    if not _is_address(host) and "." not in host.strip("."):
        raise InputError(f"{escaped(host)!r} is no public host name", hint)
    return url


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    resolve: Resolve | None = None,
    allowed: Callable[[str], bool] = is_public,
    trust: ssl.SSLContext | None = None,
    total: float = TOTAL,
) -> Outcome:
    """Sends ``body``; what came of it. It raises nothing for whatever the other side does. The last ones are for tests."""
    try:
        checked_url(url)
    except InputError as error:
        return Outcome(None, error.message)
    try:
        with _asked("POST", url, headers, body, resolve or _resolved, allowed, trust or _trust(), total) as answer:
            status = answer.status
            later = _retry_after(answer.headers)
            _read(answer.iter_stream())
    except (Refused, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        return Outcome(None, _cause(error, total))
    if 300 <= status < 400:
        return Outcome(status, f"it answered {status}, and redirects are not followed")
    return Outcome(status) if 200 <= status < 300 else Outcome(status, f"it answered {status}", later)


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds, or a moment: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after. Whatever else it says counts as nothing."""
    said = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said[:40]) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    resolve: Resolve | None = None,
    allowed: Callable[[str], bool] = is_public,
    trust: ssl.SSLContext | None = None,
    total: float = TOTAL,
) -> Answer:
    """Asks, and reads what is said, up to ``PAGE``; a redirect is an answer. ``Unanswered`` for all else. The last ones are for tests."""
    content = bytearray()
    try:
        checked_url(url)
        with _asked(method, url, headers, body, resolve or _resolved, allowed, trust or _trust(), total) as answer:
            for piece in answer.iter_stream():
                content += piece
                if len(content) > PAGE:
                    raise Refused(f"its answer is longer than {PAGE // 1024} KiB")
            return Answer(answer.status, answer.headers, bytes(content))
    except InputError as error:
        raise Unanswered(error.message) from None
    except (Refused, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unanswered(_cause(error, total)) from None


@contextmanager
def _asked(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    resolve: Resolve,
    allowed: Callable[[str], bool],
    trust: ssl.SSLContext,
    total: float,
) -> Iterator[httpcore.Response]:
    parts = urlsplit(url)
    if _is_local(parts.scheme, parts.hostname or ""):
        allowed = _LOCAL.__contains__
    backend = CheckedBackend(resolve, allowed, total)
    with (
        httpcore.ConnectionPool(ssl_context=trust, network_backend=backend, max_connections=1, max_keepalive_connections=0) as pool,
        pool.stream(
            method,
            url,
            headers=[("Host", parts.netloc), ("Content-Length", str(len(body))), *headers.items()],
            content=body,
            extensions={"timeout": {"connect": CONNECT, "read": total, "write": total, "pool": total}},
        ) as answer,
    ):
        yield answer


@cache
def _trust() -> ssl.SSLContext:
    """The authorities that the system trusts; they take a hundredth of a second to read."""
    return ssl.create_default_context()


def _is_local(scheme: str, host: str) -> bool:
    return scheme == "http" and host in _LOCAL and os.environ.get(LOCAL) == "1"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _read(stream: Iterable[bytes]) -> None:
    """So that the other side gets rid of a short answer. Whatever happens to it, the status has been said."""
    size = 0
    try:
        for piece in stream:
            size += len(piece)
            if size >= BODY:
                return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError):
        return


def _cause(error: Exception, total: float) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, httpcore.ConnectTimeout):
        return "it could not be connected to in time"
    if isinstance(error, httpcore.TimeoutException):
        return f"it did not answer within {total:g} seconds"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not valid"
    if isinstance(error, httpcore.ConnectError):
        return "it could not be connected to"
    if isinstance(error, httpcore.ProtocolError):
        return "its answer was no HTTP"
    return "the connection was lost"


def _resolved(host: str, port: int) -> Sequence[str]:
    """The addresses that the system has for a name, which is whole: no domain of ours is put behind it."""
    name = host if _is_address(host) or host.endswith(".") else f"{host}."
    return [str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
