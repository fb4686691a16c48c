"""Which backups of a tenant are kept: the newest of each of the last days, weeks and months, and a few that no calendar decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tenantry.clients import objects
from tenantry.control import backups
from tenantry.control.backups import Entry
from tenantry.settings import platform_settings
from tenantry.sweep import over

SCHEDULED: Final = "schedule"
FINAL: Final = "final"
"""The backup that was taken before a tenant was deleted: kept until its key is erased, or someone deletes it by hand."""
BY_HAND: Final = timedelta(days=30)
"""For how long a backup that someone asked for is kept, whatever the calendar says."""
ABANDONED: Final = timedelta(days=1)
"""After this time a backup that is not whole was killed."""


@dataclass(frozen=True)
class Retention:
    """How many of each are kept."""

    daily: int
    weekly: int
    monthly: int

    @classmethod
    def of_platform(cls) -> Retention:
        """The setting ``tenantry:backupKeep``."""
        daily, weekly, monthly = platform_settings().backup_keep.split("/")
        return cls(int(daily), int(weekly), int(monthly))

    def kept(self, entries: Iterable[Entry], now: datetime) -> dict[str, str]:
        """Of one tenant's whole backups, which are kept and why: id → reason."""
        whole = sorted((entry for entry in entries if entry.taken_at), key=lambda entry: entry.taken_at or now, reverse=True)
        why: dict[str, str] = {}
        for entry in whole[:1]:
            why[entry.id] = "the newest"
        for entry in whole:
            if entry.reason == FINAL:
                why.setdefault(entry.id, "final")
            elif entry.reason != SCHEDULED and entry.taken_at and now - entry.taken_at < BY_HAND:
                why.setdefault(entry.id, f"asked for ({entry.reason}), younger than {BY_HAND.days} days")
        spans: tuple[tuple[str, int, Callable[[datetime], object]], ...] = (
            ("daily", self.daily, lambda at: at.date()),
            ("weekly", self.weekly, lambda at: at.isocalendar()[:2]),
            ("monthly", self.monthly, lambda at: (at.year, at.month)),
        )
        for name, count, span in spans:
            seen: set[object] = set()
            for entry in whole:
                period = span((entry.taken_at or now).astimezone(UTC))
                if period not in seen and len(seen) < count:
                    seen.add(period)
                    why.setdefault(entry.id, name)
        return why


def plan(entries: Iterable[Entry], retention: Retention, now: datetime) -> list[Entry]:
    """Of all tenants' backups, those that go: whole ones that nothing keeps, failed ones, and those that were killed on the way."""
    by_tenant: dict[object, list[Entry]] = {}
    gone = []
    for entry in entries:
        if entry.state == "done":
            by_tenant.setdefault(entry.tenant_id, []).append(entry)
        elif entry.state == "failed" or (entry.state == "running" and now - entry.started_at > ABANDONED):
            gone.append(entry)
    for some in by_tenant.values():
        kept = retention.kept(some, now)
        gone += [entry for entry in some if entry.id not in kept]
    return gone


def prune(*, dry_run: bool = False, tell: Callable[[str], None] = lambda line: None) -> tuple[list[Entry], list[str]]:
    """Deletes what ``plan`` says, every version of it; the backups that went, and in words those that could not.

    An object lock holds some until its time is over.
    """
    now = datetime.now(UTC)

    def erase(entry: Entry) -> None:
        if not dry_run:
            objects.erase(entry.bucket, entry.prefix)
            backups.mark(entry.id, state="pruned", pruned_at=now)
            tell(f"pruned {entry.id}")

    swept = over(plan(backups.listed(state=None), Retention.of_platform(), now), erase)
    return [entry for entry, _ in swept.done], [f"{entry.id}: {error.message}" for entry, error in swept.failed]
