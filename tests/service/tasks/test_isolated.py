"""One tenant's trouble is that tenant's alone, and what each run took is written down."""

from __future__ import annotations

import json

import psutil
import pytest

from tests.service.tasks.conftest import rows
from tests.volume import volume

pytestmark = pytest.mark.service

CAUSES = {
    "raises": "unexpected ZeroDivisionError: the tenant's figures add up to nothing",
    "hangs": "it took longer than 4 s and was ended",
    "floods": "it took more than the 64 MB of memory that the task may take",
    "dies": "its process ended by SIGKILL without a word",
}


@pytest.mark.volume
@pytest.mark.parametrize("task", CAUSES)
def test_of_many_tenants_one_fails_and_is_recorded(control, tenants, task):
    """It raises, hangs in a program that it started, floods memory or dies: the others are done, one is recorded with its cause."""
    slugs = tenants(volume(20, 100))
    unlucky = slugs[len(slugs) // 2]
    done = control.tenantry("cron", "run", task, "--all", "--json", TEST_UNLUCKY=unlucky, TENANTRY_TASK_CONCURRENCY="6")
    assert done.returncode == 1, done.stderr
    found = {row["slug"]: row for row in json.loads(done.stdout)}
    assert sorted(found) == slugs
    assert [slug for slug, row in found.items() if row["state"] != "done"] == [unlucky]
    assert (found[unlucky]["state"], found[unlucky]["cause"]) == ("failed", CAUSES[task])
    assert found[unlucky]["hint"]
    assert {row["summary"] for slug, row in found.items() if slug != unlucky} == {"fine"}
    assert {row["attempts"] for row in found.values()} == {1}
    assert not [process for process in psutil.process_iter(["cmdline"]) if "3217" in (process.info["cmdline"] or [])]
    journal = rows("SELECT state, count(*) AS runs FROM task_runs WHERE task = %s GROUP BY state ORDER BY state", task)
    assert journal == [{"state": "done", "runs": len(slugs) - 1}, {"state": "failed", "runs": 1}]


def test_what_a_run_took_is_measured_and_the_report_shows_the_heaviest(control, tenants):
    """Rows, statements and PostgreSQL's own time, also of what the task asks through Tenantry's clients."""
    (slug,) = tenants(1)
    assert control.tenantry("cron", "run", "asks", slug).returncode == 0
    (row,) = rows("SELECT * FROM task_runs WHERE task = 'asks'")
    assert 0.2 <= row["database_seconds"] <= row["seconds"]
    assert 1001 <= row["rows"] < 1020
    assert row["statements"] >= 2
    assert 20 * 2**20 < row["memory_bytes"] < 400 * 2**20
    report = json.loads(control.tenantry("cron", "report", "--json").stdout)
    assert [(each["slug"], each["task"], each["runs"], each["failed"]) for each in report] == [(slug, "asks", 1, 0)]


def test_a_passing_cause_is_tried_again_at_once(control, tenants, notes):
    """The run is done with its third attempt, and says so."""
    (slug,) = tenants(1)
    assert control.tenantry("cron", "run", "falters", slug).returncode == 0
    assert rows("SELECT state, attempts, summary FROM task_runs") == [{"state": "done", "attempts": 3, "summary": "at last"}]
    assert notes.read_text().count("falters") == 3


def test_only_active_tenants_have_tasks_done(control, tenants):
    """A suspended tenant is left out of all, and asked for by name it is refused."""
    slugs = tenants(3)
    rows("UPDATE tenants SET state = 'suspended' WHERE slug = %s RETURNING 1", slugs[1])
    done = control.tenantry("cron", "run", "asks", "--all", "--json")
    assert [row["slug"] for row in json.loads(done.stdout)] == [slugs[0], slugs[2]]
    refused = control.tenantry("cron", "run", "asks", slugs[1])
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, f"error: the tenant {slugs[1]} is suspended")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["cron", "run", "usgae", "--all"], {}, "error: no task usgae"),
        (["cron", "run", "usage"], {}, "error: the task usage is done per tenant: say SLUG… or --all"),
        (["cron", "run", "mail", "--all"], {}, "error: the task mail is about the whole platform"),
        (["cron", "run", "usage", "task-0000"], {}, "error: no tenant task-0000"),
        (["cron", "list"], {"TENANTRY_CRON_USAGE": "61 * * * *"}, "error: TENANTRY_CRON_USAGE: '61 * * * *' is not a cron expression"),
        (["worker"], {"TENANTRY_CRON_USAGE": "daily"}, "error: TENANTRY_CRON_USAGE: 'daily' is not a cron expression"),
        (["worker"], {"TENANTRY_WORKER_CONCURRENCY": "many"}, "error: TENANTRY_WORKER_CONCURRENCY cannot be 'many'"),
        (["worker"], {"TENANTRY_TASK_CONCURRENCY": "0"}, "error: TENANTRY_TASK_CONCURRENCY cannot be '0'"),
        (["cron", "list"], {"TENANTRY_TASKS": "no.such.module"}, "error: TENANTRY_TASKS names no.such.module: No module named 'no'"),
    ],
)
def test_wrong_input_is_one_line_what_and_one_line_what_to_do(control, tenants, arguments, variables, message):
    """Exit code 2, and nothing was begun."""
    tenants(1)
    before = rows("SELECT id FROM workers ORDER BY id")
    done = control.tenantry(*arguments, **variables)
    lines = done.stderr.splitlines()
    assert (done.returncode, lines[0], len(lines)) == (2, message, 2)
    assert rows("SELECT 1 FROM task_runs") == []
    assert rows("SELECT id FROM workers ORDER BY id") == before
