"""A restore gives one tenant back what was saved, in every model, and touches nobody else; and it can be taken back."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import aws
from tenantry.clients.archive import Damaged
from tenantry.control import backups, configuration, moves, open_moves, restores, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.control.ledger import Ledger
from tenantry.declaration.placement import Place
from tenantry.engine.applied import Evidence
from tenantry.errors import InputError, WorkError
from tenantry.operations import backup, drill
from tenantry.operations.backup import proof
from tenantry.operations.clone import work as clone
from tenantry.operations.move import request as move
from tenantry.operations.restore import beside, ending, registry_rows, run, staging, swap
from tenantry.postgres import revisions
from tenantry.postgres.server import Server
from tenantry.settings import TENANTS_VARIABLE, tenants_dir
from tenantry.stores import doors, rows, turnstile
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import catalogue, queue
from tenantry.work.step import Run
from tests.service.backup.conftest import logged_in
from tests.volume import volume
from tests.waiting import wait_for

pytestmark = pytest.mark.service

MODELS = ("rls", "schema", "database")


@pytest.fixture
def inline(monkeypatch):
    """Runs are done in this thread, step by step, without the queue; a set names the steps before which to stop."""

    def request(wanted):
        with transaction() as connection:
            run_id = runs.request(connection, wanted)["id"]
        go_on(run_id)
        return run_id

    def go_on(run_id):
        row = runs_at_work.claim(run_id, "test")
        work = Run.of(row, "test")
        done = {step["name"] for step in runs.read(run_id)["steps"] if step["state"] in ("done", "skipped")}
        for number, step in enumerate(catalogue.kinds()[work.kind].steps(work), 1):
            if step.name in stops:
                return
            if step.name in done:
                continue
            runs_at_work.begin_step(run_id, "test", number, step.name)
            try:
                summary = step.work(work)
            except Exception:
                runs_at_work.finish(run_id, "test", "failed")
                raise
            runs_at_work.end_step(run_id, "test", number, step.name, "done", summary=summary)
        runs_at_work.finish(run_id, "test", "done")

    def join(run_id, *, actor):
        with transaction() as connection:
            runs.reopen(connection, run_id, actor)
        go_on(run_id)
        return run_id

    stops: set[str] = set()
    monkeypatch.setattr(queue, "request", request)
    monkeypatch.setattr(queue, "join", join)
    request.stops, request.go_on = stops, go_on
    return request


def scars(platform):
    """What restores must not leave: staging, scratch and kept data."""
    with Server.from_environment().connect("cell_main") as connection:
        schemas = {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}
        policies = connection.execute("SELECT count(*) FROM pg_policies WHERE policyname LIKE 'closed%'").fetchone()[0]
    names = {name for name in platform.databases() | schemas if name.endswith(("__restore", "__kept")) or "scratch" in name}
    return names, policies


class Writer(threading.Thread):
    """Writes documents into other tenants, as the application would, until it is told to end; counts what was committed."""

    def __init__(self, stores):
        super().__init__(daemon=True)
        self.stores, self.ended, self.written, self.failed = stores, threading.Event(), dict.fromkeys((s.slug for s in stores), 0), []

    def run(self):
        while not self.ended.is_set():
            for store in self.stores:
                try:
                    with store.acting(store.app_role) as connection:
                        connection.execute(
                            "INSERT INTO documents (tenant_id, author_id, title) SELECT tenant_id, id, 'meanwhile' FROM users LIMIT 1"
                        )
                    self.written[store.slug] += 1
                except psycopg.Error as error:
                    self.failed.append(f"{store.slug}: {error}")


@pytest.mark.volume
@pytest.mark.parametrize("model", MODELS)
def test_one_of_many_comes_back_and_the_others_stay(platform, tenant, inline, model):
    """The tenant is byte for byte what was backed up, in every row and object; the others too, with what they wrote meanwhile."""
    stores = [tenant(f"{model}-of-many-{number:02}", model, 5) for number in range(volume(6, 20))]
    mine, busy, quiet = stores[2], stores[3:6], [*stores[:2], *stores[6:]]
    saved = platform.image(mine)
    taken = backup.create(mine.slug)
    damage(platform, mine)
    assert platform.image(mine) != saved
    before = {store.slug: platform.image(store) for store in quiet}
    writer = Writer(busy)
    documents = {store.slug: count(store, "documents") for store in busy}
    writer.start()
    try:
        run.request(mine.slug, taken.id, actor=Actor("test"))
    finally:
        writer.ended.set()
        writer.join()
    assert platform.image(mine) == saved
    assert {store.slug: platform.image(store) for store in quiet} == before
    assert writer.failed == []
    assert all(number > 0 for number in writer.written.values())
    assert {store.slug: count(store, "documents") for store in busy} == {slug: documents[slug] + n for slug, n in writer.written.items()}
    ending.confirm(mine.slug)
    assert platform.image(mine) == saved
    assert scars(platform) == (set(), 0)


def damage(platform, store):
    """Somebody deletes, changes and adds rows and objects."""
    with store.acting(store.owner) as connection:
        connection.execute("DELETE FROM documents WHERE title = 'T 1'")
        connection.execute("UPDATE documents SET body = 'gone' WHERE title = 'T 2'")
    platform.write(store, 3, "too much ")
    s3 = aws.client("s3")
    s3.put_object(Bucket=store.bucket, Key=f"{store.prefix}files/bücher & co.txt", Body=b"overwritten")
    s3.put_object(Bucket=store.bucket, Key=f"{store.prefix}files/new.txt", Body=b"too much", ContentType="text/plain")


def count(store, table):
    with store.acting(store.owner) as connection:
        return connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()[0]


def test_branding_is_not_brought_back(platform, tenant, inline):
    """It is made from the tenant's file by today's rules; a backup may hold what an older Tenantry put there."""
    mine, s3 = tenant("rls-brand", "rls", 3), aws.client("s3")
    logo = {"Bucket": mine.bucket, "Key": f"{mine.prefix}branding/logo.svg"}
    s3.put_object(**logo, Body=b"<script/>")
    taken = backup.create(mine.slug)
    anew = s3.put_object(**logo, Body=b"<svg/>")["VersionId"]
    s3.delete_object(Bucket=mine.bucket, Key=f"{mine.prefix}files/bücher & co.txt")
    run.request(mine.slug, taken.id, actor=Actor("test"))
    assert f"{mine.prefix}files/bücher & co.txt" in platform.objects(mine)
    assert s3.get_object(**logo)["VersionId"] == anew
    ending.confirm(mine.slug)


def test_a_transaction_of_another_tenant_is_no_deadlock(tenant):
    """It has written documents and goes on to users while the doors are shut in the other order: nobody is ended, and both come through."""
    mine, other = tenant("rls-shut", "rls", 5), tenant("rls-writing", "rls", 5)
    with other.acting(other.app_role) as connection:
        (author,) = connection.execute("SELECT id FROM users LIMIT 1").fetchone()
    with other.acting(other.app_role) as connection:
        connection.execute("UPDATE documents SET title = 'open' WHERE author_id = %s", [author])
        shutting = threading.Thread(target=doors.shut, args=(mine, "test"))
        shutting.start()
        with Server.from_environment().connect(mine.database) as admin:
            admin.autocommit = True
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%%POLICY%%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
            wait_for(lambda: admin.execute(waiting).fetchone() or not shutting.is_alive())
        assert connection.execute("UPDATE users SET name = 'still here'").rowcount > 0
    shutting.join()
    with mine.acting(mine.app_role) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM documents)").fetchone() == (0,)
    doors.reopen(mine)
    with mine.acting(mine.app_role) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (5,)


@pytest.mark.parametrize("model", MODELS)
def test_a_restore_can_be_taken_back(platform, tenant, inline, model):
    """After a rollback the tenant has exactly what it had before the restore: rows, objects, users and runtime values."""
    store = tenant(f"back-{model}", model)
    configuration.put(store.id, "theme.accent", "#ff0000", Actor("test"))
    taken = backup.create(store.slug)
    damage(platform, store)
    configuration.put(store.id, "theme.accent", "#00ff00", Actor("test"))
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'late@x.example', 'Late', 'member')", [store.id])
    damaged, control = platform.image(store), control_rows(store)
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert control_rows(store) != control
    assert control_rows(store)["accent"] == "#ff0000"
    with pytest.raises(InputError, match=r"an earlier restore of .* waits for a decision"):
        run.request(store.slug, taken.id, actor=Actor("test"))
    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == damaged
    assert control_rows(store) == control
    assert login_works(store)
    with pytest.raises(InputError, match="has no restore that waits"):
        ending.confirm(store.slug)
    assert scars(platform) == (set(), 0)


@pytest.mark.parametrize("model", MODELS)
def test_a_rollback_that_failed_goes_on_when_it_is_asked_for_again(platform, tenant, inline, monkeypatch, model):
    """What was kept is staged by then: it is put back, not taken for the restore's and dropped."""
    store = tenant(f"again-{model}", model)
    taken = backup.create(store.slug)
    damage(platform, store)
    damaged = platform.image(store)
    run.request(store.slug, taken.id, actor=Actor("test"))
    with monkeypatch.context() as patch:
        patch.setattr(staging, "settle", lambda store: (_ for _ in ()).throw(WorkError("no disk", "make room")))
        with pytest.raises(WorkError, match="no disk"):
            run.request_rollback(store.slug, actor=Actor("test"))

    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == damaged
    assert login_works(store)
    assert scars(platform) == (set(), 0)


