"""What a tenant uses: rows and bytes of its store, its objects, its users, the sessions of its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.clients import objects as stored
from tenantry.control.database import transaction
from tenantry.postgres import tables
from tenantry.stores.tenant_store import TenantStore


def of_store(store: TenantStore) -> tuple[int, int]:
    """Rows of the tenant, and bytes.

    Bytes are those of the database for a tenant that has one, of the tables with their indexes for one that has a schema. Where others
    share the tables they are the bytes of the tenant's rows as stored, without indexes and free space: those belong to nobody.
    """
    with store.acting(store.app_role, read_only=True) as connection:
        count = 0
        size = 0
        for table in tables.names(connection, store.schema):
            own = tables.rows_of(connection, store.schema, table)
            weight = sql.SQL("coalesce(sum(pg_column_size(own.*)), 0)") if store.shared else sql.SQL("0")
            query = sql.SQL("SELECT count(*), {weight} FROM {table} own WHERE tenant_id = %s").format(weight=weight, table=own)
            row = connection.execute(query, [store.id]).fetchone()
            assert row is not None  # noqa: S101  # an aggregate always gives a row
            count, size = count + int(row[0]), size + int(row[1])
    if store.shared:
        return count, size
    with store.connected() as connection:
        if store.isolation == "schema":
            row = connection.execute(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
                " WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind IN ('r', 'm')",
                [store.schema],
            ).fetchone()
        else:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None  # noqa: S101  # both always give a row
    return count, int(row[0])


def sessions(store: TenantStore) -> int | None:
    """Open sessions of the tenant's logins; None where they are its cell's."""
    if store.shared:
        return None
    with store.connected() as connection:
        roles = [store.app_role, naming.second_login(store.app_role)]
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = ANY(%s)", [roles]).fetchone()
    return 0 if row is None else int(row[0])


def objects(store: TenantStore) -> tuple[int, int]:
    """Objects under the tenant's prefix, and their bytes; versions before the current one are not counted."""
    count = size = 0
    for version in stored.current(store.bucket, store.prefix):
        count, size = count + 1, size + version.size
    return count, size


def users_and_limits(tenant_id: UUID) -> tuple[int, dict[str, int]]:
    """How many users the tenant has in the registry, and what its declaration allows."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT limits, (SELECT count(*) FROM users WHERE tenant_id = t.id) AS users FROM tenants t WHERE id = %s", [tenant_id]
        ).fetchone()
        return (0, {}) if row is None else (int(row["users"]), dict(row["limits"]))


def record(tenant_id: UUID, figures: Mapping[str, int | None], limits: Mapping[str, int], findings: Sequence[Mapping[str, Any]]) -> None:
    """Keeps one measurement."""
    with transaction() as connection:
        connection.execute(
            """
            INSERT INTO tenant_usage (tenant_id, rows, database_bytes, objects, object_bytes, users, connections, limits, findings)
            VALUES (%(tenant)s, %(rows)s, %(database_bytes)s, %(objects)s, %(object_bytes)s, %(users)s, %(connections)s,
                    %(limits)s, %(findings)s)
            """,
            {"tenant": tenant_id, **figures, "limits": Jsonb(dict(limits)), "findings": Jsonb(list(findings))},
        )


def newest(tenant_id: UUID | None = None, labels: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The newest measurement of one tenant or of each that is not deleted and carries ``labels``, by slug."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT DISTINCT ON (t.slug) t.slug, u.* FROM tenant_usage u JOIN tenants t ON t.id = u.tenant_id
            WHERE t.deleted_at IS NULL AND (%(tenant)s::uuid IS NULL OR t.id = %(tenant)s)
                AND t.labels @> %(labels)s
            ORDER BY t.slug, u.measured_at DESC
            """,
            {"tenant": tenant_id, "labels": Jsonb(dict(labels or {}))},
        ).fetchall()


def purge(age: timedelta) -> int:
    """Forgets measurements older than ``age``, save the newest of each tenant; how many."""
    with transaction() as connection:
        return connection.execute(
            "DELETE FROM tenant_usage u WHERE measured_at < now() - %s"
            " AND EXISTS (SELECT FROM tenant_usage newer WHERE newer.tenant_id = u.tenant_id AND newer.measured_at > u.measured_at)",
            [age],
        ).rowcount
