"""The life of tables of every shape, in every model: what was saved comes back, what was written arrives, and nothing is done twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import moves, open_moves, registry
from tenantry.declaration.placement import Place
from tenantry.errors import WorkError
from tenantry.operations import backup
from tenantry.operations.backup.reading import Stored
from tenantry.operations.clone import classification, plan
from tenantry.operations.clone import fill as filling
from tenantry.operations.clone.key import Key
from tenantry.operations.move import transfer
from tenantry.operations.move.transfer import Way
from tenantry.operations.restore import ending, run, staging, swap
from tenantry.postgres import loading, migrations, sequences
from tenantry.postgres.server import Server, acting_as
from tenantry.stores import rows
from tenantry.stores.tenant_store import TenantStore
from tests.service.scratch import migrate
from tests.service.shapes.conftest import MODELS, WRITES, role
from tests.volume import FULL, volume

pytestmark = [pytest.mark.service, pytest.mark.volume]

WAYS = list(permutations(MODELS, 2))
UP = [("rls", "schema"), ("schema", "database"), ("rls", "database")]
BESIDE = [("database", "rls"), ("database", "schema")]
"""Of what goes one way only, `make test` clones up, and restores into shared tables and into tables of a tenant's own."""
THERE_AND_BACK = [("database", "rls")]
"""The tests below move from schemas, and into one."""


@pytest.fixture(scope="module")
def filled(zoo):
    """One filled tenant in each model, and in shared tables a neighbour; nobody writes to them but their own test."""
    zoo.filled("beside", "rls")
    return {model: zoo.filled(f"{model}-zoo", model) for model in MODELS}


@pytest.fixture
def neighbour(zoo, filled):
    """Another tenant of the shared tables, whom nothing concerns."""
    store = TenantStore.of("beside")
    before = zoo.image(store)
    yield store
    assert zoo.image(store) == before
    zoo.check_numbers(store)


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_comes_back_as_it_was(zoo, filled, neighbour, inline, model):
    """Proven in scratch, restored in place, and taken back again: every row once, no trigger fired, the numbers go on."""
    store = filled[model]
    saved, shape = zoo.image(store), zoo.shape(store)
    taken = backup.create(store.slug)
    proof = backup.prove(taken.id)
    assert proof.problems == ()
    zoo.run(store, *WRITES, number=1)
    written = zoo.image(store)
    assert written != saved
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert zoo.image(store) == saved
    zoo.check_numbers(store)
    run.request_rollback(store.slug, actor=Actor("test"))
    assert zoo.image(store) == written
    zoo.check_numbers(store)
    assert zoo.shape(store) == shape
    run.request(store.slug, taken.id, actor=Actor("test"))
    ending.confirm(store.slug)
    assert zoo.image(store) == saved


@pytest.mark.parametrize(("model", "target"), volume(BESIDE, WAYS))
def test_a_backup_becomes_a_tenant_of_another_model(zoo, filled, neighbour, inline, model, target):
    """Into shared tables too: the same rows, no trigger fired, and the next number is a new one."""
    store, new = filled[model], zoo.empty(f"{model}-as-{target}", target)
    saved, shape = zoo.image(store), zoo.shape(new)
    taken = backup.create(store.slug)
    run.request(store.slug, taken.id, into=new.slug, actor=Actor("test"))
    assert zoo.image(new) == saved
    zoo.check_numbers(new)
    assert zoo.shape(new) == shape
    again = backup.create(new.slug)
    assert backup.prove(again.id).problems == ()
    figures = [{name: f for name, f in made.manifest.tables.items() if f.rows and name != "currencies"} for made in (again, taken)]
    assert {name: (f.rows, f.mixed) for name, f in figures[0].items()} == {name: (f.rows, f.mixed) for name, f in figures[1].items()}
    # Keys without tenant_id are for all of the shared tables, and a clone of the same rows comes there, too.
    zoo.run(new, "DELETE FROM global_ids")