@pytest.mark.parametrize("failing", [(staging, "settle"), (registry_rows, "put")])
@pytest.mark.parametrize("model", MODELS)
def test_a_rollback_on_its_way_is_not_overtaken(platform, tenant, inline, monkeypatch, model, failing):
    """Once it was asked for, neither a `confirm`, nor the scheduler, nor the restore's own run, nor another restore ends what it needs."""
    store = tenant(f"overtaken-{model}", model)
    taken = backup.create(store.slug)
    damage(platform, store)
    with transaction() as connection:
        connection.execute("INSERT INTO users (tenant_id, email, name, role) VALUES (%s, gen_random_uuid(), 'L', 'member')", [store.id])
    damaged, control = platform.image(store), control_rows(store)
    restore_id = run.request(store.slug, taken.id, actor=Actor("test"))
    with transaction() as connection:
        connection.execute("UPDATE restores SET keep_until = now() - interval '1 second' WHERE tenant_id = %s", [store.id])
    with monkeypatch.context() as patch:
        patch.setattr(*failing, lambda *arguments: (_ for _ in ()).throw(WorkError("no disk", "make room")))
        with pytest.raises(WorkError, match="no disk"):
            run.request_rollback(store.slug, actor=Actor("test"))
    assert ending.sweep() == []
    for overtaking in (lambda: ending.confirm(store.slug), lambda: run.request(store.slug, taken.id, actor=Actor("test"))):
        with pytest.raises(InputError, match=r"is being taken back$"):
            overtaking()
    with pytest.raises(WorkError, match="is being taken back"):
        restores.require_open(str(restore_id))

    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == damaged
    assert control_rows(store) == control
    assert login_works(store)
    assert scars(platform) == (set(), 0)


