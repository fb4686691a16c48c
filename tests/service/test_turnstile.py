"""What a move does to rows, without the engine: every kind of change is followed, and nobody writes past a freeze or a switch."""

from __future__ import annotations

import threading
import uuid

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.errors import TransientError
from tenantry.postgres import migrations
from tenantry.postgres.server import Server
from tenantry.stores import changed_rows, rows, turnstile
from tenantry.stores.tenant_store import TenantStore
from tests.environment import entered
from tests.service import scratch

pytestmark = pytest.mark.service

CELL, SCHEMA = "turn", "m_pacer__0"
SLUG = "pacer"
ID = naming.tenant_id(SLUG)
PASSWORD = "turnstile"


@pytest.fixture(scope="module")
def database(cloud):
    """A cell's database with the shared tables."""
    with entered(cloud.environment):
        server = Server.from_environment()
        owner, app, name = naming.cell_owner(CELL), naming.cell_app(CELL), naming.cell_database(CELL)
        with server.connect() as admin:
            admin.autocommit = True
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(owner)))
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(app), sql.Literal(PASSWORD)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
        _tables(server, name, "shared", owner, app, "")
        yield server
        scratch.drop(server, name, roles=(owner, app))


def _tables(server, name, schema, owner, app, tenant_id):
    with server.connect(name) as admin:
        admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), sql.Identifier(owner)))
        admin.commit()
        migrations.apply(admin, "tenant", schema, owner=owner, app_role=app, tenant_id=tenant_id)


def _store(isolation, schema, app):
    return TenantStore(
        ID, SLUG, "active", isolation, CELL, "shared", None, naming.cell_database(CELL), schema, app, "bucket", f"tenants/{SLUG}/"
    )


@pytest.fixture
def places(database):
    """Shared tables with the turnstile up, and empty tables of the tenant's own."""
    own = f"t_pacer_{uuid.uuid4().hex[:8]}"
    app = naming.cell_app(CELL)
    _tables(database, naming.cell_database(CELL), own, naming.cell_owner(CELL), app, str(ID))
    source, target = _store("rls", "shared", app), _store("schema", own, app)
    with source.connected() as admin:
        admin.execute("DELETE FROM shared.users")
        admin.execute(
            "INSERT INTO shared.users (tenant_id, id, email, name)"
            " SELECT %s, md5(n::text)::uuid, 'u' || n || '@p.example', 'U' FROM generate_series(1, 5) n",
            [ID],
        )
        admin.execute(
            "INSERT INTO shared.documents (tenant_id, id, author_id, title)"
            " SELECT %s, md5('d' || n)::uuid, md5((n %% 5 + 1)::text)::uuid, 't' || n FROM generate_series(1, 20) n",
            [ID],
        )
        admin.commit()
        tables = rows.describe(admin, "shared")
    turnstile.install(source, SCHEMA, tables)
    with rows.reading(source) as out, rows.writing(target) as into:
        rows.copy(out, into, tables, ID)
        changed_rows.forget_notes(out, SCHEMA)
    yield source, target, tables
    turnstile.drop(source, SCHEMA)


@pytest.fixture
def session(database):
    """Opens sessions of the application in the tenant's context."""
    opened = []

    def connect(tenant=ID):
        connection = psycopg.connect(
            host=database.host, port=database.port, user=naming.cell_app(CELL), password=PASSWORD, dbname=naming.cell_database(CELL)
        )
        opened.append(connection)
        connection.execute("SELECT set_config('app.tenant_id', %s, false), set_config('search_path', 'shared', false)", [str(tenant)])
        connection.commit()
        return connection

    yield connect
    for connection in opened:
        connection.close()


def follow(places):
    source, target, tables = places
    with rows.reading(source) as out, rows.writing(target) as into:
        followed = changed_rows.follow(out, into, SCHEMA, tables, ID)
        _, differing = rows.compare(out, into, tables, ID)
    assert followed.differing == differing == []
    return followed.notes


def user(number):
    return f"md5('{number}')::uuid"


@pytest.mark.parametrize(
    "changes",
    [
        ["INSERT INTO documents (tenant_id, author_id, title) SELECT tenant_id, id, 'new' FROM users"],
        ["UPDATE documents SET body = repeat('x', 9), title = E'tab\\t\\\\N\\n' WHERE title < 't15'"],
        [f"DELETE FROM users WHERE id = {user(1)}"],
        [f"UPDATE documents SET author_id = {user(2)} WHERE author_id = {user(1)}", f"DELETE FROM users WHERE id = {user(1)}"],
        [f"UPDATE documents SET id = gen_random_uuid() WHERE author_id = {user(3)}"],
        [
            f"DELETE FROM users WHERE id = {user(1)}",
            f"INSERT INTO users VALUES (current_setting('app.tenant_id')::uuid, {user(1)}, 'b', 'B')",
        ],
        [f"UPDATE users SET email = 'free' WHERE id = {user(1)}", f"UPDATE users SET email = 'u1@p.example' WHERE id = {user(2)}"],
        [
            f"UPDATE users SET email = 'tmp' WHERE id = {user(1)}",
            f"UPDATE users SET email = 'u1@p.example' WHERE id = {user(2)}",
            f"UPDATE users SET email = 'u2@p.example' WHERE id = {user(1)}",
        ],
        ["INSERT INTO user_settings SELECT tenant_id, id, 'k', '{\"a\": [1, null]}' FROM users", "DELETE FROM users"],
    ],
    ids=["inserted", "changed", "cascade", "passed on", "other key", "again", "name reused", "names swapped", "all gone"],
)  # fmt: skip
def test_every_change_is_followed(places, session, changes):
    """Whatever the application did, the copy is equal after the next round, and the round after that has nothing to do."""
    with session() as application:
        for change in changes:
            application.execute(change)
    assert follow(places) > 0
    assert follow(places) == 0


