"""Pruning deletes what the calendar does not keep, and says what a lock still holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenantry.clients import aws
from tenantry.errors import InputError
from tenantry.operations import backup
from tenantry.operations.backup import catalog, retention
from tenantry.operations.backup.reading import Stored

pytestmark = pytest.mark.service


def aged(taken, days):
    catalog.mark(taken.id, taken_at=datetime.now(UTC) - timedelta(days=days))


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
    entry = catalog.find(older.id)
    versions = aws.client("s3").list_object_versions(Bucket=entry.bucket, Prefix=entry.prefix)
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")
    with pytest.raises(InputError, match="was pruned"):
        Stored.open(older.id)
    Stored.open(newer.id).check()


def test_a_lock_holds_what_the_calendar_lets_go(platform, monkeypatch):
    """In a bucket with a default retention a backup is taken and proved as ever; pruning says that it is held, and leaves it listed."""
    name = "tenantry-dev--locked"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 35}}},
    )
    monkeypatch.setattr(catalog, "bucket", lambda: name)
    store = platform.tenant("prune-locked", "rls")
    older, newer = backup.create(store.slug, reason="schedule"), backup.create(store.slug, reason="schedule")
    assert backup.prove(older.id).ok
    aged(older, 3.001)
    aged(newer, 3)
    gone, held = retention.prune()
    assert older.id not in [entry.id for entry in gone]
    assert [line for line in held if line.startswith(older.id)]
    assert Stored.open(older.id).manifest.id == older.id