def test_a_rollback_that_comes_during_a_confirm_finds_the_decision_taken(platform, tenant, inline, monkeypatch):
    """Its first step waits for the `confirm` that is dropping what was kept; then it fails, and the tenant's doors stay open."""
    store = tenant("late-schema", "schema")
    taken = backup.create(store.slug)
    run.request(store.slug, taken.id, actor=Actor("test"))
    restored, late = platform.image(store), []

    def ask():
        try:
            run.request_rollback(store.slug, actor=Actor("test"))
        except WorkError as error:
            late.append(error)

    asking = threading.Thread(target=ask)
    original = swap.drop_kept

    def drop(store):
        asking.start()
        wait_for(lambda: (runs.last(store.id, "restore rollback") or {}).get("state") == "running")
        original(store)

    monkeypatch.setattr(swap, "drop_kept", drop)
    ending.confirm(store.slug)
    asking.join()
    assert [error.message for error in late] == ["this restore was confirmed meanwhile"]
    assert platform.image(store) == restored
    assert login_works(store)


def control_rows(store):
    with transaction() as connection:
        users = connection.execute("SELECT email, name FROM users WHERE tenant_id = %s ORDER BY 1", [store.id]).fetchall()
    rows = configuration.rows([store.id])[store.id]
    return {"users": users, "accent": rows.get("theme.accent", {}).get("config_value"), "keys": sorted(rows)}


