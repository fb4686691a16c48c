"""Runs as far as whoever asks may see them: whose one is, and page by page, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import cursors, runs
from tenantry.control.database import transaction
from tenantry.control.tenant_pages import Sight
from tenantry.errors import InputError

_WHERE: Final = {
    "tenant": "r.subject = %(tenant)s",
    "kind": "r.kind = %(kind)s",
    "state": "r.state = %(state)s",
    "by": "r.requested_by = %(by)s",
    "since": "r.requested_at >= %(since)s",
    "until": "r.requested_at < %(until)s",
}


@dataclass(frozen=True)
class Filters:
    """Which runs; None is no condition. ``since`` is the first moment, ``until`` the first one after."""

    tenant: str | None = None
    kind: str | None = None
    state: str | None = None
    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """Whose a run is. ``carries``: whether its tenant, as the registry has it, carries the labels asked for; None: it has none of it."""

    subject: str
    requested_by: str
    via: str
    carries: bool | None


def standing(run_id: UUID, labels: Mapping[str, str]) -> Standing | None:
    """Whose the run is; None where there is none of that id. One query, whatever there is."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT r.subject, r.requested_by, r.via, t.labels @> %s AS carries FROM runs r"
            " LEFT JOIN tenants t ON t.id = r.tenant_id AND t.deleted_at IS NULL WHERE r.id = %s",
            [Jsonb(dict(labels)), run_id],
        ).fetchone()
        return Standing(**row) if row else None


def page(sight: Sight, name: str, wanted: Filters, after: str | None, limit: int) -> list[Mapping[str, Any]]:
    """The next ``limit`` runs, as ``runs.read`` gives one: of tenants in ``sight``, and those without one that ``name`` asked for by the
    service. ``after``: a word of ``cursors``. Three queries, however many there are."""
    given: dict[str, Any] = {field.name: value for field in fields(wanted) if (value := getattr(wanted, field.name)) is not None}
    clauses = [_WHERE[name] for name in given]
    if not sight.everything:
        clauses.append(
            "((t.labels @> %(labels)s AND (%(own)s::text IS NULL OR t.slug = %(own)s))"
            " OR (t.id IS NULL AND r.requested_by = %(name)s AND r.via = 'service'))"
        )
    if after is not None:
        clauses.append("(r.requested_at, r.id) < (%(moment)s, %(behind)s)")
        given["moment"], behind = cursors.read(after)
        given["behind"] = _id(behind)
    with transaction() as connection:
        rows = connection.execute(
            "SELECT r.* FROM runs r LEFT JOIN tenants t ON t.id = r.tenant_id AND t.deleted_at IS NULL"  # noqa: S608  # clauses of ours
            f" WHERE {' AND '.join(clauses) or 'true'} ORDER BY r.requested_at DESC, r.id DESC LIMIT %(limit)s",
            {**given, "labels": Jsonb(dict(sight.labels)), "own": sight.slug, "name": name, "limit": limit},
        ).fetchall()
        ids = [row["id"] for row in rows]
        steps = connection.execute("SELECT * FROM run_steps WHERE run_id = ANY(%s) ORDER BY number", [ids]).fetchall()
        askers = connection.execute(
            "SELECT run_id, at, actor, outcome FROM audit_log WHERE run_id = ANY(%s) AND outcome = ANY(%s) ORDER BY id",
            [ids, [runs.JOINED, runs.RESUMED, runs.RENEWED]],
        ).fetchall()
    of_run: dict[UUID, dict[str, list[Any]]] = {run_id: {"steps": [], "askers": []} for run_id in ids}
    for step in steps:
        of_run[step["run_id"]]["steps"].append(step)
    for asker in askers:
        of_run[asker.pop("run_id")]["askers"].append(asker)
    return [{**row, **of_run[row["id"]]} for row in rows]


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InputError("`after` is not where a page ended", "ask with the `after` of the page before") from None
