"""Who did and read what: filtered, page by page or all of it as lines; for the platform, for partners, and for a tenant's own people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tenantry.control import audit_pages, cursors
from tenantry.control.audit_pages import Filters, Kind
from tenantry.control.runs import JOINED, RENEWED, RESUMED
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.naming import CONTROL_APP
from tenantry.operations import lines
from tenantry.operations.lines import FORMATS

__all__ = [
    "FORMATS",
    "Filters",
    "Kind",
    "LogLine",
    "LogPage",
    "TenantLine",
    "TenantPage",
    "exported",
    "of_tenant",
    "page",
    "tenant_exported",
]

_EACH: Final = 500
"""Lines that are read at a time."""

_OUTCOMES: Final = frozenset({"done", "failed", "cancelled", JOINED, RESUMED, RENEWED})
_OF_PEOPLE: Final = frozenset({"user", "invitation", "passkey", "password", "sign in", "sign out", "sign-in link", "configuration"})
"""Actions of which a tenant's own people may read all that is said: ids of theirs, roles, keys of configuration."""


@dataclass(frozen=True)
class LogLine:
    """One thing that somebody did, or read."""

    at: datetime
    kind: Kind
    who: str
    credential: str | None
    """What he showed, of a read: ``key ID``, ``session`` or ``link``."""
    address: str | None
    """Of a read; None as well where it is not for whoever asks."""
    tenant: str | None
    """The slug; None: of none or of several, or of one that is gone."""
    tenant_id: UUID | None
    action: str
    """What he did, or the route that he read."""
    detail: str
    """What came of it, or the filter."""
    run_id: UUID | None
    request_id: UUID | None
    """Of a read, as the answer had it."""
    reads: int | None
    """How many alike, within a moment."""


@dataclass(frozen=True)
class LogPage:
    """Some lines, the newest first, and where the next page begins; None on the last one."""

    lines: tuple[LogLine, ...]
    after: str | None


@dataclass(frozen=True)
class TenantLine:
    """The same for a tenant's own people: of others neither who they are by name nor from where they come, nor how the platform works."""

    at: datetime
    kind: Kind
    who: str
    """``user:ID``, one of theirs; else ``platform``, ``program``, ``application`` or ``link``."""
    action: str
    detail: str
    reads: int | None


@dataclass(frozen=True)
class TenantPage:
    """Some of these, the newest first, and where the next page begins; None on the last one."""

    lines: tuple[TenantLine, ...]
    after: str | None


_COLUMNS: Final = tuple(field.name for field in fields(LogLine))
_TENANT_COLUMNS: Final = tuple(field.name for field in fields(TenantLine))


def page(
    wanted: Filters, *, sight: Sight = EVERYTHING, name: str = "", holder: str = "", after: str | None = None, limit: int = 50
) -> LogPage:
    """A page of the lines about tenants in ``sight``. Who does not see every tenant sees of the lines without one his own, by ``name`` and
    ``holder``, and no address but his own."""
    rows, behind = _page(wanted, sight, name, holder, after, limit)
    return LogPage(tuple(_line(row, sight, holder) for row in rows), behind)


def exported(form: str, wanted: Filters, *, sight: Sight = EVERYTHING, name: str = "", holder: str = "") -> Iterator[str]:
    """All of these as lines, in either of ``FORMATS``; read as they are taken. ``InputError`` for another format."""
    lines.require(form)
    rows = _every(wanted, sight, name, holder)
    return lines.written(form, _COLUMNS, (asdict(_line(row, sight, holder)) for row in rows))


def of_tenant(tenant: UUID, wanted: Filters, *, after: str | None = None, limit: int = 50) -> TenantPage:
    """A page of the lines about one tenant, as its own people may see them."""
    rows, behind = _page(_about(tenant, wanted), EVERYTHING, "", "", after, limit)
    return TenantPage(tuple(map(_tenant_line, rows)), behind)


def tenant_exported(form: str, tenant: UUID, wanted: Filters) -> Iterator[str]:
    """All of these as lines. ``InputError`` for a format that there is not."""
    lines.require(form)
    rows = _every(_about(tenant, wanted), EVERYTHING, "", "")
    return lines.written(form, _TENANT_COLUMNS, (asdict(_tenant_line(row)) for row in rows))


def _about(tenant: UUID, wanted: Filters) -> Filters:
    # By its id alone: what else a tenant's people could filter by would tell them what is not shown.
    return Filters(None, tenant, wanted.kind, None, wanted.since, wanted.until)


def _page(
    wanted: Filters, sight: Sight, name: str, holder: str, after: str | None, limit: int
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    rows = audit_pages.page(sight, name, holder, wanted, after, limit + 1)
    shown = rows[:limit]
    return shown, cursors.of(shown[-1]["at"], shown[-1]["key"]) if len(rows) > limit else None


def _every(wanted: Filters, sight: Sight, name: str, holder: str) -> Iterator[Mapping[str, Any]]:
    after, more = None, True
    while more:
        rows, after = _page(wanted, sight, name, holder, after, _EACH)
        yield from rows
        more = after is not None


def _line(row: Mapping[str, Any], sight: Sight, holder: str) -> LogLine:
    told = {column: row[column] for column in _COLUMNS}
    if not sight.everything and row["holder"] != holder:
        told["address"] = None
    return LogLine(**told)


def _tenant_line(row: Mapping[str, Any]) -> TenantLine:
    who = _who(row)
    said = row["detail"]
    shown = who.startswith("user:") if row["kind"] == "read" else row["action"] in _OF_PEOPLE or said in _OUTCOMES
    return TenantLine(row["at"], row["kind"], who, row["action"], said if shown else "", row["reads"])


def _who(row: Mapping[str, Any]) -> str:
    said = str(row["holder"] or row["who"])
    if said.startswith("user:"):
        return said
    if said.startswith("link:"):
        return "link"
    if said.startswith(f"{CONTROL_APP}"):
        return "application"
    return "program" if str(row["credential"]).startswith("key ") else "platform"
