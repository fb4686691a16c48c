"""The keys of the service's API: what is kept of them, and which of them work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.postgres import locks

if TYPE_CHECKING:
    import psycopg

LIVE: Final = 2
"""Keys of one holder that work at a time: the old one and the one that follows it."""

_WORKS: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
_COLUMNS: Final = f"id, holder, scopes, labels, created_at, created_by, expires_at, revoked_at, revoked_by, used_at, ({_WORKS}) AS works"
_KEYS: Final = f"SELECT {_COLUMNS} FROM api_keys"  # noqa: S608  # constants of ours


@dataclass(frozen=True)
class ApiKey:
    """One key, without its secret. ``labels``: its tenants are those that carry all of them; none: every tenant."""

    id: str
    holder: str
    scopes: tuple[str, ...]
    labels: Mapping[str, str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    used_at: datetime | None
    """When it was last asked with, to within five minutes."""
    works: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ApiKey:
        """A key as its row says it."""
        return cls(**{**row, "scopes": tuple(row["scopes"])})


def add(
    identifier: str,
    holder: str,
    digest: bytes,
    scopes: Sequence[str],
    labels: Mapping[str, str],
    expires_at: datetime | None,
    actor: Actor,
) -> ApiKey:
    """Keeps a new key. ``InputError`` where its holder has two that work."""
    with locks.held("api keys", wait=locks.TURN), transaction() as connection:
        live = connection.execute(f"{_KEYS} WHERE holder = %s AND {_WORKS} ORDER BY created_at", [holder]).fetchall()
        if len(live) >= LIVE:
            raise InputError(
                f"{holder} has {len(live)} keys that work: {', '.join(row['id'] for row in live)}",
                f"tenantry key revoke {live[0]['id']}, once nothing asks with it any more",
                code="key.excess",
            )
        connection.execute(
            "INSERT INTO api_keys (id, holder, digest, scopes, labels, expires_at, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [identifier, holder, digest, list(scopes), Jsonb(dict(labels)), expires_at, actor.name],
        )
        runs.audit(connection, None, actor.name, "make key", f"{identifier} of {holder}")
        return _one(connection, identifier)


def find(identifier: str) -> tuple[ApiKey, bytes] | None:
    """A key and its digest, whether it works or not; that it was asked with is noted."""
    with transaction() as connection:
        row = connection.execute("SELECT digest FROM api_keys WHERE id = %s", [identifier]).fetchone()
        if row is None:
            return None
        found = _one(connection, identifier)
        if found.works:
            connection.execute(
                "UPDATE api_keys SET used_at = now() WHERE id = %s AND coalesce(used_at < now() - interval '5 minutes', true)", [identifier]
            )
        return found, bytes(row["digest"])


def listed() -> list[ApiKey]:
    """Every key, by holder, the newest first."""
    with transaction() as connection:
        return [ApiKey.of(row) for row in connection.execute(f"{_KEYS} ORDER BY holder, created_at DESC")]


def revoke(identifier: str, actor: Actor) -> ApiKey:
    """Ends a key; one that was ended stays so. ``InputError`` where there is none."""
    with transaction() as connection:
        ended = connection.execute(
            "UPDATE api_keys SET revoked_at = now(), revoked_by = %s WHERE id = %s AND revoked_at IS NULL", [actor.name, identifier]
        ).rowcount
        if not ended and connection.execute("SELECT FROM api_keys WHERE id = %s", [identifier]).fetchone() is None:
            raise InputError(f"there is no key {identifier[:40]!r}", "tenantry key list shows them", code="key.unknown")
        if ended:
            runs.audit(connection, None, actor.name, "revoke key", identifier)
        return _one(connection, identifier)


def _one(connection: psycopg.Connection[dict[str, Any]], identifier: str) -> ApiKey:
    row = connection.execute(f"{_KEYS} WHERE id = %s", [identifier]).fetchone()
    assert row is not None  # noqa: S101  # the caller has just seen it
    return ApiKey.of(row)
