"""Proposals in the control database: what was asked for, how far it has come, and whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tenantry.control.database import transaction
from tenantry.control.tenant_pages import Sight
from tenantry.errors import InputError

AT_IT: Final = timedelta(seconds=60)
"""How long somebody may be at a proposal before another takes it on: nobody is as long."""
_OPEN: Final = "(p.state IN ('pending', 'proposed') OR (p.state = 'merged' AND p.run_id IS NULL))"
_SHOWN: Final = "p.*, r.state AS run_state FROM proposals p LEFT JOIN runs r ON r.id = p.run_id"


@dataclass(frozen=True)
class Row:
    """One proposal."""

    id: UUID
    slug: str
    kind: str
    labels: Mapping[str, str]
    hosts: list[str]
    before: str | None
    content: str
    what: str
    actor: str
    via: str
    request_id: UUID | None
    state: str
    number: int | None
    link: str | None
    run_id: UUID | None
    cause: str | None
    tries: int
    not_before: datetime
    created_at: datetime
    decided_at: datetime | None
    run_state: str | None = None


def add(values: Mapping[str, Any]) -> Row:
    """Writes a proposal down, and takes it on. ``InputError`` where one of the tenant is under way already."""
    columns = ("id", "slug", "kind", "labels", "hosts", "before", "content", "what", "actor", "via", "request_id")
    given = {**values, "labels": Jsonb(dict(values["labels"])), "at_it": AT_IT}
    try:
        with transaction() as connection:
            row = connection.execute(
                f"INSERT INTO proposals ({', '.join(columns)}, not_before)"  # noqa: S608  # names of ours
                f" VALUES ({', '.join(f'%({name})s' for name in columns)}, now() + %(at_it)s) RETURNING *",
                given,
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise under_way(values["slug"]) from None
    assert row is not None  # noqa: S101  # RETURNING
    return Row(**row)


def under_way(slug: str) -> InputError:
    """What whoever comes second is told."""
    return InputError(f"a change of {slug} is proposed already", "GET /v1/proposals shows it; wait for its decision", code="proposal.open")


def taken(slug: str, hosts: Collection[str]) -> Row | None:
    """A proposal under way that wants the slug or one of the host names."""
    query = f"SELECT {_SHOWN} WHERE {_OPEN} AND (p.slug = %s OR p.hosts && %s::text[]) ORDER BY p.slug <> %s LIMIT 1"
    with transaction() as connection:
        row = connection.execute(query, [slug, list(hosts), slug]).fetchone()
        return Row(**row) if row else None


def due(most: int, *, all_of_them: bool = False) -> list[Row]:
    """Those that somebody has to look after now, taken on for ``AT_IT``; ``all_of_them``: whether it is their time or not."""
    query = f"""
        UPDATE proposals p SET not_before = now() + %s WHERE p.id IN (
            SELECT p.id FROM proposals p WHERE {_OPEN} AND (p.not_before <= now() OR %s) ORDER BY p.not_before LIMIT %s
            FOR UPDATE SKIP LOCKED)
        RETURNING p.*
        """  # noqa: S608
    with transaction() as connection:
        return [Row(**row) for row in connection.execute(query, [AT_IT, all_of_them, most])]


def note(proposal: UUID, *, state: str, number: int | None = None, link: str | None = None, run: UUID | None = None) -> None:
    """How far it has come; it is looked after again soon."""
    with transaction() as connection:
        connection.execute(
            "UPDATE proposals SET state = %s, number = coalesce(%s, number), link = coalesce(%s, link), run_id = coalesce(%s, run_id),"
            " cause = NULL, tries = 0, not_before = now() + interval '20 s',"
            " decided_at = CASE WHEN %s IN ('merged', 'rejected') THEN coalesce(decided_at, now()) END WHERE id = %s",
            [state, number, link, run, state, proposal],
        )


def later(proposal: UUID, cause: str | None) -> None:
    """It came to nothing, or nobody has decided yet: later, each time more so, up to five minutes."""
    with transaction() as connection:
        connection.execute(
            "UPDATE proposals SET cause = %s, tries = tries + 1,"
            " not_before = now() + least(interval '5 min', interval '5 s' * 2 ^ least(tries, 6)) WHERE id = %s",
            [cause, proposal],
        )


def page(sight: Sight, after: UUID | None, limit: int) -> list[Row]:
    """The next ones that are in sight, the newest first."""
    with transaction() as connection:
        rows = connection.execute(
            f"SELECT {_SHOWN} WHERE p.labels @> %(labels)s AND (%(slug)s::text IS NULL OR p.slug = %(slug)s)"  # noqa: S608
            " AND (%(after)s::uuid IS NULL OR (p.created_at, p.id) < (SELECT q.created_at, q.id FROM proposals q WHERE q.id = %(after)s))"
            " ORDER BY p.created_at DESC, p.id DESC LIMIT %(limit)s",
            {"labels": Jsonb(dict(sight.labels)), "slug": sight.slug, "after": after, "limit": limit},
        )
        return [Row(**row) for row in rows]


def find(proposal: UUID) -> Row | None:
    """One of them."""
    with transaction() as connection:
        row = connection.execute(f"SELECT {_SHOWN} WHERE p.id = %s", [proposal]).fetchone()
        return Row(**row) if row else None


def of_new(slug: str) -> Row | None:
    """The proposal of a new tenant that is under way."""
    with transaction() as connection:
        row = connection.execute(f"SELECT {_SHOWN} WHERE {_OPEN} AND p.kind = 'create' AND p.slug = %s", [slug]).fetchone()
        return Row(**row) if row else None


def forget(connection: psycopg.Connection[dict[str, Any]], slug: str) -> None:
    """Removes all of a tenant's: they have names and addresses."""
    connection.execute("DELETE FROM proposals WHERE slug = %s", [slug])


def purge(age: timedelta) -> int:
    """Forgets those that were decided longer ago, and whose run was asked for; how many."""
    with transaction() as connection:
        query = "DELETE FROM proposals WHERE decided_at < now() - %s AND (state = 'rejected' OR run_id IS NOT NULL)"
        return connection.execute(query, [age]).rowcount