@pytest.mark.parametrize(("model", "target"), [*volume(UP, WAYS), ("schema", "schema")])
def test_a_clone_has_the_same_shape(zoo, filled, neighbour, model, target):
    """As many rows in every table, no trigger fired, indexes with their parameters, comments and checks as before, the numbers go on."""
    store, new = filled[model], zoo.empty(f"{model}-clone-{target}", target)
    shape = zoo.shape(new)
    made = plan.make(*kept_as_they_are(store))
    counts = filling.fill(store, new, made, Key.of(store.slug, "one"), lambda line: None)
    assert filling.count(new, list(counts)) == counts
    assert zoo.image(new) == zoo.image(store)
    assert zoo.shape(new) == shape
    zoo.check_numbers(new)


def kept_as_they_are(store):
    """The store's catalog, and a classification that keeps every column."""
    found = filling.shape(store)
    kept = {
        name: {column: "keep" for column, c in table.columns.items() if column != "tenant_id" and not c.generated}
        for name, table in found.tables.items()
        if table.tenant_scoped
    }
    return found, _classified(kept)


def _classified(kept):
    treatments = {name: {column: classification.Treatment(word) for column, word in columns.items()} for name, columns in kept.items()}
    return classification.Classification("zoo", treatments, frozenset({"currencies"}), frozenset(), (), {}, "0" * 64)


class Moving:
    """A move without the engine: its target is made here, its steps are the operation's own."""

    def __init__(self, zoo, slug, model, target):
        self.zoo, self.slug, self.number = zoo, slug, 0
        store = zoo.filled(slug, model)
        places = [Place(model, "main", 0), Place(target, "main", 1)]
        self.move = moves.begin(uuid4(), store.id, slug, *places, timedelta(days=1))
        self.source, self.target = (TenantStore.at(self.move.slug, place) for place in places)
        if target != "rls":
            make(self.target)

    def write(self, store):
        self.number += 1
        self.zoo.run(store, *WRITES, number=self.number)

    def there(self, late=None):
        way = Way.there(self.move)
        transfer.copy(way, lambda line: None)
        self.write(self.source)
        transfer.catch_up(way, lambda line: None)
        self.write(self.source)
        transfer.switch(way) if late is None else late(way)
        self.move = moves.advance(open_moves.must(self.slug), "moved")

    def back(self):
        way = Way.back(self.move)
        transfer.copy(way, lambda line: None)
        self.write(self.target)
        transfer.catch_up(way, lambda line: None)
        self.write(self.target)
        transfer.switch(way)

    def end(self):
        moves.end(open_moves.must(self.slug), "finished")


def make(store):
    """The tables that a tenant moves into, as the engine would have made them."""
    server = store.administrator()
    role(store, store.app_role)
    if store.isolation == "database":
        with server.connect() as admin:
            admin.autocommit = True
            admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(store.owner)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(store.database), sql.Identifier(store.owner)))
    with server.connect(store.database) as connection:
        with acting_as(connection, store.owner):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(store.schema)))
        migrations.apply(connection, "tenant", store.schema, owner=store.owner, app_role=store.app_role, tenant_id=str(store.id))


@pytest.mark.parametrize(("model", "target"), volume(THERE_AND_BACK, WAYS))
def test_a_move_takes_everything_along_and_back(zoo, neighbour, model, target):
    """Written to at every stage, both ways: every row is in the new place once, with its numbers, and no trigger fired there."""
    moving = Moving(zoo, f"{model}-to-{target}", model, target)
    moving.there()
    assert zoo.image(moving.target) == zoo.image(moving.source)
    zoo.check_numbers(moving.target)
    moving.write(moving.target)
    assert zoo.image(moving.target) != zoo.image(moving.source)
    moving.back()
    assert zoo.image(moving.source) == zoo.image(moving.target)
    zoo.check_numbers(moving.source)
    moving.end()


