"""One key of many tenants at once: previewed, applied cell by cell as durable work, and undone by the run's id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import configuration_bulk, configuration_undo, runs, tenant_pages
from tenantry.control.configuration_bulk import Change, Selection
from tenantry.control.configuration_undo import Undo
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.declaration.keys import Editor
from tenantry.declaration.values import check, from_text, known, settable
from tenantry.errors import InputError, WorkError
from tenantry.operations import runs as run_journal
from tenantry.problems import nearest
from tenantry.stores.tenant_store import unknown
from tenantry.work import queue
from tenantry.work.step import Kind, Run, Step


@dataclass(frozen=True)
class Preview:
    """What a change of many tenants would do. ``plan`` names it: the same text as long as it would do the same."""

    key: str
    value: Any
    selection: Selection
    tenants: tuple[Change, ...]
    """Every chosen tenant, by cell and slug; also those that have the value."""
    seen_at: datetime

    @property
    def changes(self) -> list[Change]:
        """Those for which anything changes."""
        return [change for change in self.tenants if change.changes]

    @property
    def cells(self) -> dict[str, int]:
        """Tenants that change, by cell, in the order in which the cells are done; those without any are left out."""
        return dict(Counter(change.cell for change in self.changes))

    @property
    def plan(self) -> str:
        return configuration_bulk.digest(self.tenants)


def select(
    *,
    tiers: Sequence[str] = (),
    cells: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    states: Sequence[str] = (),
    slugs: Sequence[str] = (),
    sight: Sight = EVERYTHING,
) -> Selection:
    """The selection that somebody who has these tenants in ``sight`` asks for. ``where``: key → value in force, as text. ``InputError``
    for a name that nothing there has."""
    values = {key: from_text(known(key), text) for key, text in (where or {}).items()}
    there = tenant_pages.marks(sight)
    ids = {row["slug"]: str(row["id"]) for row in there}
    for slug in slugs:
        if slug not in ids:
            raise unknown(slug, list(ids))
    for what, asked in (("tier", tiers), ("cell", cells), ("state", states)):
        names = {row[what] for row in there}
        for name in asked:
            if name not in names:
                raise InputError(f"no tenant has the {what} {name!r}", nearest(name, names))
    given: dict[str, Any] = {
        "tiers": tuple(tiers),
        "cells": tuple(cells),
        "labels": {**(labels or {}), **sight.labels},
        "values": values,
        "tenants": tuple(ids[slug] for slug in slugs) or ((ids[sight.slug],) if sight.slug is not None else ()),
    }
    if any(sight.labels.get(name, value) != value for name, value in (labels or {}).items()):
        raise InputError("no tenant is chosen", "leave the labels out that say another partner")
    return Selection(states=tuple(states), **given) if states else Selection(**given)


def preview(key: str, value: Any, selection: Selection, *, editor: Editor = "platform") -> Preview:
    """What setting ``key`` to ``value`` for the chosen tenants would do. ``InputError`` for a key or value that no tenant could have."""
    checked = check(settable(key, editor), value)
    return Preview(key, checked, selection, tuple(configuration_bulk.plan(selection, key, checked)), datetime.now(UTC))


def require(previewed: Preview, plan: str | None = None) -> None:
    """``InputError`` where no tenant is chosen, or the preview is not any more the one called ``plan``."""
    if not previewed.tenants:
        raise InputError("no tenant is chosen", "tenantry status shows the tenants; leave conditions out to choose more")
    if plan is not None and plan != previewed.plan:
        raise InputError(f"the preview is {previewed.plan} by now, not {plan}", "look at it again: the same command without --apply")


def request(previewed: Preview, *, actor: Actor) -> UUID:
    """Asks for the change; the run's id. What has changed since the preview stops it, cell by cell."""
    if not previewed.changes:
        raise InputError(
            f"nothing to change: {counted(len(previewed.tenants))} chosen", "all of them have that value" if previewed.tenants else ""
        )
    return queue.request(
        runs.Request(
            BULK.name,
            f"{previewed.key} of {counted(len(previewed.changes))}",
            arguments={
                "key": previewed.key,
                "value": previewed.value,
                "selection": previewed.selection.as_json(),
                "parts": parts(previewed),
                "seen_at": previewed.seen_at.isoformat(),
            },
            actor=actor,
        )
    )


def parts(previewed: Preview) -> list[dict[str, Any]]:
    """The cells in their order: ``cell``, ``tenants`` (that change), ``expected`` (what the preview saw there)."""
    seen = {cell: [change for change in previewed.tenants if change.cell == cell] for cell in previewed.cells}
    return [{"cell": cell, "tenants": count, "expected": configuration_bulk.digest(seen[cell])} for cell, count in previewed.cells.items()]


def _steps(run: Run) -> list[Step]:
    return [Step(f"cell {part['cell']}", partial(_apply, part)) for part in run.arguments["parts"]]


def _apply(part: Mapping[str, Any], run: Run) -> str:
    given = run.arguments
    try:
        changed = configuration_bulk.apply_part(
            run.id,
            Selection.from_json(given["selection"]),
            given["key"],
            given["value"],
            part["cell"],
            expected=part["expected"],
            seen_at=datetime.fromisoformat(given["seen_at"]),
            actor=run.requested_by,
        )
    except WorkError as error:
        if part is given["parts"][0]:
            raise
        raise WorkError(
            error.message, f"{error.hint}; the cells before stay changed, tenantry config undo {run.id} takes them back"
        ) from error
    return f"{counted(part['tenants'] if changed is None else changed)} changed"


def counted(tenants: int) -> str:
    """``1 tenant``, ``2 tenants``."""
    return f"{tenants:,} tenant{'' if tenants == 1 else 's'}"


def require_seen(run_id: UUID, sight: Sight, name: str) -> None:
    """``InputError``, as for a run that there is not, unless somebody sees the run and each tenant that it changed."""
    run_journal.seen(run_id, sight, name)
    if not sight.everything:
        mine = {row["slug"] for row in tenant_pages.marks(sight)}
        if any(row.slug not in mine for row in configuration_undo.plan(run_id)):
            raise InputError("there is no such run", "GET /v1/runs lists those that are there to be seen", code="run.unknown")


def undo_preview(run_id: UUID) -> list[Undo]:
    """What undoing a run would do. ``InputError`` when it changed nothing, is under way or was undone."""
    return configuration_undo.plan(run_id)


def request_undo(run_id: UUID, *, skip_changed: bool = False, actor: Actor) -> UUID:
    """Asks for a run to be undone; the new run's id, which can be undone too. ``WorkError`` that names rows that were changed since."""
    planned = configuration_undo.plan(run_id)
    configuration_undo.refuse_changed(planned, skip_changed)
    if all(row.changed_since for row in planned):
        raise InputError(f"nothing is left to undo of run {run_id}", "every row was changed since")
    arguments = {"run": str(run_id), "skip_changed": skip_changed}
    return queue.request(runs.Request(UNDO.name, f"run {run_id}", arguments=arguments, actor=actor))


def _undo(run: Run) -> str:
    undone = UUID(run.arguments["run"])
    changed = configuration_undo.undo(undone, run.id, skip_changed=run.arguments["skip_changed"], actor=run.requested_by)
    return "done before" if changed is None else f"{changed} rows are as they were"


BULK = Kind("config-bulk", _steps)
UNDO = Kind("config-undo", lambda _: [Step("put back", _undo)])
