"""Who did and read what, as far as whoever asks may see it: page by page, the newest first.

Four tables say it: what was asked for (``runs``), what became of it and what needs no run (``audit_log``), which keys of configuration were
set (``tenant_configuration_history``; never the values), and what was read (``audit_reads``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import cursors
from tenantry.control.database import transaction
from tenantry.control.tenant_pages import Sight

Kind = Literal["done", "read"]


@dataclass(frozen=True)
class Filters:
    """Which lines; None is no condition. ``since`` is the first moment, ``until`` the first one after."""

    who: str | None = None
    tenant: UUID | None = None
    kind: Kind | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class _Source:
    """One table. ``own``: which of its lines without a tenant are those of whoever asks, where he does not see every tenant."""

    kind: Kind
    table: str
    columns: Mapping[str, str]
    own: str


_COLUMNS: Final = (
    "at", "key", "kind", "who", "holder", "credential", "address", "tenant_id", "action", "detail", "run_id", "request_id", "reads",
)  # fmt: skip
_NONE: Final = {
    "holder": "NULL::text",
    "credential": "NULL::text",
    "address": "NULL::text",
    "request_id": "NULL::uuid",
    "reads": "NULL::int",
}
_SOURCES: Final = (
    _Source(
        "done",
        "audit_log",
        {**_NONE, "at": "x.at", "key": "'a' || lpad(x.id::text, 19, '0')", "who": "x.actor", "tenant_id": "x.tenant_id",
         "action": "x.action", "detail": "x.outcome", "run_id": "x.run_id"},
        "false",
    ),
    _Source(
        "done",
        "tenant_configuration_history",
        {**_NONE, "at": "x.changed_at", "key": "'c' || lpad(x.change_id::text, 19, '0')", "who": "x.changed_by", "tenant_id": "x.tenant_id",
         "action": "'configuration'", "detail": "x.config_key", "run_id": "x.run_id"},
        "false",
    ),
    _Source(
        "done",
        "runs",
        {**_NONE, "at": "x.requested_at", "key": "'u' || x.id::text", "who": "x.requested_by", "tenant_id": "x.tenant_id",
         "action": "x.kind", "detail": "'asked for, ' || x.via", "run_id": "x.id"},
        "x.requested_by = %(name)s AND x.via = 'service'",
    ),
    _Source(
        "read",
        "audit_reads",
        {"at": "x.at", "key": "'r' || lpad(x.id::text, 19, '0')", "who": "x.actor", "holder": "x.holder", "credential": "x.credential",
         "address": "x.address", "tenant_id": "x.tenant_id", "action": "x.route", "detail": "x.detail", "run_id": "NULL::uuid",
         "request_id": "x.request_id", "reads": "x.reads"},
        "x.holder = %(holder)s",
    ),
)  # fmt: skip


def page(sight: Sight, name: str, holder: str, wanted: Filters, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """The next ``limit`` lines of tenants in ``sight``; where that is not every one, of the lines without a tenant those of ``name``, who
    is ``holder``. ``after``: a word of ``cursors``. One query."""
    given: dict[str, Any] = {field.name: value for field in fields(wanted) if (value := getattr(wanted, field.name)) is not None}
    if after is not None:
        given["moment"], given["behind"] = cursors.read(after)
    parts = [_part(source, given, sight) for source in _SOURCES if wanted.kind in (None, source.kind)]
    with transaction() as connection:
        return connection.execute(
            f'SELECT * FROM ({" UNION ALL ".join(parts)}) AS log ORDER BY at DESC, key COLLATE "C" DESC LIMIT %(limit)s',  # noqa: S608
            {**given, "labels": Jsonb(dict(sight.labels)), "own": sight.slug, "name": name, "holder": holder, "limit": limit},
        ).fetchall()


def _part(source: _Source, given: Mapping[str, Any], sight: Sight) -> str:
    """One table's lines, as a statement of constants of ours alone."""
    named = {**source.columns, "kind": f"'{source.kind}'"}
    at, key = named["at"], f'({named["key"]}) COLLATE "C"'
    clauses = {
        "who": f"%(who)s IN ({named['who']}, {named['holder']})",
        "tenant": "x.tenant_id = %(tenant)s",
        "action": f"{named['action']} = %(action)s",
        "since": f"{at} >= %(since)s",
        "until": f"{at} < %(until)s",
        "moment": f"{at} <= %(moment)s AND ({at}, {key}) < (%(moment)s, %(behind)s)",
    }
    chosen = [clause for name, clause in clauses.items() if name in given]
    if not sight.everything:
        chosen.append(
            f"((t.labels @> %(labels)s AND (%(own)s::text IS NULL OR t.slug = %(own)s)) OR (x.tenant_id IS NULL AND {source.own}))"
        )
    columns = ", ".join(f"{named[column]} AS {column}" for column in _COLUMNS)
    return (
        f"(SELECT {columns}, t.slug AS tenant FROM {source.table} x LEFT JOIN tenants t ON t.id = x.tenant_id AND t.deleted_at IS NULL"  # noqa: S608
        f" WHERE {' AND '.join(chosen) or 'true'} ORDER BY {at} DESC, {key} DESC LIMIT %(limit)s)"
    )
