"""The keys of the service's API: what is kept of them, and which of them work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.errors import InputError

LIVE: Final = 2
"""Keys of one holder that work at a time: the old one and the one that follows it."""

_WORKS: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
_COLUMNS: Final = f"id, holder, scopes, labels, created_at, created_by, expires_at, revoked_at, revoked_by, used_at, ({_WORKS}) AS works"


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
    with transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('api key of ' || %s, 0))", [holder])
        live = connection.execute(f"SELECT id FROM api_keys WHERE holder = %s AND {_WORKS} ORDER BY created_at", [holder]).fetchall()
        if len(live) >= LIVE:
            raise InputError(
                f"{holder} has {len(live)} keys that work: {', '.join(row['id'] for row in live)}",
                f"tenantry key revoke {live[0]['id']}, once nothing asks with it any more",
                code="key.excess",
            )
        row = connection.execute(
            "INSERT INTO api_keys (id, holder, digest, scopes, labels, expires_at, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s)"
            f" RETURNING {_COLUMNS}",
            [identifier, holder, digest, list(scopes), Jsonb(dict(labels)), expires_at, actor.name],
        ).fetchone()
        assert row is not None  # noqa: S101  # an INSERT … RETURNING that did not raise
        runs.audit(connection, None, actor.name, "make key", f"{identifier} of {holder}")
        return ApiKey.of(row)


def find(identifier: str) -> tuple[ApiKey, bytes] | None:
    """A key and its digest, whether it works or not; that it was asked with is noted."""
    with transaction() as connection:
        row = connection.execute(f"SELECT {_COLUMNS}, digest FROM api_keys WHERE id = %s", [identifier]).fetchone()
        if row is None:
            return None
        connection.execute(
            f"UPDATE api_keys SET used_at = now() WHERE id = %s AND {_WORKS} AND coalesce(used_at < now() - interval '5 minutes', true)",
            [identifier],
        )
        digest = row.pop("digest")
        return ApiKey.of(row), bytes(digest)


def listed() -> list[ApiKey]:
    """Every key, by holder, the newest first."""
    with transaction() as connection:
        return [ApiKey.of(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM api_keys ORDER BY holder, created_at DESC")]


def revoke(identifier: str, actor: Actor) -> ApiKey:
    """Ends a key; one that was ended stays so. ``InputError`` where there is none."""
    with transaction() as connection:
        row = connection.execute(
            "UPDATE api_keys SET revoked_by = CASE WHEN revoked_at IS NULL THEN %s ELSE revoked_by END,"
            f" revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING {_COLUMNS}",
            [actor.name, identifier],
        ).fetchone()
        if row is None:
            raise InputError(f"there is no key {identifier[:40]!r}", "tenantry key list shows them", code="key.unknown")
        runs.audit(connection, None, actor.name, "revoke key", identifier)
        return ApiKey.of(row)
