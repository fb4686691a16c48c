"""Keys for the service's API: made, shown once, asked with, and ended."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tenantry.actor import Actor
from tenantry.control import api_keys
from tenantry.control.api_keys import ApiKey
from tenantry.errors import InputError
from tenantry.escape import require_line
from tenantry.operations.callers import SCOPES, Caller, Sight
from tenantry.problems import nearest
from tenantry.settings import platform_settings

_LABEL: Final = "a label is KEY=VALUE, as in a tenant's file"


@dataclass(frozen=True)
class NewKey:
    """A key that was just made. ``text`` is shown this once."""

    key: ApiKey
    text: str


def make(holder: str, scopes: Collection[str], labels: Mapping[str, str] | None = None, *, days: int | None = None, actor: Actor) -> NewKey:
    """A new key for a partner or a program. ``labels``: it sees only tenants that carry all of them, and those it declares get them;
    none: every tenant. ``days`` after which it ends. ``InputError`` for an unknown scope, and where two keys of the holder work.
    """
    require_line("the holder of a key", holder)
    for scope in scopes:
        if scope not in SCOPES:
            raise InputError(f"there is no scope {scope[:40]!r}", nearest(scope, SCOPES))
    if not scopes:
        raise InputError("a key without a scope is good for nothing", f"--scope {next(iter(SCOPES))}")
    if days is not None and not 1 <= days <= 3650:
        raise InputError(f"a key cannot last {days} days", "1 to 3650, or leave it out for one that is ended by hand")
    identifier, secret = secrets.token_hex(6), secrets.token_hex(32)
    body = f"tny_{platform_settings().bucket_prefix}_{identifier}_{secret}"
    text = body + _check(body)
    expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    key = api_keys.add(identifier, holder, _digest(text), sorted(scopes), labels or {}, expires_at, actor)
    return NewKey(key, text)


def authenticate(text: str) -> Caller | None:
    """Whoever has that key; None: it is none, is another platform's, was ended or has expired. A mistyped one asks no database."""
    parts = text.split("_")
    if len(text) > 200 or len(parts) != 4 or parts[0] != "tny" or not hmac.compare_digest(_check(text[:-8]).encode(), text[-8:].encode()):
        return None
    found = api_keys.find(parts[2])
    if not hmac.compare_digest(found[1] if found else bytes(32), _digest(text)) or found is None or not found[0].works:
        return None
    key = found[0]
    return Caller(key.holder, frozenset(key.scopes), Sight(key.labels), key.holder, expires_at=key.expires_at, credential=f"key {key.id}")


def listed() -> tuple[ApiKey, ...]:
    """Every key, without its secret."""
    return tuple(api_keys.listed())


def revoke(identifier: str, *, actor: Actor) -> ApiKey:
    """Ends a key at once; repeating it is a no-op. ``InputError`` where there is none of that id."""
    return api_keys.revoke(identifier, actor)


def labels_of(texts: Collection[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as labels. ``InputError`` for one that is not."""
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key or not value:
            raise InputError(f"{text[:60]!r} is no label", _LABEL)
        found[key] = value
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _check(body: str) -> str:
    """Eight hex digits that tell a key that was cut off or mistyped from one that does not work any more."""
    return f"{zlib.crc32(body.encode()):08x}"
