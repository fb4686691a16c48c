"""The outbox in the control database: e-mails that were caused, and what became of each.

A row is written in the transaction that causes the mail, and is sent later (``tenantry.operations.mailing``). The event's ``key`` makes
it one mail however often the cause is repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.declaration.keys import TEMPLATES
from tenantry.escape import journalled

if TYPE_CHECKING:
    import psycopg

DERIVED: Final = frozenset({"invitation_url", "next_url", "reset_url"})
"""Placeholders that hold a token: derived when the mail is sent, refused in a row."""

STATES: Final = ("queued", "sent", "failed", "cancelled", "bounced")
"""What a mail can be."""

MAX_TRIES: Final = 25
"""With ``wait_after`` about three days; then a mail that is still refused for a passing cause has failed."""

MAX_UNANSWERED: Final = 2
"""How often a mail is handed over without an answer that could be noted, before a person has to decide."""


@dataclass(frozen=True)
class Entry:
    """One mail as it is claimed for sending. ``unanswered`` counts earlier attempts of which nobody knows how they ended."""

    tenant_id: UUID
    id: UUID
    kind: str
    recipient: str
    parameters: Mapping[str, str]
    tries: int
    attempts: int
    unanswered: int
    slug: str
    tenant_state: str
    clone: bool


def add(
    connection: psycopg.Connection[dict[str, Any]],
    tenant_id: UUID | str,
    kind: str,
    recipient: str,
    parameters: Mapping[str, str],
    key: str,
    *,
    not_before: datetime | None = None,
) -> UUID:
    """Queues a mail in the caller's transaction (``database.transaction()``); its id, also when the event ``key`` queued it before.

    ``kind`` is a key of ``email_templates``; ``parameters`` fill its placeholders (``user_name`` at least; the tenant's own values are put
    in when it is sent). ``ValueError`` for an unknown kind, an unknown placeholder or one that would hold a token.
    """
    template = TEMPLATES.get(kind)
    if template is None:
        raise ValueError(f"there is no e-mail {kind!r}")
    if secret := DERIVED & parameters.keys():
        raise ValueError(f"{', '.join(sorted(secret))} holds a token, which is derived when the mail is sent")
    if foreign := parameters.keys() - template.allowed - {"invitation_id"}:
        raise ValueError(f"{kind} has no placeholder {', '.join(sorted(foreign))}")
    # DO UPDATE without a change: DO NOTHING would not return the id of the row that is there.
    row = connection.execute(
        """
        INSERT INTO outbox (tenant_id, kind, key, recipient, parameters, not_before)
        VALUES (%s, %s, %s, %s, %s, coalesce(%s, now()))
        ON CONFLICT (tenant_id, key) DO UPDATE SET key = EXCLUDED.key RETURNING id
        """,
        [tenant_id, kind, key, recipient, Jsonb(dict(parameters)), not_before],
    ).fetchone()
    assert row is not None  # noqa: S101  # an INSERT … RETURNING that did not raise
    return UUID(str(row["id"]))


def cancel(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | str, cause: str, *, key_prefix: str = "") -> int:
    """Cancels what the tenant has queued (keys beginning with ``key_prefix``) in the caller's transaction; how many.

    A mail that is being handed over at this moment is left to its sender, which looks at the tenant's state before every attempt.
    """
    return connection.execute(
        """
        UPDATE outbox SET state = 'cancelled', cause = %s, finished_at = now()
        WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM outbox WHERE tenant_id = %s AND state = 'queued' AND starts_with(key, %s)
                                  FOR NO KEY UPDATE SKIP LOCKED)
        """,
        [cause, tenant_id, key_prefix],
    ).rowcount


def forget(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | str) -> int:
    """Removes all of a tenant's mail, sent or not, in the caller's transaction; how many."""
    return connection.execute("DELETE FROM outbox WHERE tenant_id = %s", [tenant_id]).rowcount


@contextmanager
def claimed(
    connection: psycopg.Connection[dict[str, Any]], *, ids: Collection[UUID] | None, done: Collection[UUID]
) -> Iterator[Entry | None]:
    """The next mail that is due (of ``ids``; not of ``done``), kept from other senders until the transaction ends; None: there is none.

    The lock is the claim: a sender that dies loses it with its connection.
    """
    row = connection.execute(
        """
        SELECT o.tenant_id, o.id, o.kind, o.recipient, o.parameters, o.tries,
               t.slug, t.state AS tenant_state, t.labels ? 'clone-of' AS clone
        FROM outbox o JOIN tenants t ON t.id = o.tenant_id
        WHERE o.state = 'queued' AND o.not_before <= now() AND (%(ids)s::uuid[] IS NULL OR o.id = ANY(%(ids)s)) AND NOT o.id = ANY(%(done)s)
        ORDER BY o.not_before, o.created_at LIMIT 1
        FOR NO KEY UPDATE OF o SKIP LOCKED
        """,
        {"ids": None if ids is None else list(ids), "done": list(done)},
    ).fetchone()
    if row is None:
        yield None
        return
    # Asked after the lock was taken, so that the last sender's attempt is seen.
    count = connection.execute(
        "SELECT coalesce(max(number), 0) AS attempts, count(*) FILTER (WHERE ended_at IS NULL) AS unanswered"
        " FROM outbox_attempts WHERE tenant_id = %s AND outbox_id = %s",
        [row["tenant_id"], row["id"]],
    ).fetchone()
    yield Entry(**row, **(count or {}))


def begin_attempt(connection: psycopg.Connection[dict[str, Any]], entry: Entry) -> None:
    """Notes that the mail's text is about to be handed over. On another connection than the claim's, and committed at once."""
    connection.execute(
        "INSERT INTO outbox_attempts (tenant_id, outbox_id, number) VALUES (%s, %s, %s)", [entry.tenant_id, entry.id, entry.attempts + 1]
    )


def end_attempt(connection: psycopg.Connection[dict[str, Any]], entry: Entry, outcome: str | None, answer: str) -> None:
    """Notes how the attempt ended, in the claim's transaction; ``outcome`` None: nobody knows, and the attempt stays without an end."""
    connection.execute(
        """
        INSERT INTO outbox_attempts (tenant_id, outbox_id, number, ended_at, outcome, answer)
        VALUES (%(tenant)s, %(id)s, %(number)s, CASE WHEN %(outcome)s::text IS NOT NULL THEN clock_timestamp() END, %(outcome)s, %(answer)s)
        ON CONFLICT (tenant_id, outbox_id, number) DO UPDATE
            SET ended_at = EXCLUDED.ended_at, outcome = EXCLUDED.outcome, answer = EXCLUDED.answer
        """,
        {"tenant": entry.tenant_id, "id": entry.id, "number": entry.attempts + 1, "outcome": outcome, "answer": _noted(answer)},
    )


