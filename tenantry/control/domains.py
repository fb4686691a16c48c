"""The custom host names in the registry, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping

from tenantry.control import runs
from tenantry.control.database import transaction


def custom() -> dict[str, str]:
    """Custom host name → status, of the tenants that are not deleted."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT d.host, d.status FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id"
            " WHERE d.kind = 'custom' AND t.deleted_at IS NULL ORDER BY d.host"
        )
        return {row["host"]: row["status"] for row in rows}


def update(states: Mapping[str, str]) -> dict[str, str]:
    """Writes the states down, each change with a line in the audit log; those that changed."""
    with transaction() as connection:
        rows = connection.execute(
            "UPDATE tenant_domains d SET status = new.status FROM unnest(%s::text[], %s::text[]) AS new (host, status)"
            " WHERE d.host = new.host AND d.kind = 'custom' AND d.status <> new.status RETURNING d.host, d.status, d.tenant_id",
            [list(states), list(states.values())],
        ).fetchall()
        for row in rows:
            runs.audit(connection, row["tenant_id"], "schedule", "custom host name", row["status"])
        return {row["host"]: row["status"] for row in rows}
