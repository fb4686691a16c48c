"""Erases a tenant from the control database, and leaves the signed record, the quarantine, and ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import tuple_row

import tenantry
from tenantry import naming
from tenantry.control import deletion_records, failed_sign_ins, proposals, quarantine
from tenantry.control.database import transaction
from tenantry.control.runs import audit
from tenantry.errors import WorkError
from tenantry.operations.lifecycle.scrub import NOBODY, Names, scrub
from tenantry.postgres import tables
from tenantry.settings import platform_settings
from tenantry.work import queue

if TYPE_CHECKING:
    import psycopg

    from tenantry.work.step import Run

KEPT: Final = frozenset({"audit_log", "audit_reads", "backups", "backup_keys"})
"""Tables with a tenant_id that outlive the tenant: ids, and what its backups are found and read by until they end."""


def erase(run: Run) -> None:
    """All in one transaction: rows out, names into quarantine, the record in. Done once, however often it is asked for."""
    slug, tenant = run.subject, naming.tenant_id(run.subject)
    with transaction() as connection:
        if connection.execute("SELECT 1 FROM deletion_records WHERE id = %s", [run.id]).fetchone():
            return
        earlier = connection.execute("SELECT id, resumed FROM runs WHERE tenant_id = %s AND id <> %s", [tenant, run.id]).fetchall()
    # Kept for `forget_runs`: the queue is not part of the transaction.
    run.note("workflows", [f"{row['id']}:{number}" for row in earlier for number in range(row["resumed"] + 1)])
    now, settings = datetime.now(UTC), platform_settings()
    archived = run.arguments["outcome"] == "archived"
    backups_until = None if archived else now + timedelta(days=int(settings.final_backup_days))
    # Whoever had the name next would have the id next, and with it the backups.
    names_until = None if archived else max(now + timedelta(days=int(settings.quarantine_days)), backups_until or now)
    with transaction() as connection:
        backups = _retained(connection, tenant, backups_until)
        legal = connection.execute("SELECT count(*) AS n FROM legal_holds WHERE tenant = %s", [tenant]).fetchone()
        erased = _rows(connection, tenant, run.id)
        proposals.forget(connection, slug)
        hosts = run.notes["existed"]["hosts"]
        quarantine.put(connection, tenant, [("slug", slug), *(("host", host) for host in hosts)], names_until)
        scrub(connection, Names.of(slug, hosts, settings.bucket_prefix, _others(connection, tenant)), run.id)
        record = {
            "outcome": run.arguments["outcome"],
            "run": str(run.id),
            "tenant": {"id": str(tenant), "slug": slug, "name": run.notes["existed"]["name"]},
            "at": now.isoformat(),
            "requested_by": run.requested_by,
            "via": run.via,
            "tool": f"tenantry {tenantry.__version__}",
            "hold": {**run.notes["hold"], "legal_holds_lifted_before": legal["n"] if legal else 0},
            "existed": run.notes["existed"],
            "final_backup": run.notes["proven"],
            "destroyed": {
                "roles": run.notes["existed"]["roles"],
                "rows": run.notes["existed"]["rows"],
                "object_versions": run.notes["existed"]["object_versions"],
                "host_names": hosts,
                "registry_rows": erased,
                "earlier_states_of_the_engine": run.notes.get("state_files"),
                "searched_afterwards": "roles, databases, schemas, rows, objects, DNS records, custom host names: none left",
            },
            "backups": backups,
            "backups_kept_until": backups_until.isoformat() if backups_until else None,
            "quarantine": {"names": [slug, *hosts], "until": names_until.isoformat() if names_until else None},
            "not_reached": [
                "logs of database servers, load balancers and mail servers, and the database servers' own point-in-time recovery: "
                "they end by their own retention",
                "the log of what was read through the service: by ids, and from which addresses; each line ends after its days",
                *(["the state backend's history of updates"] if run.notes.get("state_files") is None else []),
            ],
        }
        deletion_records.add(connection, run.id, tenant, slug, now, record)
        audit(connection, tenant, run.requested_by, "delete", run.arguments["outcome"], run.id)


def _retained(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, until: datetime | None) -> list[dict[str, Any]]:
    connection.execute(
        "INSERT INTO retained_backups (tenant, until) VALUES (%s, %s)"
        " ON CONFLICT (tenant) DO UPDATE SET until = EXCLUDED.until, erased_at = NULL",
        [tenant, until],
    )
    # A reason may be anybody's words.
    connection.execute(
        "UPDATE backups SET reason = 'other' WHERE tenant_id = %s AND reason NOT IN ('final', 'schedule', 'manual')", [tenant]
    )
    rows = connection.execute(
        "SELECT id, taken_at, bytes FROM backups WHERE tenant_id = %s AND state = 'done' ORDER BY started_at", [tenant]
    )
    return [{"id": row["id"], "taken_at": row["taken_at"].isoformat(), "bytes": row["bytes"]} for row in rows]


def _rows(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, own_run: UUID) -> dict[str, int]:
    """Deletes the tenant's rows from every table that has a ``tenant_id``, and counts them by table."""
    connection.execute("UPDATE runs SET tenant_id = NULL WHERE id = %s", [own_run])
    names = [name for name in reversed(_tables(connection)) if name not in KEPT]
    counts: dict[str, int] = {}
    # Twice, because history is written of what is deleted.
    for _ in range(2):
        for name in names:
            gone = connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(name)), [tenant]).rowcount
            counts[name] = counts.get(name, 0) + gone
    failed_sign_ins.forget(connection, tenant)
    connection.execute("DELETE FROM holds WHERE tenant = %s", [tenant])
    connection.execute("DELETE FROM legal_holds WHERE tenant = %s", [tenant])
    counts["tenants"] = connection.execute("DELETE FROM tenants WHERE id = %s", [tenant]).rowcount
    return {name: count for name, count in sorted(counts.items()) if count}


