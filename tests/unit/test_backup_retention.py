"""Which backups stay: the calendar's, and those that no calendar decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tenantry.control.backups import Entry
from tenantry.errors import InputError
from tenantry.operations.backup.retention import Retention, plan
from tenantry.settings import PlatformSettings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEEP = Retention(7, 4, 12)


def entry(at, reason="schedule", state="done", tenant=1):
    empty = dict.fromkeys(Entry.__annotations__)
    values = {"id": f"{tenant} {at:%Y-%m-%d %H}", "tenant_id": UUID(int=tenant), "reason": reason, "state": state, "started_at": at}
    return Entry(**{**empty, **values, "taken_at": at if state == "done" else None})


def kept(entries):
    gone = {one.id for one in plan(entries, KEEP, NOW)}
    return [one.id for one in entries if one.id not in gone]


def test_a_year_of_nights_leaves_days_weeks_and_months():
    """Of 400 nightly backups there stay 7 days, then the newest of each week and month, and never more than their sum."""
    nights = [entry(NOW - timedelta(days=age, hours=10)) for age in range(400)]
    left = kept(nights)
    assert left[:7] == [one.id for one in nights[:7]]
    newest = {}
    for one in nights:
        newest.setdefault(("week", one.taken_at.isocalendar()[:2]), one.id)
        newest.setdefault(("month", one.taken_at.year, one.taken_at.month), one.id)
    weeks = [name for (kind, *_), name in newest.items() if kind == "week"]
    months = [name for (kind, *_), name in newest.items() if kind == "month"]
    assert set(left) == {*left[:7], *weeks[:4], *months[:12]}


def test_two_of_one_day_leave_the_newer():
    """The newest of a day stands for it."""
    older, newer = entry(NOW - timedelta(days=1, hours=5)), entry(NOW - timedelta(days=1))
    today = entry(NOW)
    assert kept([today, older, newer]) == [today.id, newer.id]


def test_the_newest_stays_however_old_it_is():
    """A tenant that is not backed up any more keeps its last backup."""
    old = entry(NOW - timedelta(days=2000))
    assert kept([old]) == [old.id]


def test_what_somebody_asked_for_stays_a_month():
    """A backup before an import survives the night's; a final one survives everything."""
    asked, night = entry(NOW - timedelta(hours=10), "before-import"), entry(NOW - timedelta(hours=8))
    assert kept([asked, night]) == [asked.id, night.id]
    nights = [entry(NOW - timedelta(days=age, hours=1)) for age in range(800)]
    stale = entry(NOW - timedelta(days=700, hours=2), "before-import")
    final = entry(NOW - timedelta(days=700, hours=2), "final", tenant=2)
    left = kept([stale, *nights])
    assert stale.id not in left
    assert final.id in kept([final, *(replace(one, tenant_id=UUID(int=2)) for one in nights)])


def test_each_tenant_has_its_own_calendar():
    """One tenant's new backup does not push out another's."""
    entries = [entry(NOW, tenant=1), entry(NOW - timedelta(days=100), tenant=2)]
    assert kept(entries) == [one.id for one in entries]


def test_what_failed_or_was_killed_goes():
    """A failed backup goes at once, one that is being taken only when it cannot be under way any more."""
    failed, fresh = entry(NOW, state="failed"), entry(NOW - timedelta(hours=1), state="running")
    killed = entry(NOW - timedelta(days=2), state="running")
    assert kept([failed, fresh, killed]) == [fresh.id]


@pytest.mark.parametrize("text", ["7/4", "0/4/12", "a/b/c", "7/4/12/1", ""])
def test_a_setting_that_means_nothing_is_refused(text, tmp_path):
    """Days, weeks and months, and never no day at all."""
    values = {"domain": "t.example", "zoneId": "0" * 32, "endpoint": "e.t.example", "bucketPrefix": "abc", "accountId": "1" * 12}
    with pytest.raises(InputError, match="tenantry:backupKeep"):
        PlatformSettings.from_mapping({**values, "aws:region": "eu-central-1", "backupKeep": text})
