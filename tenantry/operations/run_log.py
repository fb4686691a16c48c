"""The journal of durable work, filtered and page by page; and all of it as lines for another program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tenantry.control import cursors, run_pages
from tenantry.control.run_pages import Filters
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.errors import InputError
from tenantry.operations.runs import RunEntry

__all__ = ["COLUMNS", "FORMATS", "Filters", "Page", "exported", "page"]

FORMATS: Final = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
"""Format → media type."""
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
    if form not in FORMATS:
        raise InputError(f"there is no format {form[:20]!r}", f"one of {', '.join(FORMATS)}")
    return _lines(form, wanted, sight, name)


def _lines(form: str, wanted: Filters, sight: Sight, name: str) -> Iterator[str]:
    if form == "csv":
        yield _csv(COLUMNS)
    after, more = None, True
    while more:
        found = page(wanted, sight=sight, name=name, after=after, limit=_EACH)
        for run in found.runs:
            row = _row(run)
            yield _csv([row[column] for column in COLUMNS]) if form == "csv" else json.dumps(row, ensure_ascii=False) + "\n"
        after, more = found.after, found.after is not None


def _row(run: RunEntry) -> dict[str, Any]:
    given = {column: getattr(run, column) for column in COLUMNS if column not in ("tenant", "steps_done")}
    row = {**given, "tenant": run.subject, "steps_done": sum(step.state in ("done", "skipped") for step in run.steps)}
    return {column: _plain(row[column]) for column in COLUMNS}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value if value is None or isinstance(value, int) else str(value)


def _csv(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_harmless(value) for value in values])
    return out.getvalue()


def _harmless(value: Any) -> Any:
    """What a table would take for a formula, as the text that it is: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else value
