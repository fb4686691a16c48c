"""The journal of durable work, filtered and page by page; and all of it as lines for another program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry.control import cursors, run_pages
from tenantry.control.run_pages import Filters
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.operations import lines
from tenantry.operations.lines import FORMATS
from tenantry.operations.runs import RunEntry

__all__ = ["COLUMNS", "FORMATS", "Filters", "Page", "exported", "page"]

COLUMNS: Final = (
    "id", "kind", "tenant", "state", "requested_by", "via", "requested_at", "started_at", "finished_at", "steps_done", "error", "hint",
)  # fmt: skip
_EACH: Final = 200
"""Runs that are read at a time."""


@dataclass(frozen=True)
class Page:
    """Some runs, the newest first, and where the next page begins; None on the last one."""

    runs: tuple[RunEntry, ...]
    after: str | None


def page(wanted: Filters, *, sight: Sight = EVERYTHING, name: str = "", after: str | None = None, limit: int = 50) -> Page:
    """A page of the runs whose tenants are in ``sight``, and of those without one that ``name`` asked for by the service."""
    found = [RunEntry.of(row) for row in run_pages.page(sight, name, wanted, after, limit + 1)]
    shown = tuple(found[:limit])
    return Page(shown, cursors.of(shown[-1].requested_at, str(shown[-1].id)) if len(found) > limit else None)


def exported(form: str, wanted: Filters, *, sight: Sight = EVERYTHING, name: str = "") -> Iterator[str]:
    """All of these runs as lines, in either of ``FORMATS``; read as they are taken. ``InputError`` for another format."""
    lines.require(form)
    return lines.written(form, COLUMNS, _rows(wanted, sight, name))


def _rows(wanted: Filters, sight: Sight, name: str) -> Iterator[Mapping[str, Any]]:
    after, more = None, True
    while more:
        found = page(wanted, sight=sight, name=name, after=after, limit=_EACH)
        yield from map(_row, found.runs)
        after, more = found.after, found.after is not None


def _row(run: RunEntry) -> Mapping[str, Any]:
    given = {column: getattr(run, column) for column in COLUMNS if column not in ("tenant", "steps_done")}
    return {**given, "tenant": run.subject, "steps_done": sum(step.state in ("done", "skipped") for step in run.steps)}
