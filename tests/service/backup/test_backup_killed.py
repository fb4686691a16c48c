"""A backup killed at every point that matters: the next one is whole, and of the killed one nothing is left."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tenantry.clients import aws, runs
from tenantry.operations import backup
from tenantry.operations.backup import catalog, retention
from tests.killing import done, killed_at
from tests.service.backup.conftest import Platform, started
from tests.waiting import wait_for

pytestmark = pytest.mark.service

TAKING, CATALOG, ARCHIVE = (f"tenantry.operations.backup.{name}" for name in ("taking", "catalog", "archive"))
OBJECTS, EXTRACT, RUN = "tenantry.clients.objects", "tenantry.operations.backup.extract", "tenantry.operations.backup.run"

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


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with started(stay=True) as (made, _):
        yield made


def stored(entry: catalog.Entry) -> set[str]:
    found = aws.client("s3").list_object_versions(Bucket=entry.bucket, Prefix=f"{entry.tenant_id}/")
    return {version["Key"].split("/")[1] for kind in ("Versions", "DeleteMarkers") for version in found.get(kind, ())}


@pytest.mark.parametrize("model", ["rls", "database"])
def test_killed_at_every_point_and_taken(platform, model):
    """One run, killed at nine points one after the other: the same command goes on each time, and the last makes one whole backup."""
    store = platform.tenant(f"bk-{model}", model)
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=os.urandom(9 << 20))  # two parts
    for point, call in POINTS:
        assert killed_at(platform, point, call, "backup", store.slug), f"not killed {point}"
        listed = catalog.listed(store.id)
        assert len(listed) == (1 if point.endswith("finish") else 0), f"in the list {point}"
    done(platform, "backup", store.slug)
    (entry,) = catalog.listed(store.id)
    (run,) = runs.latest(tenant_id=store.id)
    assert run["state"] == "done"
    assert backup.prove(entry.id).ok
    assert [other.id for other in catalog.listed(store.id, state="running")] == []
    assert stored(entry) == {entry.id}
    assert platform.uploads() == []
    wait_for(lambda: platform.sessions() == [], seconds=30)


def test_what_nobody_went_on_with_is_pruned(platform):
    """A killed backup whose run nobody takes on goes with the next prune after a day: entry, objects and uploads in parts."""
    store = platform.tenant("bk-left", "schema")
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}files/large", Body=os.urandom(9 << 20))
    assert killed_at(platform, f"after {OBJECTS}:Upload._put", 1, "backup", store.slug)
    (entry,) = catalog.listed(store.id, state="running")
    assert stored(entry) == {entry.id}
    assert platform.uploads() != []
    catalog.mark(entry.id, started_at=entry.started_at - retention.ABANDONED * 1.01)
    done(platform, "backup", "prune")
    assert stored(entry) == set()
    assert platform.uploads() == []
