"""What there is of a tenant, and afterwards whether anything still is: the same questions before and after a deletion."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from tenantry import naming
from tenantry.clients import aws, cloudflare, objects
from tenantry.control.database import transaction
from tenantry.postgres import logins, tables
from tenantry.postgres.server import Server, acting_as
from tenantry.settings import platform_settings
from tenantry.stores import login_secret
from tenantry.stores.tenant_store import TenantStore


def taken(store: TenantStore) -> dict[str, Any]:
    """What exists, as plain JSON: names, and counts of rows and objects. It is kept in the run's notes and ends up in the record."""
    rows: dict[str, int] = {}
    with store.acting(store.app_role, isolation="REPEATABLE READ", read_only=True) as connection:
        for table in tables.names(connection, store.schema):
            own = tables.rows_of(connection, store.schema, table)
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(own)).fetchone()
            rows[table] = found[0] if found else 0
    with transaction() as connection:
        row = connection.execute("SELECT name, tier, host, created_at FROM tenants WHERE id = %s", [store.id]).fetchone()
        hosts = [
            entry["host"] for entry in connection.execute("SELECT host FROM tenant_domains WHERE tenant_id = %s ORDER BY host", [store.id])
        ]
    assert row is not None  # noqa: S101  # the store is from this table
    versions = list(objects.versions(store.bucket, store.prefix))
    own_role = _logins(store) if not store.shared else []
    own_owner = [store.owner] if store.isolation in ("database", "instance") else []
    return {
        "name": row["name"],
        "tier": row["tier"],
        "created_at": row["created_at"].isoformat(),
        "isolation": store.isolation,
        "cell": store.cell,
        "stack": store.stack,
        "server": store.server,
        "database": store.database,
        "schema": store.schema,
        "roles": own_role + own_owner,
        "rows": rows,
        "bucket": store.bucket,
        "prefix": store.prefix,
        "object_versions": len(versions),
        "object_bytes": sum(version.size for version in versions),
        "host": row["host"],
        "hosts": sorted({row["host"], *hosts}),
    }


def _logins(store: TenantStore) -> list[str]:
    with store.administrator().connect() as connection:
        return logins.both(connection, store.app_role) or [store.app_role]


def remains(slug: str, before: dict[str, Any]) -> list[str]:
    """What of a tenant that was inventoried is still there, outside of the control database; nothing, when its deletion is done."""
    settings = platform_settings()
    found: list[str] = []
    with Server.from_environment().kept() as connection:
        database = naming.tenant_database(slug)
        apps = [naming.tenant_app(slug, turn) for turn in (0, 1)]
        roles = [*apps, *map(naming.second_login, apps), naming.tenant_owner(slug)]
        databases = [database, naming.kept(database), naming.staging(database)]
        found += [f"role {name}" for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [roles])]
        found += [
            f"database {name}" for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", [databases])
        ]
    found += [f"secret {name}" for name in login_secret.left(slug)]
    if before["isolation"] in naming.POOLED:
        found += _rows(slug, before)
    if before["server"] and aws.find_server(before["server"], slug):
        found.append(f"database server {before['server']}")
    if any(True for _ in objects.versions(before["bucket"], before["prefix"])):
        found.append(f"objects under {before['prefix']}")
    if before["isolation"] not in naming.POOLED and cloudflare.find_record(settings.zone_id, before["host"], f"tenantry {slug}"):
        found.append(f"DNS record {before['host']}")
    return found + [
        f"custom host name {host}"
        for host in before["hosts"]
        if host != before["host"] and cloudflare.find_hostname(settings.zone_id, host)
    ]


def _rows(slug: str, before: dict[str, Any]) -> list[str]:
    with Server.from_environment().connect(before["database"]) as connection:
        schema = naming.tenant_schema(slug)
        names = [schema, naming.kept(schema), naming.staging(schema), *(naming.turnstile_schema(slug, turn) for turn in (0, 1))]
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [names])
        found = [f"schema {name}" for (name,) in schemas]
        if before["isolation"] == "schema":
            return found
        with acting_as(connection, naming.cell_owner(before["cell"])):
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(naming.tenant_id(slug))])
            for table in tables.names(connection, before["schema"]):
                if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(before["schema"], table))).fetchone():
                    found.append(f"rows in {before['database']}.{before['schema']}.{table}")
        return found
