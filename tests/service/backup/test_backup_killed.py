"""A backup or a drill killed at every point that matters: the next one is whole, and of the killed one nothing is left."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from psycopg import sql

from tenantry import naming
from tenantry.clients import aws
from tenantry.control import backups, runs
from tenantry.operations import backup, drill
from tenantry.operations.backup import retention
from tenantry.stores.tenant_store import TenantStore
from tests.killing import done, killed_at
from tests.service.backup.conftest import Platform, started
from tests.volume import volume
from tests.waiting import wait_for

pytestmark = pytest.mark.service

TAKING, CATALOG, ARCHIVE = "tenantry.operations.backup.taking", "tenantry.control.backups", "tenantry.clients.archive"
OBJECTS, EXTRACT = "tenantry.clients.objects", "tenantry.operations.backup.extract"
PROOF, READING = "tenantry.operations.backup.proof", "tenantry.operations.backup.reading"

# In the order in which one run comes to them.
POINTS = (
    (f"before {TAKING}:create", 1),
    (f"after {CATALOG}:begin", 1),
    (f"after {EXTRACT}:plain_columns", 1),  # the snapshot is open, its tables are locked
    (f"after {ARCHIVE}:store", 1),
    (f"after {OBJECTS}:Upload._put", 1),  # an upload in parts is under way
    (f"before {OBJECTS}:Upload.close", 3),
    (f"before {OBJECTS}:put", 1),  # every part is there, the manifest is not
    (f"after {OBJECTS}:put", 1),  # it is there, and the list does not say so
    (f"after {CATALOG}:finish", 1),
)
OWN = POINTS[2:5]  # each model has its own way of reading; the rest is common


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with started(stay=True) as (made, _):
        yield made


def stored(entry: backups.Entry) -> set[str]:
    found = aws.client("s3").list_object_versions(Bucket=entry.bucket, Prefix=f"{entry.tenant_id}/")
    return {version["Key"].split("/")[1] for kind in ("Versions", "DeleteMarkers") for version in found.get(kind, ())}


@pytest.mark.volume
@pytest.mark.parametrize(("model", "points"), [("rls", POINTS), ("database", volume(OWN, POINTS))], ids=["rls", "database"])
def test_killed_at_every_point_and_taken(platform, model, points):
    """One run, killed at one point after the other: the same command goes on each time, and the last makes one whole backup."""
    store = platform.tenant(f"bk-{model}", model)
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=os.urandom(9 << 20))  # two parts
    for point, call in points:
        assert killed_at(platform, point, call, "backup", store.slug), f"not killed {point}"
        listed = backups.listed(store.id)
        assert len(listed) == (1 if point.endswith("finish") else 0), f"in the list {point}"
    done(platform, "backup", store.slug)
    (entry,) = backups.listed(store.id)
    (run,) = runs.latest(tenant_id=store.id)
    assert run["state"] == "done"
    assert backup.prove(entry.id).ok
    assert [other.id for other in backups.listed(store.id, state="running")] == []
    assert stored(entry) == {entry.id}
    assert platform.uploads() == []
    wait_for(lambda: platform.sessions() == [], seconds=30)


def test_what_nobody_went_on_with_is_pruned(platform):
    """A killed backup whose run nobody takes on goes with the next prune after a day: entry, objects and uploads in parts."""
    store = platform.tenant("bk-left", "schema")
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=os.urandom(9 << 20))
    assert killed_at(platform, f"after {OBJECTS}:Upload._put", 1, "backup", store.slug)
    (entry,) = backups.listed(store.id, state="running")
    assert stored(entry) == {entry.id}
    assert platform.uploads() != []
    backups.mark(entry.id, started_at=entry.started_at - retention.ABANDONED * 1.01)
    done(platform, "backup", "prune")
    assert stored(entry) == set()
    assert platform.uploads() == []


def test_a_backup_of_all_killed_between_two_tenants_is_gone_on_with(platform):
    """Some are done, one is half made, the rest wait: the same command makes each of them whole, and none twice at once."""
    slugs = [platform.tenant(f"bk-all-{number}", model).slug for number, model in enumerate(("rls", "schema", "database"))]
    every = [store for store in TenantStore.every() if store.state == "active"]
    before = {store.slug: len(backups.listed(store.id)) for store in every}
    assert killed_at(platform, f"after {CATALOG}:finish", 2, "backup", "--all")
    assert killed_at(platform, f"after {OBJECTS}:Upload._put", 1, "backup", "--all")
    done(platform, "backup", "--all")
    for store in every:
        assert {run["state"] for run in runs.latest(tenant_id=store.id)} == {"done"}, store.slug
        assert len(backups.listed(store.id)) > before[store.slug], store.slug
        assert backups.listed(store.id, state="running") == []
    for slug in slugs:
        assert backup.prove(backups.newest(slug).id).ok
    assert platform.uploads() == []
    wait_for(lambda: platform.sessions() == [], seconds=30)


@pytest.mark.parametrize("point", [f"after {PROOF}:make_database", f"after {READING}:fill", f"before {PROOF}:drop_database"])
def test_a_killed_drill_leaves_a_scratch_database_that_a_later_one_drops(platform, point):
    """Nobody but the owner's members gets into it; the next drill does its work beside it, and takes it away once it is a day old."""
    slug = f"drill-{point.rpartition(':')[2].replace('_', '-')}"
    platform.tenant(slug, "schema")
    backup.create(slug)
    call = 2 if "drop" in point else 1  # the first is before the database is made
    assert killed_at(platform, point, call, "restore", "drill", slug)
    (left,) = scratches(platform)
    assert drill.run(slug).ok
    assert scratches(platform) == [left]
    with platform.admin() as admin:
        public = admin.execute("SELECT has_database_privilege('public', %s, 'CONNECT')", [left]).fetchone()
        assert public == (False,)
        old = left.replace(left.removeprefix(naming.scratch_database(""))[:8], "20200101")
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(left), sql.Identifier(old)))
    assert drill.run(slug).ok
    assert scratches(platform) == []


def scratches(platform):
    return [name for name in platform.databases() if name.startswith(naming.scratch_database(""))]
