"""The tasks that Tenantry ships, on real tenants of three models."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from tenantry import naming

pytestmark = pytest.mark.engine

MODELS = {"rows": "rls", "hall": "schema", "house": "database"}
USERS = {"rows": 3, "hall": 8, "house": 11}
HOST = "www.rows.example"


@pytest.fixture(scope="module")
def platform(sandbox):
    """Three tenants with users, documents and an object; 10 users are allowed to each."""
    for slug, isolation in MODELS.items():
        sandbox.declare(slug, isolation=isolation, limits={"users": 10}, **({"domains": [HOST]} if slug == "rows" else {}))
    sandbox.up()
    for slug, count in USERS.items():
        with sandbox.as_tenant(slug) as store:
            for number in range(count):
                insert = "INSERT INTO users (tenant_id, email, name) VALUES (%s, %s, 'U') RETURNING id"
                (user,) = store.execute(insert, [naming.tenant_id(slug), f"u{number}@{slug}.example"]).fetchone()
                store.execute(
                    "INSERT INTO documents (tenant_id, author_id, title, body) VALUES (%s, %s, 'D', %s)",
                    [naming.tenant_id(slug), user, "x" * 1000],
                )
        with sandbox.sql(naming.CONTROL_DATABASE) as control:
            insert = "INSERT INTO control.users (tenant_id, email, name, role) VALUES (%s, %s, 'U', 'member')"
            control.cursor().executemany(insert, [(naming.tenant_id(slug), f"u{number}@{slug}.example") for number in range(count)])
    return sandbox


def run(platform: Any, *arguments: str) -> dict[str | None, dict[str, Any]]:
    done = platform.tenantry("cron", "run", *arguments, "--json")
    return {row["slug"]: row for row in json.loads(done.stdout)}


def test_usage_is_measured_in_every_model_and_compared_with_the_limits(platform):
    """Rows and objects exactly, bytes within reason, and the limits that are near or passed."""
    bucket = platform.sql(naming.CONTROL_DATABASE).execute("SELECT bucket FROM control.tenants WHERE slug = 'rows'").fetchone()[0]
    before = len(platform.s3().list_objects_v2(Bucket=bucket, Prefix="tenants/rows/").get("Contents", []))
    platform.s3().put_object(Bucket=bucket, Key="tenants/rows/file", Body=b"y" * 12345)
    assert {row["state"] for row in run(platform, "usage", "--all").values()} == {"done"}
    found = {row["slug"]: row for row in json.loads(platform.tenantry("usage", "--json").stdout)}
    assert {slug: row["rows"] for slug, row in found.items()} == {slug: 2 * count for slug, count in USERS.items()}
    assert {slug: row["users"] for slug, row in found.items()} == USERS
    assert found["rows"]["objects"] == before + 1
    assert 12345 <= found["rows"]["object_bytes"] < 20000
    assert 3000 < found["rows"]["database_bytes"] < 5000  # 3 documents of 1,000 bytes, and what goes with them
    assert 50_000 < found["hall"]["database_bytes"] < 10**6 < found["house"]["database_bytes"] < 10**8
    assert (found["rows"]["connections"], found["house"]["connections"]) == (None, 0)
    assert {slug: [(each["limit"], each["percent"], each["level"]) for each in row["findings"]] for slug, row in found.items()} == {
        "rows": [],
        "hall": [("users", 80, "near")],
        "house": [("users", 110, "over")],
    }


def test_each_tenant_is_backed_up_and_its_backup_rehearsed(platform):
    """First there is nothing to rehearse, which is a failure; then there is. Nothing is pruned that the calendar keeps."""
    refused = platform.tenantry("cron", "run", "drill", "--all", check=False)
    assert refused.returncode == 1
    assert "its newest backup does not restore: there is no backup of this tenant" in refused.stderr
    backups = run(platform, "backup", "--all")
    assert {slug: row["state"] for slug, row in backups.items()} == dict.fromkeys(MODELS, "done"), backups
    assert {row["state"] for row in run(platform, "drill", "--all").values()} == {"done"}
    assert [row["summary"] for row in run(platform, "backup-prune").values()] == [""]
    with platform.sql(naming.CONTROL_DATABASE) as control:
        listed = control.execute("SELECT reason, state, count(*) FROM control.backups GROUP BY reason, state").fetchall()
        assert listed == [("schedule", "done", 3)]


def test_a_host_name_becomes_active_with_cloudflare_and_pending_again(platform):
    """Host name and certificate both have to be; one that is gone is told."""

    def status() -> str:
        with platform.sql(naming.CONTROL_DATABASE) as control:
            return control.execute("SELECT status FROM control.tenant_domains WHERE host = %s", [HOST]).fetchone()[0]

    def at_cloudflare(change: str) -> None:
        with sqlite3.connect(platform.cloud.home.cloudflare) as store:
            store.execute(f"{change} WHERE kind = 'custom_hostname' AND name = ?", [HOST])

    assert run(platform, "domains")[None]["summary"] == "1 looked at"
    at_cloudflare("UPDATE documents SET body = json_set(body, '$.status', 'active')")
    assert run(platform, "domains")[None]["summary"] == "1 looked at"
    assert status() == "pending"
    at_cloudflare("UPDATE documents SET body = json_set(body, '$.ssl.status', 'active')")
    assert run(platform, "domains")[None]["summary"] == "1 looked at, 1 became active"
    assert status() == "active"
    at_cloudflare("DELETE FROM documents")
    assert run(platform, "domains")[None]["summary"] == "1 looked at, 1 became pending, 1 are not at Cloudflare"
    assert status() == "pending"
    with platform.sql(naming.CONTROL_DATABASE) as control:
        lines = control.execute("SELECT tenant_id, outcome FROM control.audit_log WHERE action = 'custom host name' ORDER BY id").fetchall()
    assert lines == [(naming.tenant_id("rows"), "active"), (naming.tenant_id("rows"), "pending")]


def test_old_runs_and_measurements_are_forgotten_and_the_newest_measurement_stays(platform):
    """What tasks wrote down, and what the queue remembers of it."""
    run(platform, "usage", "--all")
    with platform.sql(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.task_runs SET finished_at = finished_at - interval '40 days' WHERE task = 'usage'")
        control.execute("UPDATE control.tenant_usage SET measured_at = measured_at - interval '500 days'")
        control.execute("UPDATE dbos.workflow_status SET completed_at = completed_at - 3 * 86400000 WHERE name = 'task'")
        (queued,) = control.execute("SELECT count(*) FROM dbos.workflow_status WHERE name = 'task'").fetchone()
    forgotten = run(platform, "tidy")[None]
    assert forgotten["state"] == "done", forgotten
    with platform.sql(naming.CONTROL_DATABASE) as control:
        assert control.execute("SELECT count(*) FROM control.task_runs WHERE task = 'usage'").fetchone() == (0,)
        assert control.execute("SELECT count(*), count(DISTINCT tenant_id) FROM control.tenant_usage").fetchone() == (3, 3)
        (left,) = control.execute("SELECT count(*) FROM dbos.workflow_status WHERE name = 'task'").fetchone()
    assert queued > 5
    assert left == 1  # the run of tidy itself
