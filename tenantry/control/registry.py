"""The registry in the control database: tenants, host names, invitations.

Every call is one transaction as the control schema's owner, and idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry.control import invitations, ledger, outbox
from tenantry.control.database import if_there, transaction
from tenantry.declaration.placement import Residence
from tenantry.errors import WorkError
from tenantry.postgres import loading, tables
from tenantry.postgres.server import Server, acting_as

T = TypeVar("T")

RECORD_COLUMNS = (
    "name", "tier", "isolation", "cell", "stack", "state", "host", "server", "database", "schema", "app_role",
    "bucket", "prefix", "limits", "labels",
)  # fmt: skip


def record(
    tenant_id: str,
    slug: str,
    row: Mapping[str, Any],
    custom_hosts: Sequence[str],
    admin: Mapping[str, str],
    made_by: str | None = None,
) -> None:
    """Writes a tenant's row, its host names and the open invitation of its administrator (``name``, ``email``).

    ``made_by`` is the resource that the row is from now on; None leaves it whose it is. ``WorkError`` when a host name is another tenant's.
    """
    values = {name: row.get(name) for name in RECORD_COLUMNS}  # a property map has no nulls
    values |= {
        "id": tenant_id,
        "slug": slug,
        "limits": Jsonb({key: int(value) for key, value in row["limits"].items()}),
        "labels": Jsonb(row["labels"]),
        "made_by": made_by,
    }
    with transaction() as connection:
        # A move decides where its tenant lives; an engine run that read the files before the switch must not undo it.
        moving = connection.execute(
            "SELECT t.* FROM tenants t WHERE id = %s AND EXISTS (SELECT 1 FROM moves m WHERE m.tenant_id = t.id AND m.ended_at IS NULL)"
            " FOR UPDATE",
            [tenant_id],
        ).fetchone()
        if moving is not None:
            values |= {name: moving[name] for name in Residence.__annotations__}
        connection.execute(
            """
            INSERT INTO tenants (id, slug, name, tier, isolation, cell, stack, state, host, server, database, schema, app_role,
                                 bucket, prefix, limits, labels, made_by, ready_at)
            VALUES (%(id)s, %(slug)s, %(name)s, %(tier)s, %(isolation)s, %(cell)s, %(stack)s, %(state)s, %(host)s, %(server)s,
                    %(database)s, %(schema)s, %(app_role)s, %(bucket)s, %(prefix)s, %(limits)s, %(labels)s,
                    %(made_by)s, CASE %(isolation)s WHEN 'rls' THEN now() END)
            ON CONFLICT (id) DO UPDATE SET
                name = EXCLUDED.name, tier = EXCLUDED.tier, isolation = EXCLUDED.isolation, cell = EXCLUDED.cell,
                stack = EXCLUDED.stack, state = EXCLUDED.state, host = EXCLUDED.host, server = EXCLUDED.server,
                database = EXCLUDED.database, schema = EXCLUDED.schema, app_role = EXCLUDED.app_role, bucket = EXCLUDED.bucket,
                prefix = EXCLUDED.prefix, limits = EXCLUDED.limits, labels = EXCLUDED.labels, updated_at = now(), deleted_at = NULL,
                made_by = coalesce(EXCLUDED.made_by, tenants.made_by),
                ready_at = CASE WHEN tenants.deleted_at IS NULL THEN tenants.ready_at ELSE EXCLUDED.ready_at END
            """,
            values,
        )
        hosts = [row["host"], *custom_hosts]
        taken = connection.execute(
            "SELECT d.host, t.slug FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id WHERE d.host = ANY(%s) AND d.tenant_id <> %s",
            [hosts, tenant_id],
        ).fetchone()
        if taken:
            raise WorkError(
                f"the host name {taken['host']} is the tenant {taken['slug']}'s",
                f"take it out of tenants/{taken['slug']}.yaml, then: tenantry up {taken['slug']}",
                code="name.taken",
            )
        connection.execute("DELETE FROM tenant_domains WHERE tenant_id = %s AND NOT host = ANY(%s)", [tenant_id, hosts])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tenant_domains (host, tenant_id, kind, status) VALUES (%s, %s, %s, %s) ON CONFLICT (host) DO NOTHING",
                [(row["host"], tenant_id, "subdomain", "active")] + [(host, tenant_id, "custom", "pending") for host in custom_hosts],
            )
        # Another administrator in the file takes back the first one's invitation, unless it was accepted. Others' are not the file's.
        connection.execute(
            "UPDATE invitations SET revoked_at = now()"
            " WHERE tenant_id = %s AND invited_by IS NULL AND email <> %s AND accepted_at IS NULL AND revoked_at IS NULL",
            [tenant_id, admin["email"]],
        )
        # Somebody who was invited as a member, and whom the file names now.
        connection.execute(
            "UPDATE users u SET role = 'admin' FROM invitations i WHERE u.tenant_id = %(tenant)s AND u.email = %(email)s"
            " AND i.tenant_id = %(tenant)s AND i.email = %(email)s AND i.invited_by IS NOT NULL AND i.revoked_at IS NULL",
            {"tenant": tenant_id, "email": admin["email"]},
        )
        connection.execute(
            "INSERT INTO invitations (tenant_id, email, name, role) VALUES (%s, %s, %s, 'admin')"
            " ON CONFLICT (tenant_id, email) WHERE revoked_at IS NULL"
            " DO UPDATE SET name = EXCLUDED.name, role = EXCLUDED.role, invited_by = NULL",
            [tenant_id, admin["email"], admin["name"]],
        )


def read_record(tenant_id: str) -> dict[str, Any] | None:
    """A tenant as ``record`` takes it (``slug``, ``row``, ``domains``, ``admin``), or None when it is not there or marked deleted."""
    with transaction() as connection:
        row = connection.execute("SELECT * FROM tenants WHERE id = %s AND deleted_at IS NULL", [tenant_id]).fetchone()
        if row is None:
            return None
        hosts = connection.execute("SELECT host FROM tenant_domains WHERE tenant_id = %s AND kind = 'custom' ORDER BY host", [tenant_id])
        admin = connection.execute(
            "SELECT name, email FROM invitations WHERE tenant_id = %s AND invited_by IS NULL AND revoked_at IS NULL"
            " ORDER BY created_at DESC",
            [tenant_id],
        ).fetchone()
        columns = {name: row[name] for name in RECORD_COLUMNS if row[name] is not None}
        return {"slug": row["slug"], "row": columns, "domains": [entry["host"] for entry in hosts], "admin": admin}


def ready(tenant_id: str) -> None:
    """Says that the tenant has its tables: from now on the directory lets applications in. It is only said once."""

    def say(connection: psycopg.Connection[dict[str, Any]]) -> None:
        connection.execute("UPDATE tenants SET ready_at = now() WHERE id = %s AND ready_at IS NULL", [tenant_id])

    if_there(say, None)


def still_made_by(tenant_id: str, stack: str, made_by: str | None) -> bool:
    """Whether what the stack's record ``made_by`` removes of the tenant is its end.

    It is not where another record was made of it since, by a replacement, or where a move took the tenant to another stack.
    """
    with transaction() as connection:
        row = connection.execute("SELECT stack, made_by FROM tenants WHERE id = %s AND deleted_at IS NULL", [tenant_id]).fetchone()
        if row is None:
            return True
        if row["made_by"] not in (None, made_by):
            return False
        if row["stack"] != stack:
            # The record of the stack that it lives in may be older than this one: a move that was taken back.
            connection.execute("UPDATE tenants SET made_by = NULL WHERE id = %s", [tenant_id])
            return False
        return True


def settle(stack: str, records: Mapping[str, str | None], configurations: Mapping[str, str | None]) -> None:
    """After a killed run: rows are of the resources (tenant id → ``made_by``) that the state has, not of one that it never heard of."""
    with transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE tenants SET made_by = %s WHERE id = %s AND stack = %s", [(by, tenant, stack) for tenant, by in records.items()]
        )
        cursor.executemany(
            "UPDATE tenants SET configured_by = %s WHERE id = %s AND stack = %s",
            [(by, tenant, stack) for tenant, by in configurations.items()],
        )


def retire(tenant_id: str, slug: str) -> None:
    """Marks a tenant deleted, takes back its invitations, removes its mail, frees its host names, and lets the ledger forget its claims."""
    with transaction() as connection:
        connection.execute("DELETE FROM tenant_domains WHERE tenant_id = %s", [tenant_id])
        connection.execute("DELETE FROM servers WHERE tenant = %s", [tenant_id])
        outbox.forget(connection, tenant_id)
        connection.execute(
            "UPDATE invitations SET revoked_at = coalesce(revoked_at, now()), token_hash = NULL WHERE tenant_id = %s", [tenant_id]
        )
        connection.execute(
            "UPDATE tenants SET state = 'deleted', deleted_at = coalesce(deleted_at, now()), updated_at = now() WHERE id = %s", [tenant_id]
        )
    with Server.from_environment().kept() as connection:
        ledger.release(connection, slug)


def remove_rows(tenant_id: str, database: str, schema: str) -> None:
    """Deletes a tenant's rows from every shared table, and no other tenant's: done as the tables' owner, in this tenant's context.

    Row security is forced on the owner too, so what the policies would not show is not deleted either. No trigger fires: one that writes
    a history would leave what was deleted there.
    """
    with Server.from_environment().connect(database) as connection:
        row = connection.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s))"
            " AND relkind IN ('r', 'p')",
            [schema],
        ).fetchone()
        if row is None:
            return
        with acting_as(connection, row[0]):
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant_id])
            try:
                with loading.quiet(connection, schema, shared=True):
                    where = sql.SQL("tenant_id = {}").format(sql.Literal(tenant_id))
                    tables.delete(connection, schema, tables.groups(connection, schema), where)
            except (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation) as error:
                raise WorkError(
                    f"rows of tenant {tenant_id} in {database}.{schema} are held by others: {error.diag.message_primary}",
                    "look at the foreign keys of the tables",
                ) from None


def issue_tokens(tenant_ids: list[str], *, again: bool = False) -> dict[str, str]:
    """Gives each open invitation of the tenants that has none (``again``: each) a new token: tenant id → token.

    The token is returned here and derived again for an e-mail; what is stored is its SHA-256.
    """
    with transaction() as connection:
        rows = connection.execute(
            """
            SELECT tenant_id, id FROM invitations
            WHERE tenant_id = ANY(%s::uuid[]) AND invited_by IS NULL AND revoked_at IS NULL AND accepted_at IS NULL
              AND (%s OR token_hash IS NULL)
            FOR UPDATE
            """,
            [tenant_ids, again],
        ).fetchall()
        return {str(row["tenant_id"]): invitations.issue(connection, row["tenant_id"], row["id"]) for row in rows}


def states() -> dict[str, str]:
    """Slug → state of every tenant that is not marked deleted."""
    with transaction() as connection:
        return {row["slug"]: row["state"] for row in connection.execute("SELECT slug, state FROM tenants WHERE deleted_at IS NULL")}


def tenants() -> list[dict[str, Any]]:
    """Every tenant that the registry knows, with its administrator's invitation; ordered by slug."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT t.*, i.email AS admin_email, i.issued_at, i.accepted_at,
                   (SELECT count(*) FROM tenant_configurations c WHERE c.tenant_id = t.id) AS configuration_rows
            FROM tenants t LEFT JOIN invitations i ON i.tenant_id = t.id AND i.invited_by IS NULL AND i.revoked_at IS NULL
            ORDER BY t.slug
            """
        ).fetchall()
