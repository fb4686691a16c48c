"""A tenant is read while somebody changes its tables: all rows or none are read, and nobody waits for ever."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from psycopg import sql

from tenantry.control import backups
from tenantry.errors import TransientError
from tenantry.operations import backup
from tenantry.operations.backup import extract
from tenantry.operations.clone import classification, fill, plan
from tenantry.operations.clone.key import Key
from tenantry.postgres.server import Server
from tenantry.stores import tenant_store
from tests.waiting import wait_for

pytestmark = pytest.mark.service

MODELS = ("rls", "schema", "database")


class Doing(threading.Thread):
    """Does something on a thread of its own; ``result`` gives what it returned or raises what it raised."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work, self._value, self._error = work, None, None
        self.start()

    def run(self):
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error

    def result(self):
        self.join(60)
        assert not self.is_alive(), "it waits for ever"
        if self._error:
            raise self._error
        return self._value


def waits(words):
    """Whether a session waits for a lock with such a statement."""
    with Server.from_environment().connect() as admin:
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, %s)"
        return admin.execute(query, [words]).fetchone() is not None


@contextmanager
def migrating(store):
    """A migration that has the documents to itself, and has written each of them anew when the block ends."""
    with Server.from_environment().connect(store.database) as admin:
        table = sql.Identifier(store.schema, "documents")
        admin.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        yield
        # A default that differs from row to row: the table is written anew.
        admin.execute(sql.SQL("ALTER TABLE {} ADD COLUMN late uuid DEFAULT gen_random_uuid()").format(table))
        admin.execute(sql.SQL("ALTER TABLE {} DROP COLUMN late").format(table))


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_that_waited_for_a_migration_holds_all_rows(tenant, monkeypatch, model):
    """Its snapshot is taken once it has the tables: an older one would show a rewritten table empty, in figures and parts alike."""
    store = tenant(f"meanwhile-{model}", model)
    monkeypatch.setattr(tenant_store, "HOLD_TIMEOUT", "60s")
    with migrating(store):
        taking = Doing(lambda: backup.create(store.slug))
        wait_for(lambda: waits("LOCK TABLE"))
    taken = taking.result()
    assert taken.manifest.tables["documents"].rows == 20
    assert backup.prove(taken.id).rows == taken.manifest.rows


def test_a_clone_that_waited_for_a_migration_has_all_rows(tenant, monkeypatch):
    """The same for the snapshot that a clone is copied from."""
    store, target = tenant("meanwhile-rls", "rls"), tenant("meanwhile-clone", "schema", empty=True)
    made = plan.make(fill.shape(store), classification.read())
    monkeypatch.setattr(tenant_store, "HOLD_TIMEOUT", "60s")
    with migrating(store):
        filling = Doing(lambda: fill.fill(store, target, made, Key.of(store.slug, "salt"), lambda line: None))
        wait_for(lambda: waits("LOCK TABLE"))
    assert filling.result()["documents"] == 20
    assert fill.count(target, ["documents"]) == {"documents": 20}


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_lets_a_migration_go_first(tenant, model):
    """A table that somebody has to himself is not waited for while the others are held: the step is tried again."""
    store = tenant(f"meanwhile-{model}", model)
    message = r"are being changed \(process \d+ of role \w+\): canceling statement due to lock timeout"
    with migrating(store), pytest.raises(TransientError, match=message):
        backup.create(store.slug)
    assert backups.listed(store.id, state=None)[0].state == "failed"


def test_a_table_that_came_meanwhile_is_not_left_out(tenant, monkeypatch):
    """A table made between the listing and the lock: the backup begins again, instead of lacking it."""
    store = tenant("meanwhile-schema", "schema")
    held = tenant_store.hold

    def late(connection, schema, names):
        with Server.from_environment().connect(store.database) as admin:
            admin.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ()").format(sql.Identifier(schema, "late")))
        held(connection, schema, names)

    monkeypatch.setattr(tenant_store, "hold", late)
    with pytest.raises(TransientError, match="changed as they were to be read"):
        backup.create(store.slug)
    with Server.from_environment().connect(store.database) as admin:
        admin.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(store.schema, "late")))


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_does_not_stand_in_the_way_of_who_waits_for_it(tenant, monkeypatch, model):
    """A migration queues behind the snapshot's locks, and what reads the parts behind the migration: the backup gives way, it ends."""
    store = tenant(f"meanwhile-{model}", model)
    noted, migrations = extract.plain_columns, []

    def migrate():
        with Server.from_environment().connect(store.database) as admin:
            admin.execute(sql.SQL("ALTER TABLE {} ADD COLUMN late int").format(sql.Identifier(store.schema, "documents")))
            admin.execute(sql.SQL("ALTER TABLE {} DROP COLUMN late").format(sql.Identifier(store.schema, "documents")))

    def queued(snap):
        migrations.append(Doing(migrate))
        wait_for(lambda: waits("ALTER TABLE"))
        return noted(snap)

    monkeypatch.setattr(extract, "plain_columns", queued)
    with pytest.raises(TransientError, match=r"(psql|pg_dump) failed: .*due to (lock|statement) timeout"):
        Doing(lambda: backup.create(store.slug)).result()
    migrations[0].result()
    monkeypatch.setattr(extract, "plain_columns", noted)
    assert backup.create(store.slug).manifest.tables["documents"].rows == 20