def login_works(store):
    """Whether the application gets in and sees its rows."""
    if store.isolation == "rls":
        with store.acting(store.app_role) as connection:
            return connection.execute("SELECT count(*) FROM users").fetchone()[0] > 0
    connection = logged_in(store)
    if connection is None:
        return False
    with connection:
        # Without a search path of the session's own: the role's setting has to have survived the swap.
        names = sql.Identifier(store.schema, "users")
        return connection.execute(sql.SQL("SELECT count(*) FROM {}").format(names)).fetchone()[0] > 0


@pytest.mark.parametrize("model", MODELS)
def test_nobody_gets_in_while_the_doors_are_shut(platform, tenant, inline, model):
    """Between shutting and opening the tenant's application sees and writes nothing and its sessions are gone; the registry says why."""
    store, other = tenant(f"door-{model}", model), tenant(f"door-{model}-2", model)
    taken = backup.create(store.slug)
    inline.stops.add("swap")
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    with transaction() as connection:
        assert connection.execute("SELECT maintenance FROM tenants WHERE id = %s", [store.id]).fetchone()["maintenance"] == "restore"
    assert not login_works(store)
    if model == "rls":
        with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(store.app_role) as connection:
            connection.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'x', 'x')", [store.id])
    assert login_works(other)
    inline.stops.clear()
    inline.go_on(run_id)
    assert login_works(store)
    ending.confirm(store.slug)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("at", ["shut the doors", "swap", "registry and objects", "check", "open the doors"])
def test_a_restore_that_stopped_anywhere_goes_on_or_goes_back(platform, tenant, inline, model, at):
    """Killed before any step, a restore resumes to what was saved, or rolls back to what was there."""
    store = tenant(f"stop-{model}", model)
    taken, saved = backup.create(store.slug), platform.image(store)
    platform.write(store, 1, "later ")
    later = platform.image(store)
    inline.stops.add(at)
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    inline.stops.clear()
    if at == "shut the doors":  # nothing has happened yet that anybody could see
        assert platform.image(store) == later
        staging.discard(store)
        runs_at_work.finish(run_id, "test", "failed")
        return
    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == later
    # The run that was left behind is found by a worker after all: it must not shut the doors again, or change anything.
    with pytest.raises(WorkError, match=r"this restore was rolled-back meanwhile|is not what was restored"):
        inline.go_on(run_id)
    assert platform.image(store) == later
    assert login_works(store)
    runs_at_work.finish(run_id, "test", "failed")
    inline.stops.add(at)
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    inline.stops.clear()
    inline.go_on(run_id)
    assert platform.image(store) == saved
    assert login_works(store)
    ending.confirm(store.slug)
    assert scars(platform) == (set(), 0)


def test_each_step_done_twice_is_done_once(platform, tenant, inline, monkeypatch):
    """A step that was killed after its work and before its line in the journal is begun again, and changes nothing more."""
    from tenantry.work.step import Step

    original = catalogue.kinds()["restore"].steps
    store = tenant("twice-schema", "schema")

    def twice(work):
        def again(step):
            return Step(step.name, lambda run: (step.work(run), step.work(run))[1])

        return [again(step) for step in original(work)]

    taken, saved = backup.create(store.slug), platform.image(store)
    damage(platform, store)
    damaged = platform.image(store)
    monkeypatch.setitem(catalogue.kinds(), "restore", run.RESTORE.__class__("restore", twice))
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert platform.image(store) == saved
    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == damaged


