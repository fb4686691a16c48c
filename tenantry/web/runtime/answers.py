"""The answers, made before anybody asks: for each host the bytes and headers of each document, or why it is not served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from tenantry.operations.runtime import RuntimeTenant

Headers = tuple[tuple[bytes, bytes], ...]

SECURITY: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    (b"vary", b"Host"),
)
_CACHED: Final = (b"cache-control", b"public, no-cache")  # kept, and asked about each time: a change is seen at once
_NOT_STORED: Final = (b"cache-control", b"no-store")
_JSON: Final = (b"content-type", b"application/json")
TYPES: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "tenant": _JSON,
    "branding.json": _JSON,
    "theme.css": (b"content-type", b"text/css; charset=utf-8"),
    "manifest.webmanifest": (b"content-type", b"application/manifest+json"),
    "favicon.ico": (b"content-type", b"image/svg+xml"),
}
"""The documents by the end of their paths."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``etag`` is b'' where it has none."""

    status: int
    headers: Headers
    body: bytes
    etag: bytes = b""

    def unchanged(self) -> Answer:
        """What is answered to whoever has it already."""
        return Answer(304, ((b"etag", self.etag), _CACHED, *SECURITY), b"")


def elsewhere(path: str) -> Answer:
    """Leads to another path of the same host."""
    return Answer(302, ((b"location", path.encode()), (b"content-length", b"0"), _CACHED, *SECURITY), b"")


def document(name: str, text: str) -> Answer:
    """A document of ``TYPES``."""
    return content(TYPES[name], text.encode())


def content(type: tuple[bytes, bytes], body: bytes, cached: tuple[bytes, bytes] = _CACHED) -> Answer:
    """The bytes with the headers ``type`` and ``cached``, and an ETag of them."""
    etag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
    length = (b"content-length", str(len(body)).encode())
    return Answer(200, (type, length, (b"etag", etag), cached, *SECURITY), body, etag)


def problem(status: int, code: str, detail: str, *, state: str = "", retry: int | None = None, more: Headers = ()) -> Answer:
    """RFC 9457. ``code`` is one of docs/operations.md, ``state`` the tenant's."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    body = json.dumps(content | ({"state": state} if state else {})).encode()
    waits = ((b"retry-after", str(retry).encode()),) if retry is not None else ()
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, ((b"content-type", b"application/problem+json"), length, _NOT_STORED, *waits, *more, *SECURITY), body)


UNKNOWN: Final = problem(404, "tenant.unknown", "this host is nobody's")
DELETED: Final = problem(410, "tenant.deleted", "the tenant of this host is gone", state="deleted")
LOADING: Final = problem(503, "platform.unreachable", "the tenants are not loaded yet", retry=2)
SHUT: Final[Mapping[str, Answer]] = {
    "pending": problem(503, "tenant.busy", "the tenant of this host is being made", state="pending", retry=30),
    "maintenance": problem(503, "tenant.busy", "the tenant of this host is being restored", state="maintenance", retry=30),
    "suspended": problem(403, "tenant.state", "the tenant of this host is suspended", state="suspended"),
    "offboarding": problem(403, "tenant.state", "the tenant of this host is being closed", state="offboarding"),
}
"""By the state in which a tenant is not served; they say nothing else of it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one tenant."""

    id: UUID
    hosts: tuple[bytes, ...]
    answers: Mapping[str, Answer]
    """By document; none where ``shut`` is answered to all."""
    pictures: Mapping[str, tuple[str, str]]
    """By name: bucket and key."""
    shut: Answer | None


class Answers:
    """The answers by host. One thread changes them while the event loop reads; each change is one of a dict's."""

    def __init__(self) -> None:
        self._hosts: dict[bytes, Kept] = {}
        self._tenants: dict[UUID, Kept] = {}
        self._gone: frozenset[bytes] = frozenset()

    def of(self, host: bytes) -> Kept | None:
        """What is kept of a host's tenant."""
        return self._hosts.get(host)

    def nobody(self, host: bytes) -> Answer:
        """The answer for a host that is no tenant's."""
        return DELETED if host in self._gone else UNKNOWN

    def keep(self, tenants: Collection[RuntimeTenant], gone: Collection[UUID]) -> None:
        """As ``Keeper`` says. A host that passes from one to another is somebody's all the time."""
        for tenant in tenants:
            shut = None if tenant.documents else SHUT.get(tenant.state, SHUT["pending"])
            made = {name: document(name, text) for name, text in tenant.documents.items()}
            if tenant.icon:
                made["favicon.ico"] = elsewhere(tenant.icon)
            kept = Kept(tenant.id, tuple(host.encode() for host in tenant.hosts), made, tenant.pictures, shut)
            before = self._tenants.get(tenant.id)
            self._tenants[tenant.id] = kept
            for host in kept.hosts:
                self._hosts[host] = kept
            if before is not None:
                self._release(before, kept.hosts)
        for id in gone:
            if (last := self._tenants.pop(id, None)) is not None:
                self._release(last, ())

    def quarantined(self, hosts: frozenset[str]) -> None:
        """As ``Keeper`` says."""
        self._gone = frozenset(host.encode() for host in hosts)

    def _release(self, before: Kept, keeps: Collection[bytes]) -> None:
        for host in before.hosts:
            if host not in keeps and self._hosts.get(host) is before:
                del self._hosts[host]

    def __len__(self) -> int:
        return len(self._tenants)

    @property
    def hosts(self) -> int:
        """How many hosts are somebody's."""
        return len(self._hosts)
