"""One key of many tenants: what a change would do, the change cell by cell, and taking a whole run back.

A part of a run (a cell) is one transaction that sees one moment. It is done only when that moment looks as it did in the preview, and it
writes into ``configuration_run_parts`` that it is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry.clients import registry
from tenantry.clients.configuration import changing
from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Selection:
    """Which tenants: those that meet every condition. An empty one is met by all."""

    states: tuple[str, ...] = ("active", "suspended")
    tiers: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    """Key → value in force; a key without a row has its default."""
    tenants: tuple[str, ...] = ()
    """Ids."""

    def as_json(self) -> dict[str, Any]:
        """For a run's arguments."""
        return {name: list(value) if isinstance(value, tuple) else dict(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Selection:
        """The selection that ``as_json`` wrote down."""
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one tenant's row; ``old`` and ``old_source`` are None where there is none."""

    tenant_id: UUID
    slug: str
    cell: str
    old: Any
    old_source: str | None
    new: Any
    source: str

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return (self.old_source, self.old) != (self.source, self.new)


def plan(selection: Selection, key: str, value: Any) -> list[Change]:
    """What setting ``key`` to ``value`` does to each chosen tenant, by cell and slug."""
    with registry.transaction() as connection:
        return _plan(connection, selection, key, value)


def _plan(connection: psycopg.Connection[dict[str, Any]], selection: Selection, key: str, value: Any) -> list[Change]:
    conditions: list[sql.Composable] = [
        sql.SQL("t.state = ANY(%(states)s)"),
        sql.SQL("(cardinality(%(tiers)s::text[]) = 0 OR t.tier = ANY(%(tiers)s))"),
        sql.SQL("(cardinality(%(cells)s::text[]) = 0 OR t.cell = ANY(%(cells)s))"),
        sql.SQL("(cardinality(%(tenants)s::uuid[]) = 0 OR t.id = ANY(%(tenants)s::uuid[]))"),
        sql.SQL("t.labels @> %(labels)s"),
    ]
    parameters: dict[str, Any] = {
        "states": list(selection.states),
        "tiers": list(selection.tiers),
        "cells": list(selection.cells),
        "tenants": list(selection.tenants),
        "labels": Jsonb(dict(selection.labels)),
        "key": key,
        "value": Jsonb(value),
    }
    for number, (name, wanted) in enumerate(selection.values.items()):
        conditions.append(
            sql.SQL(
                "coalesce((SELECT w.config_value FROM tenant_configurations w WHERE w.tenant_id = t.id AND w.config_key = {}), {}) = {}"
            ).format(*(sql.Placeholder(f"{part}{number}") for part in ("key", "default", "wanted")))
        )
        default = CONFIGURATION_KEYS[name].default
        parameters |= {f"key{number}": name, f"default{number}": None if default is None else Jsonb(default)}
        parameters[f"wanted{number}"] = Jsonb(wanted)
    rows = connection.execute(
        sql.SQL(
            """
            SELECT t.id, t.slug, t.cell, c.config_value AS old, c.source AS old_source,
                   CASE WHEN c.declared_value = %(value)s THEN 'declaration' ELSE 'runtime' END AS source
            FROM tenants t LEFT JOIN tenant_configurations c ON c.tenant_id = t.id AND c.config_key = %(key)s
            WHERE t.deleted_at IS NULL AND {} ORDER BY t.cell, t.slug
            """
        ).format(sql.SQL(" AND ").join(conditions)),
        parameters,
    )
    return [Change(row["id"], row["slug"], row["cell"], row["old"], row["old_source"], value, row["source"]) for row in rows]


def digest(changes: Iterable[Change]) -> str:
    """What a preview saw, as 16 hexadecimal digits: another tenant, value or source gives others."""
    summed = hashlib.sha256()
    for change in changes:
        summed.update(f"{change.tenant_id} {change.old_source} {json.dumps(change.old)} {change.source}\n".encode())
    return summed.hexdigest()[:16]


def apply_part(
    run_id: UUID, selection: Selection, key: str, value: Any, cell: str, *, expected: str, seen_at: datetime, actor: str
) -> int | None:
    """Sets the key in one cell and gives the number of rows changed; None when this run has done so before.

    ``WorkError`` when the cell is not as the preview saw it (``expected``, ``seen_at``): nothing of it is changed then.
    """
    with changing(actor, run_id, snapshot=True) as connection:
        taken_back = connection.execute("SELECT run_id FROM configuration_run_parts WHERE undoes = %s", [run_id]).fetchone()
        if taken_back:
            raise WorkError(f"run {run_id} was undone by run {taken_back['run_id']}", "ask for the change again: tenantry config bulk")
        if connection.execute("SELECT 1 FROM configuration_run_parts WHERE run_id = %s AND cell = %s", [run_id, cell]).fetchone():
            return None
        # Before anything is compared: a second process that does the same part waits here, and then fails.
        connection.execute("INSERT INTO configuration_run_parts (run_id, cell, rows) VALUES (%s, %s, 0)", [run_id, cell])
        planned = [change for change in _plan(connection, selection, key, value) if change.cell == cell]
        if digest(planned) != expected:
            raise _surprise(connection, cell, key, planned, seen_at)
        changing_ids = [change.tenant_id for change in planned if change.changes]
        changed = connection.execute(
            """
            INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, source, updated_by)
            SELECT id, %(key)s, %(value)s, 'runtime', %(actor)s FROM unnest(%(ids)s::uuid[]) AS chosen (id)
            ON CONFLICT (tenant_id, config_key) DO UPDATE SET
                config_value = EXCLUDED.config_value,
                source = CASE WHEN c.declared_value = EXCLUDED.config_value THEN 'declaration' ELSE 'runtime' END,
                updated_at = now(), updated_by = EXCLUDED.updated_by
            """,
            {"key": key, "value": Jsonb(value), "actor": actor, "ids": changing_ids},
        ).rowcount
        if changed != len(changing_ids):
            raise WorkError(
                f"cell {cell}: {changed} rows would have changed instead of {len(changing_ids)}", "look at it again without --apply"
            )
        connection.execute("UPDATE configuration_run_parts SET rows = %s WHERE run_id = %s AND cell = %s", [changed, run_id, cell])
        return changed


def _surprise(connection: psycopg.Connection[dict[str, Any]], cell: str, key: str, planned: list[Change], seen_at: datetime) -> WorkError:
    """Names what changed since the preview, as far as it can be told."""
    rows = connection.execute(
        """
        SELECT slug FROM tenants t WHERE cell = %(cell)s AND (updated_at >= %(at)s OR EXISTS (
            SELECT 1 FROM tenant_configuration_history h WHERE h.tenant_id = t.id AND h.changed_at >= %(at)s)) ORDER BY slug LIMIT 6
        """,
        {"cell": cell, "at": seen_at},
    ).fetchall()
    who = f": {named([row['slug'] for row in rows])}" if rows else ""
    return WorkError(
        f"cell {cell} is not as it was in the preview of {key}{who}", "nothing of this cell was changed; look at the preview again"
    )


def named(slugs: list[str]) -> str:
    """At most five names, and how many more."""
    return ", ".join(slugs[:5]) + (f" and {len(slugs) - 5} more" if len(slugs) > 5 else "")


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


def undo_plan(run_id: UUID) -> list[Undo]:
    """What undoing a run does, by slug and key. ``InputError`` when it changed nothing, is under way or was undone."""
    with registry.transaction() as connection:
        return _undo_plan(connection, run_id)


def _undo_plan(connection: psycopg.Connection[dict[str, Any]], run_id: UUID) -> list[Undo]:
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
        planned = _undo_plan(connection, undone)
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