def test_an_undone_transaction_leaves_no_trace(places, session):
    """What was rolled back is not noted."""
    application = session()
    application.execute("DELETE FROM documents")
    application.rollback()
    assert follow(places) == 0


def test_other_tenants_pass_beside_it(places, session):
    """In shared tables neither notes nor a freeze nor a shut place concern another tenant."""
    source, _, _ = places
    other = session(naming.tenant_id("someone-else"))
    with turnstile.ready(source, SCHEMA) as frozen:
        frozen.begin()
        frozen.set_shut(True)
        other.execute("SET statement_timeout = '5s'")
        other.execute(
            "INSERT INTO users (tenant_id, email, name) VALUES (current_setting('app.tenant_id')::uuid, 'o@o.example', 'O') RETURNING id"
        )
        other.commit()
    turnstile.set_shut(source, SCHEMA, False)
    assert follow(places) == 0


def test_who_waited_through_a_switch_fails_and_wrote_nothing(places, session):
    """A writer that comes during the freeze waits; shut, it fails, and its row is nowhere."""
    source, _, _ = places
    failed: list[BaseException] = []
    application = session()
    pid = application.info.backend_pid

    def write():
        try:
            application.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'late@p.example', 'L')", [ID])
        except psycopg.Error as error:
            failed.append(error)

    with turnstile.ready(source, SCHEMA) as frozen, source.connected() as admin:
        frozen.begin()
        admin.autocommit = True
        thread = threading.Thread(target=write)
        thread.start()
        waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock' AND wait_event = 'relation'"
        for _ in range(10_000):
            if admin.execute(waiting, [pid]).fetchone():
                break
        else:
            pytest.fail("the writer did not wait")
        frozen.set_shut(True)
    thread.join(timeout=30)
    assert isinstance(failed[0], psycopg.errors.ObjectNotInPrerequisiteState)
    application.rollback()
    assert application.execute("SELECT count(*) FROM users WHERE email = 'late@p.example'").fetchone() == (0,)


def test_an_old_snapshot_does_not_see_an_open_gate(places, session):
    """A REPEATABLE READ transaction from before the switch cannot write after it."""
    source, _, _ = places
    application = session()
    application.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    application.execute("SELECT count(*) FROM users")
    turnstile.set_shut(source, SCHEMA, True)
    with pytest.raises(psycopg.errors.SerializationFailure):
        application.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'old@p.example', 'O')", [ID])


def test_a_forgotten_transaction_keeps_the_freeze_away_and_nobody_else(places, session):
    """The freeze gives up after a second, names the session, and others' writes go on."""
    source, _, _ = places
    forgotten = session()
    forgotten.execute("UPDATE users SET name = 'F' WHERE email = 'u1@p.example'")
    with (
        pytest.raises(TransientError, match=f"process {forgotten.info.backend_pid} of role {naming.cell_app(CELL)}"),
        turnstile.ready(source, SCHEMA) as frozen,
    ):
        frozen.begin()
    with session() as application:
        application.execute("UPDATE users SET name = 'G' WHERE email = 'u2@p.example'")
    forgotten.commit()
    assert follow(places) > 0


def test_the_application_cannot_claim_to_be_the_mover(places, session):
    """The setting that lets the move write is nobody else's to use."""
    source, _, _ = places
    turnstile.set_shut(source, SCHEMA, True)
    application = session()
    application.execute("SELECT set_config('tenantry.mover', 'on', false)")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        application.execute("DELETE FROM documents")


def test_a_table_that_came_after_the_turnstile_is_named(places, database):
    """Its writes are noted by nobody: a move that began before may not go on."""
    source, _, tables = places
    with source.connected() as admin:
        assert turnstile.beside(admin, "shared", SCHEMA, tables) == []
        admin.execute("CREATE TABLE shared.notes (tenant_id uuid, id uuid PRIMARY KEY)")
        assert turnstile.beside(admin, "shared", SCHEMA, rows.describe(admin, "shared")) == ["notes"]
        admin.rollback()


def test_rows_that_swapped_a_value_are_not_equal(places):
    """As many rows, the same values in each column, and yet not the same: the comparison sees it."""
    source, target, tables = places
    with rows.reading(source) as out, rows.writing(target) as into:
        into.execute("UPDATE documents SET title = CASE title WHEN 't1' THEN 't2' ELSE 't1' END WHERE title IN ('t1', 't2')")
        assert rows.compare(out, into, tables, ID)[1] == ["documents has 20 rows, but not the same"]
