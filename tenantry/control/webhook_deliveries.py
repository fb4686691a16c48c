"""Events on their way to endpoints: divided among them in order, claimed, and settled by whoever claimed and sent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from tenantry.control import webhooks
from tenantry.control.database import transaction
from tenantry.escape import journalled

if TYPE_CHECKING:
    import psycopg

STATES: Final = ("queued", "delivered", "failed", "withheld", "skipped")
"""What a delivery can be. ``failed``: one apart that was given up; ``withheld``: its holder does not see the tenant any more; ``skipped``:
it blocked the order, and somebody let what follows go on without it."""
TEST: Final = "webhook.test"
LEASE: Final = timedelta(seconds=60)
"""How long a claim holds: longer than a request can take. What a killed process had claimed is free after that."""
AT_ONCE: Final = 4
"""Requests to one holder's endpoints at a time, whichever process sends them: he does not keep others waiting."""
GIVEN_UP: Final = timedelta(days=3)
"""How long an endpoint may fail without one success before it is disabled."""
GONE: Final = 410
"""The status by which a receiver says that it does not want to be asked any more."""
SOONEST: Final = timedelta(seconds=5)
LATEST: Final = timedelta(hours=1)
"""How long the next attempt waits at least and at most, also where the receiver says when (Retry-After)."""
AGAIN: Final = 5
"""Attempts at what is sent once more, outside of the order; a test has one."""
BATCH: Final = 500
"""Events that are divided in one transaction."""


@dataclass(frozen=True)
class Claimed:
    """One delivery that this process has to attempt now."""

    claim: UUID
    endpoint: UUID
    url: str
    secrets: tuple[str, ...]
    event: UUID
    type: str
    at: datetime
    tenant: UUID | None
    slug: str | None
    data: Mapping[str, Any]
    sequence: int | None
    apart: bool
    tries: int
    """Attempts before this one: of the endpoint's order, or of what stands apart."""


def divide() -> int:
    """Gives each event that was written since to the endpoints that may have it, in order; how many events."""
    with transaction() as connection:
        # No SKIP LOCKED: who comes second waits, and goes on behind what the first one took. What one transaction caused stays together,
        # and what was caused by something has a higher number than that.
        return connection.execute(
            """
            WITH taken AS (
                SELECT id, number, at, tenant, type, scope FROM webhook_events WHERE divided_at IS NULL
                ORDER BY number LIMIT %s FOR UPDATE
            ), matched AS (
                SELECT e.id AS endpoint, t.id AS event, row_number() OVER (PARTITION BY e.id ORDER BY t.number) AS place
                FROM taken t JOIN webhook_endpoints e ON e.created_at <= t.at AND (e.events = '{}' OR t.type = ANY (e.events))
                WHERE webhook_sees(e.holder, e.labels, t.tenant, t.scope)
            ), counted AS (
                UPDATE webhook_endpoints e SET sequence = e.sequence + m.places
                FROM (SELECT endpoint, count(*) AS places FROM matched GROUP BY endpoint) m WHERE e.id = m.endpoint
                RETURNING e.id, e.sequence - m.places AS before
            ), given AS (
                INSERT INTO webhook_deliveries (endpoint, event, sequence)
                SELECT m.endpoint, m.event, c.before + m.place FROM matched m JOIN counted c ON c.id = m.endpoint
            )
            UPDATE webhook_events SET divided_at = clock_timestamp() WHERE id IN (SELECT id FROM taken)
            """,
            [BATCH],
        ).rowcount


def claim() -> Claimed | None:
    """What is due and nobody is at, of the endpoint that has waited longest; None: nothing is."""
    while True:
        with transaction() as connection:
            endpoint = connection.execute(_DUE, {"most": AT_ONCE}).fetchone()
            if endpoint is None:
                return None
            found = _first(connection, endpoint)
            if found is not None:
                connection.execute(
                    "UPDATE webhook_endpoints SET claim = %s, claimed_until = clock_timestamp() + %s, served_at = clock_timestamp()"
                    " WHERE id = %s",
                    [found.claim, LEASE, found.endpoint],
                )
                return found


_DUE: Final = """
    SELECT e.id, e.url, e.state, e.tries, e.secret, CASE WHEN e.former_until > now() THEN e.former END AS former,
           e.state = 'active' AND e.not_before <= now() AS ordered
    FROM webhook_endpoints e
    WHERE (e.claimed_until IS NULL OR e.claimed_until <= now())
      AND (EXISTS (SELECT FROM webhook_deliveries d
                   WHERE d.endpoint = e.id AND d.state = 'queued' AND d.apart AND d.not_before <= now())
           OR e.state = 'active' AND e.not_before <= now()
              AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint = e.id AND d.state = 'queued' AND NOT d.apart))
      -- While no key of the holder's works, what is his waits.
      AND EXISTS (SELECT FROM api_keys k WHERE k.holder = e.holder AND k.revoked_at IS NULL
                  AND (k.expires_at IS NULL OR k.expires_at > now()))
      AND (SELECT count(*) FROM webhook_endpoints o WHERE o.holder = e.holder AND o.claimed_until > now()) < %(most)s
    ORDER BY e.served_at NULLS FIRST LIMIT 1
    FOR NO KEY UPDATE OF e SKIP LOCKED
"""


