"""One key of many tenants: what a change would do, and the change, cell by cell.

A part of a run (a cell) is one transaction that sees one moment. It is done only when that moment looks as it did in the preview, and it
writes into ``configuration_run_parts`` that it is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry.control.configuration import changing
from tenantry.control.database import transaction
from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.errors import WorkError

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
    with transaction() as connection:
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
        planned = _plan(connection, replace(selection, cells=(cell,)), key, value)
        if digest(planned) != expected:
            raise _surprise(connection, cell, key, planned, seen_at)
        # A plain UPDATE where there is a row, which is most of them: an upsert looks for each row twice.
        there = [change.tenant_id for change in planned if change.changes and change.old_source is not None]
        missing = [change.tenant_id for change in planned if change.old_source is None]
        given = {"key": key, "value": Jsonb(value), "actor": actor, "there": there, "missing": missing}
        changed = connection.execute(
            """
            UPDATE tenant_configurations SET
                config_value = %(value)s, updated_at = now(), updated_by = %(actor)s,
                source = CASE WHEN declared_value = %(value)s THEN 'declaration' ELSE 'runtime' END
            WHERE config_key = %(key)s AND tenant_id = ANY(%(there)s::uuid[])
            """,
            given,
        ).rowcount
        if missing:
            changed += connection.execute(
                "INSERT INTO tenant_configurations (tenant_id, config_key, config_value, source, updated_by)"
                " SELECT id, %(key)s, %(value)s, 'runtime', %(actor)s FROM unnest(%(missing)s::uuid[]) AS chosen (id)"
                " ON CONFLICT DO NOTHING",
                given,
            ).rowcount
        if changed != len(there) + len(missing):
            raise WorkError(
                f"cell {cell}: {changed} rows would have changed instead of {len(there) + len(missing)}", "look at it again without --apply"
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
