"""When a task is done, where a tenant stands in it, and what its schedule may say: no server is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenantry import naming
from tenantry.errors import InputError
from tenantry.operations import shipped_tasks, tidy
from tenantry.operations.usage import findings
from tenantry.work.tasks import register, schedule
from tenantry.work.tasks.task import Task

TENANTS = [naming.tenant_id(f"tenant-{number}") for number in range(2000)]
HOURLY = "0 * * * *"
SLOT = datetime(2030, 1, 1, 12, tzinfo=UTC)


def task(**more):
    return Task("sample", "for a test", HOURLY, lambda context: "", **more)


def test_each_tenant_has_its_own_place_in_the_spread_always_the_same():
    """All within the spread, every tenth of it used about alike."""
    spread = task(spread=600)
    places = [schedule.offset(spread, tenant) for tenant in TENANTS]
    assert places == [schedule.offset(spread, tenant) for tenant in TENANTS]
    assert all(0 <= place < 600 for place in places)
    tenths = [sum(int(place // 60) == tenth for place in places) for tenth in range(10)]
    assert min(tenths) > 140, tenths
    assert schedule.offset(spread, None) == 0


def test_a_task_has_no_more_lanes_than_tenants_at_one_time_and_names_no_tenant():
    """Another task's lanes are others, so that it does not wait for this one."""
    lanes = {schedule.lane(task(parallel=3), tenant) for tenant in TENANTS}
    assert lanes == {"sample:0", "sample:1", "sample:2"}


@pytest.mark.parametrize(
    ("late", "catch_up", "decision"),
    [
        (timedelta(seconds=2), False, "run"),
        (timedelta(minutes=4), False, "run"),
        (timedelta(minutes=6), False, "missed"),
        (timedelta(minutes=6), True, "run"),
        (timedelta(minutes=59), True, "run"),
        (timedelta(minutes=60), True, "superseded"),
        (timedelta(days=3), True, "superseded"),
        (timedelta(days=3), False, "superseded"),
    ],
)
def test_a_slot_that_is_late_is_run_only_where_nothing_takes_its_place(monkeypatch, late, catch_up, decision):
    """An hourly task: five minutes of grace, then only the newest slot of a task that catches up."""
    monkeypatch.setattr(register, "known", lambda: {"sample": task(catch_up=catch_up)})
    assert schedule.decided("sample", HOURLY, SLOT, SLOT + late) == decision
    assert schedule.decided("gone", HOURLY, SLOT, SLOT + late) == "dropped"


@pytest.mark.parametrize("text", ["61 * * * *", "* * * *", "daily", "* * * * * * *", "@daily", "0 0 31 2"])
def test_a_malformed_schedule_is_refused_wherever_it_is_written(monkeypatch, text):
    """In code and in the variable."""
    with pytest.raises(InputError, match="is not a cron expression"):
        register.schedule(Task("sample", "", text, lambda context: ""))
    monkeypatch.setenv("TENANTRY_CRON_SAMPLE", text)
    with pytest.raises(InputError, match="TENANTRY_CRON_SAMPLE"):
        register.schedule(task())


def test_a_schedule_is_changed_or_switched_off_by_its_variable(monkeypatch):
    """A dash in the task's name is an underscore there; six fields begin with the seconds."""
    dashed = Task("two-words", "", HOURLY, lambda context: "")
    assert register.schedule(dashed) == HOURLY
    monkeypatch.setenv("TENANTRY_CRON_TWO_WORDS", "30 5 2 * * *")
    assert register.schedule(dashed) == "30 5 2 * * *"
    assert register.next_time("30 5 2 * * *", SLOT) == datetime(2030, 1, 2, 2, 5, 30, tzinfo=UTC)
    monkeypatch.setenv("TENANTRY_CRON_TWO_WORDS", "OFF")
    assert register.schedule(dashed) is None


def test_the_shipped_tasks_have_good_names_and_schedules():
    """Names can stand in a variable's name; a spread ends before the next slot."""
    assert len({each.name for each in shipped_tasks.TASKS}) == len(shipped_tasks.TASKS)
    for each in shipped_tasks.TASKS:
        assert each.name.replace("-", "").isalnum()
        first = register.next_time(str(register.schedule(each)), SLOT)
        assert timedelta(seconds=each.spread) < register.next_time(each.cron, first) - first


def test_an_unknown_task_is_answered_with_the_nearest_name():
    with pytest.raises(InputError) as refused:
        register.find("usgae")
    assert (refused.value.message, refused.value.hint) == ("no task usgae", "did you mean usage?")


@pytest.mark.parametrize(
    ("users", "level"), [(7, None), (8, ("users", 80, "near")), (10, ("users", 100, "near")), (11, ("users", 110, "over"))]
)
def test_a_limit_is_near_from_eighty_per_cent_and_passed_above_a_hundred(users, level):
    """Sessions that nobody can count and limits that are not set are left out."""
    figures = {"database_bytes": 10**8, "object_bytes": 10**8, "users": users, "connections": None}
    found = findings(figures, {"users": 10, "storage_gb": 5, "connections": 1})
    assert [(each["limit"], each["percent"], each["level"]) for each in found] == ([level] if level else [])


def test_storage_is_what_database_and_objects_take_together():
    figures = {"database_bytes": 9 * 10**8, "object_bytes": 2 * 10**8, "users": 0, "connections": 5}
    found = findings(figures, {"storage_gb": 1})
    assert found == [{"limit": "storage_gb", "used": 1.1, "allowed": 1, "percent": 110, "level": "over"}]


@pytest.mark.parametrize("days", ["0", "-3", "soon"])
def test_the_time_that_runs_are_kept_is_a_number_of_days(monkeypatch, days):
    monkeypatch.setenv("TENANTRY_TASK_DAYS", days)
    with pytest.raises(InputError, match="TENANTRY_TASK_DAYS"):
        tidy.age()