def finish(connection: psycopg.Connection[dict[str, Any]], entry: Entry, state: str, cause: str | None = None) -> None:
    """Ends a claimed mail as ``sent``, ``failed`` or ``cancelled``."""
    connection.execute(
        "UPDATE outbox SET state = %s, cause = %s, tries = tries + 1, finished_at = clock_timestamp() WHERE tenant_id = %s AND id = %s",
        [state, _noted(cause), entry.tenant_id, entry.id],
    )


def defer(connection: psycopg.Connection[dict[str, Any]], entry: Entry, cause: str) -> None:
    """Lets a claimed mail wait, longer after every try; after ``MAX_TRIES`` it has failed."""
    if entry.tries + 1 >= MAX_TRIES:
        finish(connection, entry, "failed", f"given up after {MAX_TRIES} tries; the last: {cause}")
        return
    connection.execute(
        "UPDATE outbox SET tries = tries + 1, cause = %s, not_before = clock_timestamp() + %s WHERE tenant_id = %s AND id = %s",
        [_noted(cause), wait_after(entry.tries + 1), entry.tenant_id, entry.id],
    )


def hold(connection: psycopg.Connection[dict[str, Any]], entry: Entry, cause: str) -> None:
    """Lets a claimed mail wait for a server that cannot be reached: a quarter of an hour at most, and for as long as that takes."""
    wait = min(wait_after(entry.attempts + 1), timedelta(minutes=15))
    connection.execute(
        "UPDATE outbox SET cause = %s, not_before = clock_timestamp() + %s WHERE tenant_id = %s AND id = %s",
        [_noted(cause), wait, entry.tenant_id, entry.id],
    )