def _tables(connection: psycopg.Connection[dict[str, Any]]) -> list[str]:
    """`tables.names` reads tuples; this connection gives dicts."""
    factory = connection.row_factory
    connection.row_factory = tuple_row  # type: ignore[assignment]  # for this one call
    try:
        return tables.names(connection, naming.CONTROL_SCHEMA)  # type: ignore[arg-type]  # tuples, see above
    finally:
        connection.row_factory = factory


def _others(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> list[str]:
    rows = connection.execute(
        "SELECT slug AS name FROM tenants WHERE id <> %(id)s UNION SELECT host FROM tenants WHERE id <> %(id)s"
        " UNION SELECT host FROM tenant_domains WHERE tenant_id <> %(id)s",
        {"id": tenant},
    )
    return [row["name"] for row in rows]


def stacks_of(tenant: UUID) -> set[str]:
    """Every stack that a run of the tenant was about."""
    with transaction() as connection:
        rows = connection.execute("SELECT DISTINCT stack FROM runs WHERE tenant_id = %s AND stack IS NOT NULL", [tenant])
        return {row["stack"] for row in rows}


def forget_runs(run: Run) -> None:
    """Removes the tenant's earlier runs from the queue, and its name from this one. Asked again, there is nothing left to do."""
    workflows = run.notes.get("workflows", [])
    if workflows:
        queue.client().delete_workflows(workflows)
    with transaction() as connection:
        if not connection.execute("SELECT 1 FROM deletion_records WHERE id = %s", [run.id]).fetchone():
            raise WorkError("there is no deletion record yet", f"tenantry resume {run.id}")
        connection.execute(
            "UPDATE runs SET tenant_id = NULL, subject = %s, stack = NULL, arguments = '{}', notes = '{}', progress = NULL WHERE id = %s",
            [NOBODY, run.id],
        )
        connection.execute("UPDATE run_steps SET summary = NULL, cause = NULL, hint = NULL WHERE run_id = %s", [run.id])