def test_a_row_that_comes_while_everything_is_compared_arrives(zoo, neighbour, monkeypatch):
    """After the last comparison and before the freeze, into partitions of every kind."""
    moving = Moving(zoo, "late-writer", "database", "schema")
    compare, written = rows.compare, []

    def late(way):
        def comparing(*arguments):
            found = compare(*arguments)
            if not written:
                written.append(True)
                moving.write(moving.source)
            return found

        monkeypatch.setattr(rows, "compare", comparing)
        monkeypatch.setattr(transfer, "QUICK", -1.0)  # what is large is not compared again in the freeze
        transfer.switch(way)
        monkeypatch.undo()

    moving.there(late)
    assert written
    assert zoo.image(moving.target) == zoo.image(moving.source)
    moving.end()


def test_what_is_not_noted_is_not_moved(zoo, neighbour):
    """A note about a table that nobody copies, and a partition whose writes pass beside the turnstile, end the move before the switch."""
    moving = Moving(zoo, "unnoted", "schema", "database")
    way = Way.there(moving.move)
    transfer.copy(way, lambda line: None)
    with moving.source.connected() as connection:
        connection.execute(
            sql.SQL("INSERT INTO {}.changes (table_name, key) VALUES ('elsewhere', '{{}}')").format(sql.Identifier(way.turnstile))
        )
        connection.commit()
    for step in (lambda: transfer.catch_up(way, lambda line: None), lambda: transfer.switch(way)):
        with pytest.raises(transfer.Unequal, match="written to in tables that are not copied: elsewhere"):
            step()
    transfer.copy(way, lambda line: None)
    with moving.source.acting(moving.source.owner) as connection:
        connection.execute(sql.SQL("ALTER TABLE visits_web_1 DISABLE TRIGGER {}").format(sql.Identifier(f"{way.turnstile}_i")))
    with pytest.raises(transfer.Unequal, match="writes to visits were not noted"):
        transfer.switch(way)
    assert open_moves.must("unnoted").phase == "copying"
    moving.end()


RENUMBERED = "UPDATE tickets SET number = DEFAULT WHERE number = (SELECT min(number) FROM tickets)"
"""An identity that is always generated takes no value in an update: the row goes in anew."""
TRUNCATED = "TRUNCATE events_2026, no_key"
"""Rows that went without a word of their own are gone in the new place, too."""


@pytest.mark.parametrize(
    ("slug", "target", "written"),
    volume(
        [("rewritten", "rls", [RENUMBERED, TRUNCATED])],
        [
            (f"{slug}-{target}", target, [one])
            for slug, one in (("numbers", RENUMBERED), ("gone", TRUNCATED))
            for target in ("rls", "database")
        ],
    ),
)
def test_what_is_written_during_the_copy_is_followed(zoo, neighbour, slug, target, written):
    """The new place is as the old one when the tenant arrives."""
    moving = Moving(zoo, slug, "schema", target)
    way = Way.there(moving.move)
    transfer.copy(way, lambda line: None)
    before = zoo.image(moving.source)
    for statement in written:
        zoo.run(moving.source, statement, owner=statement == TRUNCATED)
    after = zoo.image(moving.source)
    assert (after["no_key"] == []) == (TRUNCATED in written)
    assert (after["tickets"] != before["tickets"]) == (RENUMBERED in written)
    transfer.catch_up(way, lambda line: None)
    transfer.switch(way)
    assert zoo.image(moving.target) == after
    moving.end()


def test_the_deletion_of_a_tenants_rows_leaves_no_history_of_it(zoo, neighbour):
    """In shared tables, circles among them; what triggers would write of it is not there either."""
    store = zoo.filled("forgotten", "rls")
    registry.remove_rows(str(store.id), store.database, store.schema)
    assert all(found == [] for found in zoo.image(store).values())


