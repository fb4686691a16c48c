"""Endpoints of webhooks: where holders of keys want to be told what happens to their tenants. Their secrets are derived, not stored.

A call that is given no connection is one transaction.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control import keys, runs
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.postgres import locks

if TYPE_CHECKING:
    import psycopg

MOST: Final = 10
"""Endpoints of one holder."""
OVERLAP: Final = timedelta(hours=24)
"""How long a secret signs beside the one that follows it."""

_COLUMNS: Final = (
    "id, holder, url, events, labels, contact, description, state, sequence, cause, failing_since, disabled_at, created_at, created_by,"
    " CASE WHEN former_until > now() THEN former_until END AS former_until"
)
_ENDPOINTS: Final = f"SELECT {_COLUMNS} FROM webhook_endpoints"  # noqa: S608  # constants of ours


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, without its secrets. ``events``: none is all of them. ``labels``: its tenants are those that carry all of them."""

    id: UUID
    holder: str
    url: str
    events: tuple[str, ...]
    labels: Mapping[str, str]
    contact: str
    description: str
    state: str
    """``active``; ``untested``: it has another address, and has not taken a test there yet; or ``disabled``."""
    sequence: int
    """The last place in its order that was given away."""
    cause: str | None
    """Why the last attempt in its order failed."""
    failing_since: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    former_until: datetime | None
    """Until when the secret before this one signs as well; None: there is one secret."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Endpoint:
        """An endpoint as its row says it."""
        return cls(**{**row, "events": tuple(row["events"])})


def secret(endpoint: UUID, name: UUID) -> str:
    """The secret of that name, as `whsec_…`: the same whenever it is asked for."""
    derived = base64.urlsafe_b64decode(keys.derived("webhook", f"{endpoint}:{name}") + "=")
    return "whsec_" + base64.b64encode(derived).decode()


def add(
    holder: str, url: str, events: Sequence[str], labels: Mapping[str, str], contact: str, description: str, actor: Actor
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret. ``InputError`` where the holder has as many as may be."""
    with locks.held("webhooks", wait=locks.TURN), transaction() as connection:
        row = connection.execute("SELECT count(*) AS n FROM webhook_endpoints WHERE holder = %s", [holder]).fetchone()
        if row is None or row["n"] >= MOST:
            raise InputError(f"{holder} has {MOST} endpoints", "tenantry webhook remove ID ends one", code="webhook.excess")
        made = connection.execute(
            "INSERT INTO webhook_endpoints (holder, url, events, labels, contact, description, created_by)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id, secret",
            [holder, url, list(events), Jsonb(dict(labels)), contact, description, actor.name],
        ).fetchone()
        assert made is not None  # noqa: S101  # an INSERT … RETURNING that did not raise
        runs.audit(connection, None, actor.name, "make webhook", f"{made['id']} of {holder}")
        return one(connection, made["id"]), secret(made["id"], made["secret"])


def one(connection: psycopg.Connection[dict[str, Any]], identifier: UUID, *, lock: bool = False) -> Endpoint:
    """One endpoint, in the caller's transaction; ``lock``: it stays as it is until that ends. ``InputError`` where there is none."""
    row = connection.execute(f"{_ENDPOINTS} WHERE id = %s" + (" FOR NO KEY UPDATE" if lock else ""), [identifier]).fetchone()
    if row is None:
        raise InputError(f"there is no webhook {identifier}", "tenantry webhook list shows them", code="webhook.unknown")
    return Endpoint.of(row)


def listed(holder: str | None = None) -> list[Endpoint]:
    """Every endpoint, or one holder's: by holder, the oldest first."""
    with transaction() as connection:
        rows = connection.execute(f"{_ENDPOINTS} WHERE %s::text IS NULL OR holder = %s ORDER BY holder, created_at, id", [holder, holder])
        return [Endpoint.of(row) for row in rows]


def beginning(prefix: str) -> list[UUID]:
    """The ids of endpoints that begin so: of more than two only two."""
    with transaction() as connection:
        rows = connection.execute("SELECT id FROM webhook_endpoints WHERE starts_with(id::text, %s) LIMIT 2", [prefix.lower()])
        return [row["id"] for row in rows]


