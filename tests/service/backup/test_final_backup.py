"""The final backup of a deletion: what is written after it is in another one before anything goes."""

from __future__ import annotations

import pytest

from tenantry.actor import Actor
from tenantry.clients import aws
from tenantry.control import runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.errors import WorkError
from tenantry.operations.backup.reading import Stored
from tenantry.operations.lifecycle import final_backup
from tests.service.backup.conftest import at_work

pytestmark = pytest.mark.service


@pytest.fixture
def final(tenant):
    """A tenant, and a deletion's run whose backup of it is proven."""
    store = tenant("final-one", "rls")
    run = at_work(
        runs.Request("delete", store.slug, tenant_id=store.id, stack=store.stack, arguments={"outcome": "deleted"}, actor=Actor("test"))
    )
    final_backup.take(run)
    final_backup.prove(run)
    yield run, store
    runs_at_work.finish(run.id, "test", "done")


def upload(store):
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}late.txt", Body=b"late")


def overwrite(store):
    aws.client("s3").put_object(Bucket=store.bucket, Key=f"{store.prefix}late.txt", Body=b"tale")


def remove(store):
    aws.client("s3").delete_object(Bucket=store.bucket, Key=f"{store.prefix}late.txt")


def configure(store):
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenant_configurations (tenant_id, config_key, config_value, source) VALUES (%s, 'late', '1', 'runtime')",
            [store.id],
        )


def join(store):
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'l@x.example', 'L', 'member')", [store.id])


def nothing(store):
    """What is there stays as it is."""


@pytest.mark.parametrize("change", [nothing, upload, overwrite, remove, configure, join])
def test_the_backup_is_renewed_by_whatever_was_written_since(final, change):
    """Objects, people and values of the registry count as rows do; what is the same is not backed up again."""
    run, store = final
    first = run.notes["proven"]["id"]
    change(store)
    final_backup.renew(run, store)
    assert (run.notes["proven"]["id"] != first) == (change is not nothing)
    assert final_backup._changed(run, store) == []
    keys = [entry.key for entry in Stored.open(run.notes["proven"]["id"]).manifest.objects]
    assert ("late.txt" in keys) == (change in (upload, overwrite))


def test_a_backup_that_its_tables_refuse_is_not_tried_again(tenant):
    """Whatever PostgreSQL says of it: once the tables are mended, the same run takes another backup and proves that."""
    store = tenant("final-refused", "rls")
    run = at_work(
        runs.Request("delete", store.slug, tenant_id=store.id, stack=store.stack, arguments={"outcome": "deleted"}, actor=Actor("test"))
    )
    try:
        by_hand(store, "ALTER TABLE documents ADD COLUMN by_hand text")
        try:
            final_backup.take(run)
            refused = run.notes["backup"]
            with pytest.raises(WorkError, match=r'nothing was dropped: .*"by_hand" of relation "documents" does not exist'):
                final_backup.prove(run)
        finally:
            by_hand(store, "ALTER TABLE documents DROP COLUMN by_hand")
        final_backup.prove(run)
        assert run.notes["rejected"] == [refused]
        assert run.notes["proven"]["id"] not in (refused, None)
    finally:
        runs_at_work.finish(run.id, "test", "done")


def by_hand(store, statement):
    with store.acting(store.owner) as connection:
        connection.execute(statement)