@pytest.mark.parametrize("model", MODELS)
def test_rows_that_are_not_what_was_saved_do_not_get_in(platform, tenant, inline, monkeypatch, model):
    """When the staged rows differ from the manifest the restore fails, the tenant has noticed nothing, and nothing is left."""
    store = tenant(f"differs-{model}", model)
    taken, image = backup.create(store.slug), platform.image(store)
    original = staging.reading.fill

    def spoiled(stored, place, major):
        original(stored, place, major)
        with place.server.connect(place.database) as connection:
            table = sql.Identifier(place.schema, "documents")
            connection.execute(sql.SQL("DELETE FROM {} WHERE title = 'T 3'").format(table))

    monkeypatch.setattr(staging.reading, "fill", spoiled)
    with pytest.raises(WorkError, match="documents has 19 rows, not 20"):
        run.request(store.slug, taken.id, actor=Actor("test"))
    assert platform.image(store) == image
    assert login_works(store)
    assert scars(platform) == (set(), 0)
    assert restores.open_of(store.id) is None


@pytest.mark.parametrize("model", MODELS)
def test_a_backup_that_was_taken_during_a_move_comes_back_without_it(platform, tenant, inline, model):
    """The turnstile that stood beside the tables then is not restored with them: it would refuse writes, or note them for nobody."""
    store = tenant(f"turned-{model}", model)
    beside = naming.turnstile_schema(store.slug, 1)
    with store.connected() as connection:
        tables = rows.describe(connection, store.schema)
    turnstile.install(store, beside, tables)
    platform.write(store, 1, "noted ")
    turnstile.set_shut(store, beside, True)
    taken, saved = backup.create(store.slug), platform.image(store)
    turnstile.drop(store, beside)
    assert backup.prove(taken.id).ok
    platform.write(store, 1, "later ")
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert platform.image(store) == saved
    platform.write(store, 1, "after it ")
    with Server.from_environment().connect(store.database) as connection:
        left = "SELECT nspname FROM pg_namespace WHERE nspname = %s UNION SELECT tgname FROM pg_trigger WHERE starts_with(tgname, %s)"
        assert connection.execute(left, [beside, beside]).fetchall() == []
    ending.confirm(store.slug)


@pytest.mark.parametrize("model", MODELS)
def test_a_damaged_backup_touches_nothing(platform, tenant, inline, model):
    """A flipped bit in any part is found before a run exists."""
    store = tenant(f"differs-{model}", model)
    taken, image = backup.create(store.slug), platform.image(store)
    entry = backups.find(taken.id)
    s3, last = aws.client("s3"), runs.latest(tenant_id=store.id, kind="restore", limit=1)
    for part in taken.manifest.parts:
        body = s3.get_object(Bucket=entry.bucket, Key=entry.key(part.name))["Body"].read()
        s3.put_object(Bucket=entry.bucket, Key=entry.key(part.name), Body=body[:-1] + bytes([body[-1] ^ 1]))
        with pytest.raises(Damaged) as caught:
            run.request(store.slug, taken.id, actor=Actor("test"))
        assert caught.value.exit_code == 2
        s3.put_object(Bucket=entry.bucket, Key=entry.key(part.name), Body=body)
    assert platform.image(store) == image
    assert runs.latest(tenant_id=store.id, kind="restore", limit=1) == last
    run.request(store.slug, taken.id, actor=Actor("test"))
    ending.confirm(store.slug)


def test_wrong_requests_are_refused(platform, tenant, inline):
    """Another tenant's backup, a target with data: one line each, and no run."""
    store, other = tenant("back-rls", "rls"), tenant("door-rls", "rls")
    taken = backup.create(store.slug)
    with pytest.raises(InputError, match=f"is {store.slug}'s, not {other.slug}'s"):
        run.request(other.slug, taken.id, actor=Actor("test"))
    with pytest.raises(InputError, match=f"tenant {other.slug} has data already: users"):
        run.request(store.slug, taken.id, into=other.slug, actor=Actor("test"))
    with pytest.raises(InputError, match="no tenant nobody"):
        run.request(store.slug, taken.id, into="nobody", actor=Actor("test"))


