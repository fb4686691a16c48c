"""Requests to the service that change something, by the name that whoever asks gave them: each is done once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tenantry.control.database import transaction

if TYPE_CHECKING:
    import psycopg

HELD: Final = timedelta(seconds=60)
"""How long a process may be at a request before another takes it on; no request takes as long."""
KEPT: Final = timedelta(days=2)
"""How long the answer to a request without a run is kept; of one with a run, as long as the run."""


How = Literal["mine", "answered", "underway", "other"]


@dataclass(frozen=True)
class Begun:
    """How a request stands. ``mine``: this process does it; ``answered``: it has ``status`` and ``answer``; ``underway``: another is at
    it; ``other``: the name was given to another body. ``run_id``: the run that it asked for, also where its process died then."""

    id: UUID
    how: How
    run_id: UUID | None = None
    status: int | None = None
    answer: Any = None


def begin(holder: str, route: str, name: str, digest: bytes) -> Begun:
    """Takes on a request, or says how it stands."""
    with transaction() as connection:
        row = connection.execute(
            """
            INSERT INTO api_requests AS r (id, holder, route, name, digest, held_until)
            VALUES (%(id)s, %(holder)s, %(route)s, %(name)s, %(digest)s, now() + %(held)s)
            ON CONFLICT (holder, route, name) DO UPDATE SET
                held_until = CASE WHEN r.status IS NULL AND r.held_until < now() AND r.digest = EXCLUDED.digest THEN EXCLUDED.held_until
                             ELSE r.held_until END
            RETURNING id, digest, run_id, status, answer, held_until = now() + %(held)s AS mine
            """,
            {"id": uuid4(), "holder": holder, "route": route, "name": name, "digest": digest, "held": HELD},
        ).fetchone()
        assert row is not None  # noqa: S101  # RETURNING after an upsert always has a row
        how: How = "underway"
        if bytes(row["digest"]) != digest:
            how = "other"
        elif row["status"] is not None:
            how = "answered"
        elif row["mine"]:
            how = "mine"
        return Begun(row["id"], how, row["run_id"], row["status"], row["answer"])


def note_run(connection: psycopg.Connection[dict[str, Any]], request_id: UUID, run_id: UUID) -> None:
    """Writes down, in the transaction that asks for the run, that the request asked for it."""
    connection.execute("UPDATE api_requests SET run_id = %s WHERE id = %s", [run_id, request_id])


def answer(request_id: UUID, status: int, body: Any) -> None:
    """Keeps the answer."""
    with transaction() as connection:
        connection.execute("UPDATE api_requests SET status = %s, answer = %s WHERE id = %s", [status, Jsonb(body), request_id])


def forget(request_id: UUID) -> None:
    """Lets a request be tried again: it came to nothing, by a cause that passes. One that has asked for a run stays; anybody may answer."""
    with transaction() as connection:
        gone = connection.execute("DELETE FROM api_requests WHERE id = %s AND run_id IS NULL AND status IS NULL", [request_id]).rowcount
        if not gone:
            # A moment ago: the statement after this one may be of the same moment.
            connection.execute(
                "UPDATE api_requests SET held_until = now() - interval '1 second' WHERE id = %s AND status IS NULL", [request_id]
            )


def purge() -> int:
    """Forgets the answers to requests without a run that are older than ``KEPT``; how many."""
    with transaction() as connection:
        return connection.execute("DELETE FROM api_requests WHERE run_id IS NULL AND created_at < now() - %s", [KEPT]).rowcount
