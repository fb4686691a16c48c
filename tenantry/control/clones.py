"""The registry's record of clones: who is an anonymised copy of whom. Every call is one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control.database import transaction
from tenantry.control.tenant_pages import EVERYTHING, Sight


def begin(tenant_id: UUID, source_id: UUID, salt: str, classification: str) -> None:
    """Notes that a clone is about to be filled; what was noted before of the same tenant is replaced."""
    with transaction() as connection:
        connection.execute(
            """
            INSERT INTO clones (tenant_id, source_id, salt, classification, state) VALUES (%s, %s, %s, %s, 'filling')
            ON CONFLICT (tenant_id) DO UPDATE SET
                source_id = EXCLUDED.source_id, salt = EXCLUDED.salt, classification = EXCLUDED.classification,
                state = 'filling', rows_copied = 0, objects_copied = 0, filled_at = NULL
            """,
            [tenant_id, source_id, salt, classification],
        )


def ready(tenant_id: UUID, rows: int, objects: int) -> None:
    """Notes that a clone is complete."""
    with transaction() as connection:
        connection.execute(
            "UPDATE clones SET state = 'ready', rows_copied = %s, objects_copied = %s, filled_at = now() WHERE tenant_id = %s",
            [rows, objects, tenant_id],
        )


def find(slug: str) -> dict[str, Any] | None:
    """The clone of that slug with its ``source``, or None: no clone, or one that was never filled."""
    return next((row for row in every() if row["slug"] == slug), None)


def every(sight: Sight = EVERYTHING) -> list[dict[str, Any]]:
    """The clones that are in ``sight`` and not deleted, by slug: ``slug``, ``source`` (None: erased), ``isolation``, ``state``,
    ``salt``, counts, time."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT t.slug, s.slug AS source, t.isolation, c.state, c.salt, c.classification, c.rows_copied, c.objects_copied, c.filled_at
            FROM clones c JOIN tenants t ON t.id = c.tenant_id LEFT JOIN tenants s ON s.id = c.source_id
            WHERE t.deleted_at IS NULL AND t.labels @> %s AND t.slug = coalesce(%s, t.slug) ORDER BY t.slug
            """,
            [Jsonb(dict(sight.labels)), sight.slug],
        ).fetchall()