def test_too_little_disk_is_found_before_anything_is_made(platform, tenant, inline, monkeypatch, tmp_path):
    """A restore in place or as another tenant, a proof, a drill, a clone, a move: refused, with no run, file or scratch database."""
    store = tenant("back-rls", "rls")
    taken, last = backup.create(store.slug), runs.latest(tenant_id=store.id, limit=1)
    shutil.copytree(tenants_dir() / "defaults", tmp_path / "defaults")
    file = tmp_path / f"{store.slug}.yaml"
    file.write_text("name: Back\ntier: starter\nisolation: rls\nadmin: {name: Ada, email: ada@back.example}\n")
    monkeypatch.setattr(Ledger, "read", lambda *_: SimpleNamespace(tenants={store.slug: SimpleNamespace(turn=0)}))
    monkeypatch.setenv(TENANTS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(proof, "make_database", lambda *_: pytest.fail("a database was made"))
    monkeypatch.setattr("tenantry.stores.disk.shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    for work in (
        lambda: run.request(store.slug, taken.id, actor=Actor("test")),
        lambda: beside.prepare(store.slug, taken.id, "back-beside"),
        lambda: backup.prove(taken.id),
        lambda: clone.request(store.slug, "back-clone", actor=Actor("test")),
        lambda: move.plan(store.slug, "schema", None),
    ):
        with pytest.raises(InputError, match="too little disk on the server of back-"):
            work()
    assert "too little disk" in drill.run(store.slug).problem
    assert {path.name for path in tmp_path.iterdir()} == {"defaults", file.name}
    assert runs.latest(tenant_id=store.id, limit=1) == last


@pytest.mark.parametrize(("evidence", "unfinished"), [({}, True), ({"half-made": None}, True), ({"half-made": "made"}, False)])
def test_a_tenant_whose_making_was_killed_is_made_first(platform, tenant, monkeypatch, evidence, unfinished):
    """The engine makes its record before its roles and tables: a record that says active is not yet a tenant to restore into."""
    tenant("half-made", "rls", empty=True)
    monkeypatch.setattr(Evidence, "of", lambda stacks: Evidence(evidence))
    assert beside.unfinished("half-made") is unfinished


def test_rows_staged_before_a_roll_out_do_not_get_in_after_it(platform, tenant, inline):
    """A roll-out does not wait for a restore that has failed: what that had staged is of another revision. Taken back, all is as before."""
    store = tenant("left-behind", "rls", 5)
    taken = backup.create(store.slug)
    inline.stops.add("swap")
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    inline.stops.clear()
    saved = platform.image(store)
    with store.acting(store.owner) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0999'")
    try:
        with pytest.raises(
            WorkError, match=f"what was staged for {store.slug} is at revision .*, the tables of cell main are at 0999"
        ) as caught:
            inline.go_on(run_id)
    finally:
        with store.acting(store.owner) as owner:
            owner.execute("UPDATE alembic_version SET version_num = %s", [revisions.head("tenant")])
    assert caught.value.hint == f"tenantry restore rollback {store.slug}, then restore again"
    assert platform.image(store) == saved
    run.request_rollback(store.slug, actor=Actor("test"))
    assert platform.image(store) == saved
    assert scars(platform) == (set(), 0)


@pytest.mark.parametrize("target", MODELS)
@pytest.mark.parametrize("source", MODELS)
def test_as_a_new_tenant_of_any_model(platform, tenant, inline, source, target):
    """Restored as a new tenant every row is there under the new tenant's id, with its objects; the source notices nothing.

    But for the branding: the new tenant's own is left as it is.
    """
    store = tenant(f"origin-{source}", source)
    taken, image = backup.create(store.slug), platform.image(store)
    new = platform.tenant(f"new-{source}-{target}", target, documents=0, empty=True)
    aws.client("s3").put_object(
        Bucket=new.bucket, Key=f"{new.prefix}branding/manifest.json", Body=new.slug.encode(), ContentType="text/plain"
    )
    aws.client("s3").put_object(Bucket=new.bucket, Key=f"{new.prefix}surplus.txt", Body=b"", ContentType="text/plain")
    run.request(store.slug, taken.id, into=new.slug, actor=Actor("test"))
    assert platform.image(store) == image
    assert login_works(new)

    def rows(one):
        with one.acting(one.app_role) as connection:
            return connection.execute("SELECT id, title, body, updated_at FROM documents ORDER BY id").fetchall()

    assert rows(new) == rows(store)
    found, origin = ({key.removeprefix(one.prefix): body for key, body in platform.objects(one).items()} for one in (new, store))
    assert found.pop("branding/manifest.json") == f"text/plain {{}} {new.slug}"
    assert origin.pop("branding/theme.css")
    assert found == origin
    assert restores.open_of(new.id) is None
    assert scars(platform) == (set(), 0)


def test_what_nobody_decided_about_is_dropped_in_time(platform, tenant, inline):
    """After its time what was replaced is dropped; before it, it is not."""
    store = tenant("sweep-schema", "schema")
    run.request(store.slug, backup.create(store.slug).id, actor=Actor("test"))
    assert ending.sweep() == []
    assert swap.has_kept(store)
    with transaction() as connection:
        connection.execute("UPDATE restores SET keep_until = now() - interval '1 second' WHERE tenant_id = %s", [store.id])
    assert len(ending.sweep()) == 1
    assert not swap.has_kept(store)


def test_one_restore_that_cannot_be_confirmed_keeps_no_other_waiting(platform, tenant, inline, monkeypatch):
    """The others are confirmed; then the task fails, by the restore's id, for its record may not name a tenant."""
    stores = [tenant(f"sweep-{name}", "schema") for name in ("away", "schema")]
    ids = [str(run.request(store.slug, backup.create(store.slug).id, actor=Actor("test"))) for store in stores]
    with transaction() as connection:
        connection.execute("UPDATE restores SET keep_until = now() - interval '1 second' WHERE id = ANY(%s)", [ids])
    original = swap.drop_kept

    def drop(store):
        if store.slug == "sweep-away":
            raise psycopg.OperationalError("no route to host")
        original(store)

    with monkeypatch.context() as patch:
        patch.setattr(swap, "drop_kept", drop)
        with pytest.raises(WorkError, match=f"1 of 2 restores were not confirmed: {ids[0]}$"):
            ending.sweep()
    assert [swap.has_kept(store) for store in stores] == [True, False]
    assert ending.sweep() == ids[:1]


@pytest.mark.parametrize("at", ["when it is asked for", "shut the doors"])
def test_shared_tables_behind_the_newest_revision_take_no_restore(platform, tenant, inline, at):
    """What is staged would not fit: it is refused, with what to do, before the doors are shut, and a rollback likewise."""
    store = tenant("lags-rls", "rls")
    taken, image = backup.create(store.slug), platform.image(store)

    def set_revision(revision):
        with Server.from_environment().connect(store.database) as connection:
            (before,) = connection.execute("SELECT version_num FROM shared.alembic_version").fetchone()
            connection.execute("UPDATE shared.alembic_version SET version_num = %s", [revision])
        return before

    behind = r"the tables of cell main are at revision 0000, not at \d+"
    if at == "shut the doors":
        inline.stops.add(at)
        run_id = run.request(store.slug, taken.id, actor=Actor("test"))
        inline.stops.clear()
    head = set_revision("0000")
    try:
        with pytest.raises(InputError, match=behind):
            inline.go_on(run_id) if at == "shut the doors" else run.request(store.slug, taken.id, actor=Actor("test"))
        assert restores.open_of(store.id) is None
        assert login_works(store)
        assert platform.image(store) == image
        assert scars(platform) == (set(), 0)
    finally:
        set_revision(head)
    run.request(store.slug, taken.id, actor=Actor("test"))
    try:
        set_revision("0000")
        with pytest.raises(InputError, match=behind):
            run.request_rollback(store.slug, actor=Actor("test"))
    finally:
        set_revision(head)
    assert login_works(store)
    ending.confirm(store.slug)


@pytest.mark.parametrize("at", ["restore beside", "shut the doors"])
def test_a_move_that_began_meanwhile_stops_a_restore(platform, tenant, inline, at):
    """Each step that the tenant does not notice looks again; nothing is left of the restore then, and the doors stay open."""
    store = tenant("moving-schema", "schema")
    taken = backup.create(store.slug)
    inline.stops.add(at)
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    inline.stops.clear()
    move = uuid4()
    with transaction() as connection:
        place = json.dumps({"isolation": "schema", "cell": "main", "turn": 0})
        insert = "INSERT INTO moves (id, tenant_id, source, target, keep) VALUES (%s, %s, %s, %s, '1 day')"
        connection.execute(insert, [move, store.id, place, place])
    try:
        with pytest.raises(InputError, match="tenant moving-schema is being moved"):
            inline.go_on(run_id)
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM moves WHERE id = %s", [move])
    assert restores.open_of(store.id) is None
    assert login_works(store)
    assert scars(platform) == (set(), 0)


def test_a_restore_that_began_meanwhile_stops_a_move(tenant, inline):
    """A run that is at work on a restore, one that waits for a decision: no move is opened."""
    store = tenant("staying-schema", "schema")
    taken = backup.create(store.slug)
    places = [Place("schema", "main", 0), Place("database", "main", 1)]

    def move():
        with pytest.raises(InputError, match="a restore of staying-schema is under way or waits for a decision"):
            moves.begin(uuid4(), store.id, store.slug, *places, timedelta(days=1))
        assert open_moves.of(store.slug) is None

    inline.stops.add("restore beside")
    run_id = run.request(store.slug, taken.id, actor=Actor("test"))
    move()
    inline.stops.clear()
    inline.go_on(run_id)
    move()
    ending.confirm(store.slug)


def test_a_suspended_tenant_stays_shut_after_its_restore(platform, tenant, inline):
    """Opening the doors gives back what the tenant's state allows, not more."""
    store = tenant("suspended-schema", "schema")
    taken = backup.create(store.slug)
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'suspended' WHERE id = %s", [store.id])
    run.request(store.slug, taken.id, actor=Actor("test"))
    assert not login_works(store)
    ending.confirm(store.slug)


def test_a_drill_writes_down_how_old_and_how_long(platform, tenant, monkeypatch):
    """A drill passes with RPO and RTO, fails by name (no backup, a damaged one, no disk, no server) without an exception, and cleans up."""
    store, bare = tenant("drill-schema", "schema"), tenant("drill-bare", "rls")
    taken = backup.create(store.slug)
    stale = "tenantry__scratch_20200101t000000_abcdef"
    with platform.admin() as admin:
        admin.execute(f"CREATE DATABASE {stale}")
    passed = drill.run(store.slug)
    assert (passed.ok, passed.backup_id, passed.rows) == (True, taken.id, 22)
    assert passed.rpo > 0
    assert passed.rto > 0
    assert stale not in platform.databases()
    assert drill.run(bare.slug).problem == "there is no backup of this tenant"
    with monkeypatch.context() as patch:
        patch.setattr(proof, "make_database", lambda *arguments: (_ for _ in ()).throw(psycopg.errors.DiskFull("no space left on device")))
        assert drill.run(store.slug).problem == "PostgreSQL: no space left on device"
        patch.setattr(TenantStore, "administrator", lambda store: (_ for _ in ()).throw(WorkError("the server is not there")))
        assert drill.run(store.slug).problem == "the server is not there"
    entry = backups.find(taken.id)
    aws.client("s3").put_object(Bucket=entry.bucket, Key=entry.key("data.dump.zst.age"), Body=b"age-encryption.org/v1\n")
    assert not drill.run(store.slug).ok
    with transaction() as connection:
        rows = connection.execute("SELECT outcome FROM restore_drills WHERE tenant_id = %s ORDER BY id", [store.id]).fetchall()
    assert [row["outcome"] for row in rows] == ["passed", "failed", "failed", "failed"]
    assert scars(platform) == (set(), 0)
    assert proof.sweep(Server.from_environment()) == []
