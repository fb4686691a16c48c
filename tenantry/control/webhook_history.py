"""What was and will be sent to endpoints of webhooks: looked at, sent once more, tried out, and forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.control.webhook_deliveries import TEST
from tenantry.errors import InputError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint, or there. ``sequence`` None: a test."""

    event: UUID
    type: str
    at: datetime
    tenant: str | None
    """The slug."""
    data: Mapping[str, Any]
    sequence: int | None
    state: str
    tries: int
    status: int | None
    """Of the last answer."""
    cause: str | None
    tried_at: datetime | None
    finished_at: datetime | None


def try_out(connection: psycopg.Connection[dict[str, Any]], endpoint: UUID) -> UUID:
    """Writes a test event for one endpoint, which is sent at once whatever waits, in the caller's transaction; its id."""
    row = connection.execute(
        "INSERT INTO webhook_events (type, scope, data, divided_at) VALUES (%s, '', %s, now()) RETURNING id", [TEST, Jsonb({})]
    ).fetchone()
    assert row is not None  # noqa: S101  # an INSERT … RETURNING that did not raise
    connection.execute("INSERT INTO webhook_deliveries (endpoint, event, apart) VALUES (%s, %s, true)", [endpoint, row["id"]])
    return UUID(str(row["id"]))


def again(connection: psycopg.Connection[dict[str, Any]], endpoint: UUID, event: UUID, labels: Mapping[str, str]) -> None:
    """Lets a delivery be made once more under its id, in the caller's transaction; one that waits in the order is tried at once.

    ``InputError`` where the endpoint never had it, or the tenant is none of those that carry ``labels``.
    """
    row = connection.execute(
        """
        UPDATE webhook_deliveries d SET
            state = 'queued', finished_at = NULL, not_before = now(), tries = CASE WHEN state = 'queued' THEN d.tries ELSE 0 END,
            apart = d.apart OR state <> 'queued'
        FROM webhook_events v
        WHERE d.endpoint = %s AND d.event = %s AND v.id = d.event
          AND (v.tenant IS NULL OR EXISTS (SELECT FROM tenants t WHERE t.id = v.tenant AND %s <@ t.labels))
        RETURNING d.apart
        """,
        [endpoint, event, Jsonb(dict(labels))],
    ).fetchone()
    if row is None:
        raise _unknown(endpoint, event)
    if not row["apart"]:
        connection.execute("UPDATE webhook_endpoints SET not_before = now() WHERE id = %s", [endpoint])


def skip(connection: psycopg.Connection[dict[str, Any]], endpoint: UUID, event: UUID, labels: Mapping[str, str], actor: Actor) -> int:
    """Lets the endpoint's order go on without the event that blocks it, in the caller's transaction, which has locked the endpoint; its
    place. What is under way counts for nothing.

    ``InputError`` where the endpoint never had it, the tenant is none of those that carry ``labels``, or it does not block the order.
    """
    row = connection.execute(
        """
        SELECT d.state = 'queued' AND NOT d.apart AND d.sequence = (
            SELECT min(sequence) FROM webhook_deliveries f WHERE f.endpoint = d.endpoint AND f.state = 'queued' AND NOT f.apart
        ) AS first, d.sequence
        FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event
        WHERE d.endpoint = %s AND d.event = %s
          AND (v.tenant IS NULL OR EXISTS (SELECT FROM tenants t WHERE t.id = v.tenant AND %s <@ t.labels))
        """,
        [endpoint, event, Jsonb(dict(labels))],
    ).fetchone()
    if row is None:
        raise _unknown(endpoint, event)
    if not row["first"]:
        raise InputError(
            f"the event {event} does not block the order of this webhook",
            f"tenantry webhook deliveries {endpoint} --state queued: the first one does", code="delivery.settled",
        )  # fmt: skip
    connection.execute(
        "UPDATE webhook_deliveries SET state = 'skipped', finished_at = clock_timestamp() WHERE endpoint = %s AND event = %s",
        [endpoint, event],
    )
    connection.execute(
        "UPDATE webhook_endpoints SET tries = 0, not_before = now(), claim = NULL, claimed_until = NULL WHERE id = %s", [endpoint]
    )
    runs.audit(connection, None, actor.name, "skip event", f"{event}, place {row['sequence']} of webhook {endpoint}")
    return int(row["sequence"])


def _unknown(endpoint: UUID, event: UUID) -> InputError:
    return InputError(
        f"no event {event} was meant for this webhook", f"tenantry webhook deliveries {endpoint} shows them", code="delivery.unknown"
    )


def listed(
    endpoint: UUID, labels: Mapping[str, str], *, state: str | None = None, event: UUID | None = None, limit: int = 50
) -> list[Delivery]:
    """Deliveries to the endpoint of tenants that carry ``labels``, the newest first."""
    with transaction() as connection:
        rows = connection.execute(
            """
            SELECT d.event, v.type, v.at, t.slug AS tenant, v.data, d.sequence,
                   d.state, d.tries, d.status, d.cause, d.tried_at, d.finished_at
            FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event LEFT JOIN tenants t ON t.id = v.tenant
            WHERE d.endpoint = %(endpoint)s AND (v.tenant IS NULL OR %(labels)s <@ t.labels)
              AND (%(state)s::text IS NULL OR d.state = %(state)s) AND (%(event)s::uuid IS NULL OR d.event = %(event)s)
            ORDER BY v.number DESC LIMIT %(limit)s
            """,
            {"endpoint": endpoint, "labels": Jsonb(dict(labels)), "state": state, "event": event, "limit": limit},
        )
        return [Delivery(**row) for row in rows]


def purge(age: timedelta) -> int:
    """Forgets events that are older than ``age``, delivered or not; how many."""
    with transaction() as connection:
        return connection.execute("DELETE FROM webhook_events WHERE divided_at IS NOT NULL AND at < now() - %s", [age]).rowcount