def change(connection: psycopg.Connection[dict[str, Any]], changed: Endpoint, *, moved: bool, actor: Actor) -> Endpoint:
    """Lets the endpoint be told of what ``changed`` says, in the caller's transaction, which has locked it. ``moved``: it has another
    address. Then what is under way to the former one counts for nothing, and nothing of the order is sent until a test was taken."""
    given = {"id": changed.id, "url": changed.url, "events": list(changed.events), "contact": changed.contact, "said": changed.description}
    connection.execute(
        "UPDATE webhook_endpoints SET url = %(url)s, events = %(events)s, contact = %(contact)s, description = %(said)s WHERE id = %(id)s",
        given,
    )
    if moved:
        connection.execute(
            "UPDATE webhook_endpoints SET state = 'untested', tries = 0, not_before = now(), failing_since = NULL, cause = NULL,"
            " disabled_at = NULL, told_at = NULL, claim = NULL, claimed_until = NULL WHERE id = %(id)s",
            given,
        )
    runs.audit(connection, None, actor.name, "edit webhook", f"{changed.id} of {changed.holder}" + (", another address" if moved else ""))
    return one(connection, changed.id)


def rotate(identifier: UUID, actor: Actor, *, at_once: bool) -> tuple[Endpoint, str]:
    """Gives the endpoint another secret; the one before signs beside it for ``OVERLAP``, unless it has to end ``at_once``.

    ``InputError`` while there are two, unless both have to.
    """
    with transaction() as connection:
        endpoint = one(connection, identifier, lock=True)
        if endpoint.former_until is not None and not at_once:
            raise InputError(
                f"two secrets of the webhook sign until {endpoint.former_until:%Y-%m-%d %H:%M} UTC",
                f"wait until then; or end both of them: tenantry webhook rotate {identifier} --at-once",
                code="webhook.rotating",
            )
        row = connection.execute(
            "UPDATE webhook_endpoints SET former = CASE WHEN %(kept)s THEN secret END,"
            " former_until = CASE WHEN %(kept)s THEN now() + %(long)s END, secret = gen_random_uuid() WHERE id = %(id)s RETURNING secret",
            {"kept": not at_once, "long": OVERLAP, "id": identifier},
        ).fetchone()
        assert row is not None  # noqa: S101  # the row is locked
        runs.audit(connection, None, actor.name, "rotate webhook", str(identifier))
        return one(connection, identifier), secret(identifier, row["secret"])


def remove(identifier: UUID, actor: Actor) -> Endpoint:
    """Removes the endpoint, with what waits for it and what was sent to it."""
    with transaction() as connection:
        endpoint = one(connection, identifier, lock=True)
        connection.execute("DELETE FROM webhook_endpoints WHERE id = %s", [identifier])
        runs.audit(connection, None, actor.name, "remove webhook", f"{identifier} of {endpoint.holder}")
        return endpoint


def scopes_of(holder: str) -> tuple[frozenset[str], list[Mapping[str, str]]]:
    """What the holder's keys that work are for, together; and the labels of each, the newest first."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT scopes, labels FROM api_keys WHERE holder = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
            " ORDER BY created_at DESC",
            [holder],
        ).fetchall()
        return frozenset(scope for row in rows for scope in row["scopes"]), [row["labels"] for row in rows]


def unannounced(connection: psycopg.Connection[dict[str, Any]]) -> Endpoint | None:
    """A disabled endpoint whose contact does not know yet, kept from others until the caller's transaction ends; or None."""
    row = connection.execute(
        f"{_ENDPOINTS} WHERE state = 'disabled' AND told_at IS NULL ORDER BY disabled_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    ).fetchone()
    return Endpoint.of(row) if row else None


def announced(connection: psycopg.Connection[dict[str, Any]], identifier: UUID) -> None:
    """Notes that the contact was told, in the caller's transaction."""
    connection.execute("UPDATE webhook_endpoints SET told_at = clock_timestamp() WHERE id = %s", [identifier])