def test_an_administrator_that_is_no_superuser_loads_as_quietly(zoo, neighbour, inline, monkeypatch):
    """Where triggers cannot be put off for one session they are switched off for the transaction, and come back as they were."""
    store = zoo.filled("plain-admin", "rls")
    saved, shape = zoo.image(store), zoo.shape(store)
    taken = backup.create(store.slug)
    zoo.run(store, *WRITES, number=1)
    with Server.from_environment().connect() as admin:
        admin.autocommit = True
        admin.execute("CREATE ROLE deployer LOGIN CREATEROLE CREATEDB PASSWORD 'deployer'")
        for owner in (naming.cell_owner("main"), naming.CONTROL_OWNER, naming.cell_app("main")):
            admin.execute(sql.SQL("GRANT {} TO deployer WITH ADMIN OPTION").format(sql.Identifier(owner)))
        admin.execute("GRANT pg_signal_backend TO deployer")
        for database in (naming.CONTROL_DATABASE, naming.cell_database("main")):
            admin.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO deployer").format(sql.Identifier(database)))
    monkeypatch.setenv("PGUSER", "deployer")
    monkeypatch.setenv("PGPASSWORD", "deployer")
    staging.build(store, Stored.open(taken.id))
    assert swap.swap(store, keep=False)
    monkeypatch.undo()
    assert zoo.image(store) == saved
    assert zoo.shape(store) == shape


@pytest.fixture
def put_off(monkeypatch):
    """As in shared tables without a deferrable key: a superuser puts the triggers off for its session alone."""
    monkeypatch.setattr(loading, "_checked_late", lambda *_: False)


def test_triggers_that_are_put_off_do_not_fire_either(zoo, neighbour, inline, put_off):
    """A move into shared tables, a restore there, a clone and the deletion."""
    moving = Moving(zoo, "put-off", "schema", "rls")
    if FULL:
        moving.there()
    else:
        transfer.copy(Way.there(moving.move), lambda line: None)
    assert zoo.image(moving.target) == zoo.image(moving.source)
    moving.end()
    store = zoo.filled("put-off-here", "rls")
    saved, shape = zoo.image(store), zoo.shape(store)
    taken = backup.create(store.slug)
    zoo.run(store, *WRITES, number=1)
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert zoo.image(store) == saved
    ending.confirm(store.slug)
    registry.remove_rows(str(store.id), store.database, store.schema)
    assert all(found == [] for found in zoo.image(store).values())
    assert zoo.shape(store) == shape


@pytest.mark.parametrize("quietly", [True, False], ids=["triggers put off for the session", "keys checked"])
def test_rows_that_need_what_no_revision_wrote_are_not_brought_along(zoo, neighbour, monkeypatch, quietly):
    """Somebody put a row into one store's reference table by hand: a move and a clone into shared tables stop, and leave nothing."""
    monkeypatch.setattr(loading, "_checked_late", lambda *_: not quietly)
    moving = Moving(zoo, f"by-hand-{quietly}".lower(), "schema", "rls")
    store, new = moving.source, zoo.empty(f"by-hand-{quietly}-clone".lower(), "rls")
    zoo.run(store, "INSERT INTO currencies VALUES ('XXX', 'by hand')", owner=True)
    zoo.run(store, "INSERT INTO accounts VALUES ({tid}, 99, 'XXX')")
    with pytest.raises(WorkError, match="accounts"):
        transfer.copy(Way.there(moving.move), lambda line: None)
    with pytest.raises(WorkError, match="accounts"):
        filling.fill(store, new, plan.make(*kept_as_they_are(store)), Key.of(store.slug, "one"), lambda line: None)
    assert zoo.image(moving.target)["accounts"] == zoo.image(new)["accounts"] == []
    moving.end()


