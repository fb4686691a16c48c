"""What the runtime answers from: tenants with their hosts and the configuration that they look by, and host names in quarantine.

On a connection that is kept, as the owner (``database.acting``). ``version`` is the same as long as nothing of a row changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, class_row, tuple_row

from tenantry.control.database import acting

_FOUND: Final = """
FROM directory d
LEFT JOIN (SELECT tenant_id, array_agg(host ORDER BY host) AS hosts FROM tenant_domains
           WHERE %(ids)s::uuid[] IS NULL OR tenant_id = ANY(%(ids)s) GROUP BY tenant_id) h ON h.tenant_id = d.id
LEFT JOIN (SELECT tenant_id, jsonb_object_agg(config_key, config_value) AS settings FROM tenant_configurations
           WHERE config_key = ANY(%(keys)s) AND (%(ids)s::uuid[] IS NULL OR tenant_id = ANY(%(ids)s))
           GROUP BY tenant_id) s ON s.tenant_id = d.id
WHERE d.state <> 'deleted' AND (%(ids)s::uuid[] IS NULL OR d.id = ANY(%(ids)s))
"""
_VERSION: Final = "md5(concat_ws('|', d.version, h.hosts, s.settings))"


_MOST: Final = 50
_LAST: Final = """
(SELECT id FROM tenants ORDER BY age(xmin) LIMIT %(most)s)
UNION (SELECT tenant_id FROM tenant_domains ORDER BY age(xmin) LIMIT %(most)s)
UNION (SELECT tenant_id FROM tenant_configurations WHERE config_key = ANY(%(keys)s) ORDER BY age(xmin) LIMIT %(most)s)
"""


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One tenant that is not gone."""

    id: UUID
    slug: str
    state: str
    name: str
    host: str
    bucket: str
    prefix: str
    hosts: list[str]
    settings: dict[str, Any]
    version: str


def versions(connection: psycopg.Connection[Any], keys: Sequence[str], ids: Collection[UUID] | None = None) -> dict[UUID, str]:
    """Each tenant's version, or of those of the ids that are not gone."""
    with acting(connection) as acted, acted.cursor(row_factory=tuple_row) as cursor:
        found: list[TupleRow] = cursor.execute(
            f"SELECT d.id, {_VERSION} {_FOUND}".encode(), _values(keys, None if ids is None else list(ids))
        ).fetchall()
        return dict(found)


def written_last(connection: psycopg.Connection[Any], keys: Sequence[str]) -> list[UUID]:
    """The tenants whose rows were written last, by the numbers of the transactions, some hundred: what has changed just now is among
    them, mostly."""
    with acting(connection) as acted, acted.cursor(row_factory=tuple_row) as cursor:
        return [row[0] for row in cursor.execute(_LAST.encode(), {"keys": list(keys), "most": _MOST})]


def of(connection: psycopg.Connection[Any], keys: Sequence[str], ids: Collection[UUID]) -> Iterator[FaceRow]:
    """The tenants of the ids that are not gone, as one moment has them."""
    statement = (
        "SELECT d.id, d.slug, d.state, d.name, d.host, d.bucket, d.prefix, coalesce(h.hosts, '{}') AS hosts,"
        f" coalesce(s.settings, '{{}}') AS settings, {_VERSION} AS version {_FOUND}"
    )
    with acting(connection) as acted, acted.cursor(row_factory=class_row(FaceRow)) as cursor:
        rows = cursor.execute(statement.encode(), _values(keys, list(ids))).fetchall()
    yield from rows


def quarantined(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """The host names of deleted tenants that nobody may have yet."""
    with acting(connection) as acted:
        rows = acted.execute("SELECT name FROM quarantined_names WHERE kind = 'host' AND (until IS NULL OR until > now())")
        return frozenset(row["name"] for row in rows)


def _values(keys: Sequence[str], ids: list[UUID] | None) -> dict[str, Any]:
    return {"keys": list(keys), "ids": ids}
