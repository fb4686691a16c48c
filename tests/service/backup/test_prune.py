"""Pruning deletes what the calendar does not keep, and says what a lock still holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenantry.actor import Actor
from tenantry.clients import aws
from tenantry.control import backups, runs
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import backup
from tenantry.operations.backup import contents, retention
from tenantry.operations.backup.reading import Stored
from tests.service.backup.conftest import at_work

pytestmark = pytest.mark.service


def aged(taken, days):
    backups.mark(taken.id, taken_at=datetime.now(UTC) - timedelta(days=days))


def test_pruned_is_gone_in_every_version(platform):
    """Of two scheduled backups of one old day the older goes, with every version of its objects, and cannot be read any more."""
    store = platform.tenant("prune-one", "rls")
    older, newer = backup.create(store.slug, reason="schedule"), backup.create(store.slug, reason="schedule")
    aged(older, 3.001)
    aged(newer, 3)
    would, _ = retention.prune(dry_run=True)
    assert [entry.id for entry in would if entry.slug == store.slug] == [older.id]
    assert Stored.open(older.id)
    retention.prune()
    entry = backups.find(older.id)
    versions = aws.client("s3").list_object_versions(Bucket=entry.bucket, Prefix=entry.prefix)
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")
    with pytest.raises(InputError, match="was pruned"):
        Stored.open(older.id)
    Stored.open(newer.id).check()


@pytest.fixture
def locked(platform, monkeypatch):
    """Backups go into a bucket with a default retention."""
    name = "tenantry-dev--locked"
    s3 = aws.client("s3")
    if name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}, ObjectLockEnabledForBucket=True)
        s3.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 35}}},
        )
    monkeypatch.setattr(backups, "bucket", lambda: name)
    return name


def test_a_lock_holds_what_the_calendar_lets_go(platform, locked):
    """In a bucket with a default retention a backup is taken and proved as ever; pruning says that it is held, and leaves it listed."""
    store = platform.tenant("prune-locked", "rls")
    older, newer = backup.create(store.slug, reason="schedule"), backup.create(store.slug, reason="schedule")
    assert backup.prove(older.id).ok
    aged(older, 3.001)
    aged(newer, 3)
    gone, held = retention.prune()
    assert older.id not in [entry.id for entry in gone]
    assert [line for line in held if line.startswith(older.id)]
    assert Stored.open(older.id).manifest.id == older.id


def test_a_failed_backup_whose_parts_are_locked_is_tried_again(platform, locked, monkeypatch):
    """It fails for its own cause and is marked; the next attempt of the run is whole, and pruning says what is held."""
    store = platform.tenant("prune-again", "schema")
    run = at_work(runs.Request("backup", store.slug, tenant_id=store.id, actor=Actor("test")))
    with monkeypatch.context() as patch:
        patch.setattr(contents, "registry_rows", lambda store: (_ for _ in ()).throw(TransientError("the server restarts")))
        with pytest.raises(TransientError, match="the server restarts"):
            backup.create(store.slug, run=run)
    (failed,) = backups.listed(store.id, state="failed")
    assert run.notes["backup"] == failed.id
    backups.mark(failed.id, state="running")  # as a killed attempt leaves it
    taken = backup.create(store.slug, run=run)
    Stored.open(taken.id).check()
    assert [entry.id for entry in backups.listed(store.id, state="failed")] == [failed.id]
    assert [line for line in retention.prune()[1] if line.startswith(failed.id)]


def test_an_attempt_that_was_thought_dead_does_not_end_as_done(platform, monkeypatch):
    """Its parts were erased by the attempt that took its place: it fails, and leaves nothing; the other one is whole."""
    store = platform.tenant("prune-dead", "rls")
    run = at_work(runs.Request("backup", store.slug, tenant_id=store.id, actor=Actor("test")))
    read, others = contents.registry_rows, []

    def overtaken(store):
        monkeypatch.setattr(contents, "registry_rows", read)
        others.append(backup.create(store.slug, run=run))
        return read(store)

    monkeypatch.setattr(contents, "registry_rows", overtaken)
    with pytest.raises(WorkError, match="was given up meanwhile"):
        backup.create(store.slug, run=run)
    assert [entry.id for entry in backups.listed(store.id)] == [others[0].id]
    Stored.open(others[0].id).check()
    (dead,) = backups.listed(store.id, state="failed")
    assert "Versions" not in aws.client("s3").list_object_versions(Bucket=dead.bucket, Prefix=dead.prefix)