def test_others_write_while_triggers_are_put_off(zoo, neighbour, put_off):
    """Where the server lets us, no table is locked for it but that of a trigger which always fires."""
    store, other = zoo.filled("quiet-load", "rls"), zoo.filled("writes-on", "rls")
    with store.acting(store.owner) as connection, loading.quiet(connection, store.schema, shared=True):
        connection.execute("INSERT INTO tickets (tenant_id, note) VALUES (%s, 'quiet')", [store.id])
        with other.acting(other.owner) as writing:
            writing.execute("SET LOCAL lock_timeout = '2s'")
            writing.execute("INSERT INTO tickets (tenant_id, note) VALUES (%s, 'loud')", [other.id])
    assert sum("statement" in line for line in zoo.image(store)["note_history"]) + 1 == sum(
        "statement" in line for line in zoo.image(other)["note_history"]
    )


def test_tables_in_a_circle_are_one_group(zoo, filled):
    """And every other table stands after those that it points at."""
    groups = zoo.groups(filled["schema"])
    circles = [set(group.names) for group in groups if len(group.names) > 1]
    assert sorted(map(sorted, circles)) == [["eggs", "hens"], ["members", "teams"], ["ring_a", "ring_b", "ring_c"]]
    order = [name for group in groups for name in group.names]
    assert order.index("users") < order.index("documents")
    assert order.index("OrderItems") < order.index("Select")


def test_others_draw_numbers_while_a_sequence_goes_forward(zoo, filled):
    """No number is given out twice, however the two meet."""
    store = filled["rls"]
    drawn, ended = [], threading.Event()

    def draw():
        with Server.from_environment().connect(store.database) as connection:
            connection.autocommit = True
            while not ended.is_set():
                drawn.append(connection.execute("SELECT nextval('shared.invoices_id_seq')").fetchone()[0])

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(200):
            with store.acting(store.owner) as connection:
                here = sql.Identifier(store.schema, "invoices_id_seq")
                last = connection.execute(sql.SQL("SELECT last_value FROM {}").format(here)).fetchone()[0]
                sequences._forward(connection, here, 1, last + 2)
    finally:
        ended.set()
        thread.join()
    assert len(drawn) == len(set(drawn))


FORWARD = """
DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.reloftype = 0
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS added int NOT NULL DEFAULT 7', target);
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgname !~ '^m_') THEN
            EXECUTE format('UPDATE %s SET added = 8', target);
        END IF;
    END LOOP;
END $$;
"""


def test_a_revision_goes_through_every_shape_and_the_tenant_goes(zoo, filled):
    """The last of all: the tables have another revision afterwards. Every row is as it was and has the new value; then nothing is left."""
    stores = {model: zoo.filled(f"{model}-on", model) for model in MODELS}
    before = {store.slug: zoo.image(store) for store in stores.values()}
    zoo.revise(FORWARD)
    for model, store in stores.items():
        migrate(store)
        after = zoo.image(store, "added")
        assert after == before[store.slug], model
        zoo.check_numbers(store)
        with store.acting(store.app_role) as application:
            assert application.execute("SELECT DISTINCT added FROM wide").fetchall() == [(8,)]
    beside = zoo.image(filled["schema"])
    store = stores["schema"]
    StoreProvider().delete("", {"server": None, "database": store.database, "schema": store.schema, "app_role": store.app_role})
    with store.acting(store.owner) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(store.schema)))
    assert zoo.image(filled["schema"]) == beside
    store = stores["database"]
    StoreProvider().delete("", {"server": None, "database": store.database, "schema": store.schema, "app_role": store.app_role})
    with pytest.raises(psycopg.errors.UndefinedTable), store.acting(store.app_role) as application:
        application.execute("SELECT FROM wide")
    with store.administrator().connect() as admin:
        admin.autocommit = True
        admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(store.database)))  # nobody is in it any more
        for role in (store.app_role, store.owner):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))  # and nothing else of it is anywhere
    assert zoo.image(filled["database"])["wide"] != []
    registry.remove_rows(str(stores["rls"].id), stores["rls"].database, stores["rls"].schema)
    assert all(found == [] for found in zoo.image(stores["rls"]).values())
