"""Taking back what a run did to configuration, from the history: every row as it was, or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.control.configuration import changing
from tenantry.control.configuration_bulk import named
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Undo:
    """One row that a run changed, and what it goes back to; ``changed_since``: it is not as the run left it."""

    tenant_id: UUID
    slug: str
    key: str
    now: Any
    back: Any
    """None: the row goes."""
    back_source: str | None
    changed_since: bool


def plan(run_id: UUID) -> list[Undo]:
    """What undoing a run does, by slug and key. ``InputError`` when it changed nothing, is under way or was undone."""
    with transaction() as connection:
        return _plan(connection, run_id)


def _plan(connection: psycopg.Connection[dict[str, Any]], run_id: UUID) -> list[Undo]:
    open_run = connection.execute("SELECT state FROM runs WHERE id = %s AND state IN ('queued', 'running')", [run_id]).fetchone()
    if open_run:
        raise InputError(f"run {run_id} is {open_run['state']}", f"wait until it has ended: tenantry log {run_id}")
    undone = connection.execute("SELECT run_id FROM configuration_run_parts WHERE undoes = %s", [run_id]).fetchone()
    if undone:
        raise InputError(f"run {run_id} was undone by run {undone['run_id']}", f"tenantry config undo {undone['run_id']} does it again")
    # Declared by now otherwise than the run found it: there is no way back to a declared value that is none any more.
    rows = connection.execute(
        """
        SELECT h.tenant_id, coalesce(t.slug, h.tenant_id::text) AS slug, h.config_key, c.config_value AS now, h.old_value, h.old_source,
               (c.config_value, c.source) IS DISTINCT FROM (h.new_value, CASE WHEN h.new_value IS NOT NULL THEN h.source END)
               OR (h.old_source = 'declaration' AND c.declared_value IS DISTINCT FROM h.old_value)
               OR (h.old_source = 'runtime' AND c.declared_value = h.old_value)
               OR EXISTS (SELECT 1 FROM tenant_configuration_history later WHERE later.tenant_id = h.tenant_id
                          AND later.config_key = h.config_key AND later.change_id > h.change_id) AS changed_since
        FROM tenant_configuration_history h
        LEFT JOIN tenants t ON t.id = h.tenant_id
        LEFT JOIN tenant_configurations c ON c.tenant_id = h.tenant_id AND c.config_key = h.config_key
        WHERE h.run_id = %s ORDER BY slug, h.config_key
        """,
        [run_id],
    ).fetchall()
    if not rows:
        known = connection.execute(
            "SELECT 1 FROM runs WHERE id = %s UNION SELECT 1 FROM configuration_run_parts WHERE run_id = %s", [run_id] * 2
        )
        what = "changed no configuration" if known.fetchone() else "is not known"
        raise InputError(f"run {run_id} {what}", "tenantry config history SLUG shows the runs of a tenant's changes")
    return [
        Undo(row["tenant_id"], row["slug"], row["config_key"], row["now"], row["old_value"], row["old_source"], row["changed_since"])
        for row in rows
    ]


def undo(undone: UUID, run_id: UUID, *, skip_changed: bool, actor: str) -> int | None:
    """Takes back what the run ``undone`` did, in one transaction, as the run ``run_id``; the number of rows, None when it did so before.

    ``WorkError`` that names the rows that were changed since; ``skip_changed`` leaves those as they are.
    """
    with changing(actor, run_id, snapshot=True) as connection:
        if connection.execute("SELECT 1 FROM configuration_run_parts WHERE run_id = %s", [run_id]).fetchone():
            return None
        planned = _plan(connection, undone)
        refuse_changed(planned, skip_changed)
        going_back = [row for row in planned if not row.changed_since]
        connection.execute(
            "INSERT INTO configuration_run_parts (run_id, cell, rows, undoes) VALUES (%s, '', %s, %s)", [run_id, len(going_back), undone]
        )
        restored = [row for row in going_back if row.back is not None]
        removed = [row for row in going_back if row.back is None]
        changed = connection.execute(
            """
            INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, source, updated_by)
            SELECT tenant_id, config_key, value::jsonb, source, %s
            FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS back (tenant_id, config_key, value, source)
            ON CONFLICT (tenant_id, config_key) DO UPDATE SET
                config_value = EXCLUDED.config_value, source = EXCLUDED.source, updated_at = now(), updated_by = EXCLUDED.updated_by
            """,
            [
                actor,
                [row.tenant_id for row in restored],
                [row.key for row in restored],
                [json.dumps(row.back) for row in restored],
                [row.back_source for row in restored],
            ],
        ).rowcount
        changed += connection.execute(
            "DELETE FROM tenant_configurations c USING unnest(%s::uuid[], %s::text[]) AS gone (tenant_id, config_key)"
            " WHERE c.tenant_id = gone.tenant_id AND c.config_key = gone.config_key",
            [[row.tenant_id for row in removed], [row.key for row in removed]],
        ).rowcount
        if changed != len(going_back):
            raise WorkError(f"{changed} rows would have gone back instead of {len(going_back)}", "nothing was changed; try again")
        return changed


def refuse_changed(planned: list[Undo], skip_changed: bool) -> None:
    """``WorkError`` that names the rows that cannot go back, unless they are to be left alone."""
    changed = [f"{row.slug} {row.key}" for row in planned if row.changed_since]
    if changed and not skip_changed:
        raise WorkError(
            f"{len(changed)} of {len(planned)} rows were changed since: {named(changed)}",
            "nothing was undone; --skip-changed leaves these as they are and undoes the others",
        )