def _noted(text: str | None) -> str | None:
    return (journalled(text) or "")[:1000] or None


def wait_after(tries: int) -> timedelta:
    """How long a mail waits after its n-th try: one minute, doubled each time, four hours at most."""
    return min(timedelta(minutes=2 ** min(tries - 1, 10)), timedelta(hours=4))


def entries(
    connection: psycopg.Connection[dict[str, Any]],
    *,
    slug: str | None = None,
    states: Sequence[str] | None = None,
    ids: Collection[UUID] | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Mails with their tenant's slug, newest first; ``handed_over`` counts how often the text went to a server."""
    return connection.execute(
        """
        SELECT t.slug, o.id, o.kind, o.recipient, o.state, o.not_before, o.tries, o.cause, o.created_at, o.finished_at, o.parameters, o.key,
               (SELECT count(*) FROM outbox_attempts a WHERE (a.tenant_id, a.outbox_id) = (o.tenant_id, o.id)
                AND (a.ended_at IS NULL OR a.outcome IN ('sent', 'unknown'))) AS handed_over
        FROM outbox o JOIN tenants t ON t.id = o.tenant_id
        WHERE (%(slug)s::text IS NULL OR t.slug = %(slug)s) AND (%(states)s::text[] IS NULL OR o.state = ANY(%(states)s))
          AND (%(ids)s::uuid[] IS NULL OR o.id = ANY(%(ids)s))
        ORDER BY o.created_at DESC, o.not_before DESC LIMIT %(limit)s
        """,
        {"slug": slug, "states": states, "ids": None if ids is None else list(ids), "limit": limit},
    ).fetchall()


def beginning(connection: psycopg.Connection[dict[str, Any]], prefix: str) -> list[UUID]:
    """The ids of mails that begin so: of more than two only two."""
    rows = connection.execute("SELECT id FROM outbox WHERE starts_with(id::text, %s) LIMIT 2", [prefix.lower()])
    return [row["id"] for row in rows]


def attempts(connection: psycopg.Connection[dict[str, Any]], mail_id: UUID) -> list[dict[str, Any]]:
    """Every attempt to send the mail, oldest first; one without an end is of a sender that died or was cut off."""
    return connection.execute(
        "SELECT number, begun_at, ended_at, outcome, answer FROM outbox_attempts WHERE outbox_id = %s ORDER BY number", [mail_id]
    ).fetchall()


def bounced(connection: psycopg.Connection[dict[str, Any]], mail_id: UUID, cause: str) -> bool:
    """Notes that a mail which was sent came back for good; whether there is such a mail."""
    row = connection.execute(
        "UPDATE outbox SET state = 'bounced', cause = %s WHERE id = %s AND state IN ('sent', 'failed', 'bounced') RETURNING id",
        [_noted(cause), mail_id],
    ).fetchone()
    return row is not None


def dead_address(connection: psycopg.Connection[dict[str, Any]], entry: Entry) -> str | None:
    """Why an earlier mail of the tenant to this recipient came back, where the address itself was at fault (RFC 3463: X.1.X)."""
    row = connection.execute(
        "SELECT cause FROM outbox WHERE tenant_id = %s AND recipient = %s AND state = 'bounced' AND starts_with(cause, '5.1.')"
        " AND id <> %s AND finished_at > now() - interval '90 days' LIMIT 1",
        [entry.tenant_id, entry.recipient, entry.id],
    ).fetchone()
    return str(row["cause"]) if row else None


def requeue(connection: psycopg.Connection[dict[str, Any]], ids: Collection[UUID]) -> list[UUID]:
    """Queues mails that failed, bounced, were cancelled or wait, for now; the ids of those that were. What was sent is not sent again."""
    # tries is not 0 again: someone asked for this mail, so an earlier one's bounce does not stop it.
    rows = connection.execute(
        "UPDATE outbox SET state = 'queued', not_before = now(), tries = 1, cause = NULL, finished_at = NULL"
        " WHERE id = ANY(%s) AND state <> 'sent' RETURNING id",
        [list(ids)],
    ).fetchall()
    found = [UUID(str(row["id"])) for row in rows]
    connection.execute(
        "UPDATE outbox_attempts SET ended_at = now(), outcome = 'unknown' WHERE outbox_id = ANY(%s) AND ended_at IS NULL", [found]
    )
    return found