def _first(connection: psycopg.Connection[dict[str, Any]], endpoint: Mapping[str, Any]) -> Claimed | None:
    """What the endpoint gets next; what it may not have any more is withheld."""
    while True:
        row = connection.execute(
            """
            SELECT d.event, d.sequence, d.apart, d.tries, v.type, v.at, v.tenant, v.data, t.slug,
                   v.tenant IS NULL OR webhook_sees(e.holder, e.labels, v.tenant, v.scope) AS seen
            FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event JOIN webhook_endpoints e ON e.id = d.endpoint
            LEFT JOIN tenants t ON t.id = v.tenant
            WHERE d.endpoint = %(id)s AND d.state = 'queued' AND (d.apart AND d.not_before <= now() OR NOT d.apart AND %(ordered)s)
            ORDER BY d.apart DESC, d.sequence LIMIT 1
            """,
            {"id": endpoint["id"], "ordered": endpoint["ordered"]},
        ).fetchone()
        if row is None:
            return None
        if row["seen"]:
            break
        connection.execute(
            "UPDATE webhook_deliveries SET state = 'withheld', cause = %s, finished_at = clock_timestamp()"
            " WHERE endpoint = %s AND event = %s",
            ["no key of the holder's sees the tenant any more", endpoint["id"], row["event"]],
        )
    names = [name for name in (endpoint["secret"], endpoint["former"]) if name is not None]
    return Claimed(
        uuid4(),
        endpoint["id"],
        endpoint["url"],
        tuple(webhooks.secret(endpoint["id"], name) for name in names),
        row["event"],
        row["type"],
        row["at"],
        row["tenant"],
        row["slug"],
        row["data"],
        row["sequence"],
        row["apart"],
        row["tries"] if row["apart"] else endpoint["tries"],
    )


def settle(claimed: Claimed, status: int | None, cause: str, retry_after: float | None = None) -> str | None:
    """Notes how the attempt ended, and lets go of the endpoint; the delivery's state. ``cause`` empty: it was taken. ``retry_after``: the
    seconds after which the receiver wants to be asked again. None: whoever attempted it had taken longer than its claim held, and another
    is at it; or the endpoint was edited meanwhile."""
    with transaction() as connection:
        mine = connection.execute(
            "UPDATE webhook_endpoints SET claim = NULL, claimed_until = NULL WHERE id = %s AND claim = %s",
            [claimed.endpoint, claimed.claim],
        ).rowcount
        if not mine:
            return None
        state = "queued" if cause else "delivered"
        if cause and claimed.apart and (claimed.type == TEST or claimed.tries + 1 >= AGAIN):
            state = "failed"
        pause = _pause(claimed.tries + 1, retry_after)
        connection.execute(
            """
            UPDATE webhook_deliveries SET state = %(state)s, tries = tries + 1, status = %(status)s, cause = %(cause)s,
                tried_at = clock_timestamp(), finished_at = CASE WHEN %(state)s <> 'queued' THEN clock_timestamp() END,
                not_before = clock_timestamp() + %(wait)s * (1 + (random() - %(early)s) * %(spread)s)
            WHERE endpoint = %(endpoint)s AND event = %(event)s
            """,
            {
                "state": state,
                "status": status,
                "cause": _noted(cause),
                **pause,
                "endpoint": claimed.endpoint,
                "event": claimed.event,
            },
        )
        if not cause:
            _went_well(connection, claimed)
        elif not claimed.apart or status == GONE:
            _failed(connection, claimed, status, cause, pause)
        return state


def _went_well(connection: psycopg.Connection[dict[str, Any]], claimed: Claimed) -> None:
    """What was sent apart says nothing of the order, but that a disabled endpoint answers to a test."""
    if not claimed.apart or claimed.type == TEST:
        connection.execute(
            "UPDATE webhook_endpoints SET state = 'active', tries = 0, not_before = now(), failing_since = NULL, cause = NULL,"
            " disabled_at = NULL, told_at = NULL WHERE id = %s",
            [claimed.endpoint],
        )


def _failed(
    connection: psycopg.Connection[dict[str, Any]], claimed: Claimed, status: int | None, cause: str, pause: Mapping[str, Any]
) -> None:
    """The order waits, longer each time. An endpoint that says that it is gone, or fails for too long, is disabled."""
    connection.execute(
        """
        UPDATE webhook_endpoints SET tries = tries + 1, cause = %(cause)s, failing_since = coalesce(failing_since, now()),
            not_before = clock_timestamp() + %(wait)s * (1 + (random() - %(early)s) * %(spread)s),
            state = CASE WHEN %(gone)s OR now() - failing_since >= %(long)s THEN 'disabled' ELSE state END,
            disabled_at = CASE WHEN %(gone)s OR now() - failing_since >= %(long)s THEN now() END
        WHERE id = %(id)s
        """,
        {
            "id": claimed.endpoint,
            "cause": _noted(cause),
            **pause,
            "gone": status == GONE,
            "long": GIVEN_UP,
        },
    )


def _pause(tries: int, retry_after: float | None) -> Mapping[str, Any]:
    """How long the next attempt waits: a receiver that says when gets its will, within bounds, and never earlier."""
    if retry_after is None:
        return {"wait": wait_after(tries), "early": 0.5, "spread": 0.5}
    return {"wait": min(max(timedelta(seconds=retry_after), SOONEST), LATEST), "early": 0, "spread": 0.25}


def wait_after(tries: int) -> timedelta:
    """How long it is waited after the n-th attempt, but for a quarter more or less: 5 seconds, doubled each time, an hour at most."""
    return min(SOONEST * (1 << min(tries - 1, 12)), LATEST)


def _noted(text: str) -> str | None:
    return (journalled(text) or "")[:300] or None
