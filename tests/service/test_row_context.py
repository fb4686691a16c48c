"""Signed row contexts: in one cell with tenants of both kinds, no session opens a signed tenant's rows without a token."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from tenantry import naming, tenant_token
from tenantry.clients import aws
from tenantry.errors import InputError, WorkError
from tenantry.postgres import guards, migration_batch, migrations, revisions, row_context
from tenantry.postgres.server import Server
from tenantry.stores.tenant_store import TenantStore
from tenantry.tenant_token import SigningKey
from tests.environment import entered
from tests.service import scratch

pytestmark = pytest.mark.service

CELL = "signing"
OWNER, APP, DATABASE = naming.cell_owner(CELL), naming.cell_app(CELL), naming.cell_database(CELL)
PASSWORD = "row-context"
SECRET = naming.context_key("tenantry-dev", CELL)
SIGNED, OTHER, PLAIN = (naming.tenant_id(slug) for slug in ("vault", "chest", "shelf"))
TABLES = ("users", "user_settings", "documents")


@pytest.fixture(scope="module")
def server(cloud):
    """A cell with two tenants who take signed contexts and one who does not, each with a row in every table."""
    with entered(cloud.environment):
        server = Server.from_environment()
        with server.connect() as admin:
            admin.autocommit = True
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(OWNER)))
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(APP), sql.Literal(PASSWORD)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
        with server.connect(DATABASE) as admin:
            admin.execute(sql.SQL("CREATE SCHEMA shared AUTHORIZATION {}").format(sql.Identifier(OWNER)))
            admin.commit()
            migrations.apply(admin, "tenant", "shared", owner=OWNER, app_role=APP)
            plain = guards.found(admin, "shared")
            assert not [line for line in plain if "tenantry_context" in line], "a cell that needs none has none"
            for tenant in (SIGNED, OTHER, PLAIN):
                user = admin.execute(
                    "INSERT INTO shared.users (tenant_id, email, name) VALUES (%s, 'u@x.example', 'U') RETURNING id", [tenant]
                ).fetchone()
                admin.execute("INSERT INTO shared.user_settings VALUES (%s, %s, 'language', '1')", [tenant, user[0]])
                admin.execute("INSERT INTO shared.documents (tenant_id, author_id, title) VALUES (%s, %s, 'canary')", [tenant, user[0]])
            admin.commit()
            with application(server) as connection:  # what an injected statement does everywhere else
                assert all(entering(connection, tenant) == {str(tenant)} for tenant in (SIGNED, OTHER, PLAIN))
            row_context.install(admin, SECRET, owner=OWNER, app_role=APP)
            migrations.apply(admin, "tenant", "shared", owner=OWNER, app_role=APP)
        for tenant in (SIGNED, OTHER):
            row_context.keep(CELL, str(tenant), admitted=True)
        yield server
        scratch.drop(server, DATABASE, roles=(OWNER, APP))


@pytest.fixture
def app(server):
    """Opens sessions of the application."""
    opened = []

    def connect():
        opened.append(application(server))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def application(server):
    """A session of the application."""
    return psycopg.connect(
        host=server.host, port=server.port, user=APP, password=PASSWORD, dbname=DATABASE, options="-c search_path=shared"
    )


@pytest.fixture
def key(server):
    """What the application signs with now."""
    return SigningKey.from_secret(aws.find_secret(SECRET))


def seen(connection):
    """The tenants whose rows each table shows, or the message of the refusal. Nothing stays."""
    try:
        found = {
            str(row[0]) for table in TABLES for row in connection.execute(sql.SQL("SELECT tenant_id FROM {}").format(sql.Identifier(table)))
        }
    except psycopg.errors.InsufficientPrivilege as error:
        found = str(error).splitlines()[0].partition("tenant context refused: ")[2]
    connection.rollback()
    return found


def entering(connection, tenant, token=""):
    tenant_token.enter(connection, tenant, token)
    return seen(connection)


def forged(key, **changed):
    """A token with other fields, signed with ``key`` as the right ones are."""
    fields = {"version": "v1", "id": key.id, "tenant": SIGNED, "expires": int(time.time()) + 60, "backend": 0, **changed}
    message = ".".join(str(field) for field in fields.values())
    return f"{message}.{hmac.new(key.key, message.encode(), hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize("tenant", [SIGNED, OTHER])
def test_a_token_opens_its_tenants_rows_and_no_others(app, key, tenant):
    """Read and written; and only in the transaction that it was set in."""
    connection = app()
    assert entering(connection, tenant, key.token(tenant)) == {str(tenant)}
    assert seen(connection) == set()
    for target, written in ((tenant, True), (OTHER if tenant == SIGNED else SIGNED, False), (PLAIN, False)):
        tenant_token.enter(connection, tenant, key.token(tenant))
        assert connection.execute("UPDATE users SET name = 'V' WHERE tenant_id = %s", [target]).rowcount == written
        try:
            connection.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'new@x.example', 'N')", [target])
            assert written
        except psycopg.errors.InsufficientPrivilege:
            assert not written
        connection.rollback()


def test_a_plain_context_opens_the_plain_tenants_rows_only(app, key):
    """The policy decides by the row's tenant: both kinds are in the same tables. A plain tenant may send a token as well."""
    connection = app()
    assert entering(connection, PLAIN) == {str(PLAIN)}
    assert entering(connection, PLAIN, key.token(PLAIN)) == {str(PLAIN)}
    for tenant in (SIGNED, OTHER, uuid.uuid4()):
        assert entering(connection, tenant) == set()
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant)])
        connection.commit()
        assert seen(connection) == set()
        if tenant not in (SIGNED, OTHER):
            continue
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("INSERT INTO users (tenant_id, email, name) VALUES (%s, 'n@x.example', 'N')", [tenant])
        connection.rollback()


def test_forged_tokens_are_refused(app, key):
    """Each field and each byte counts; another key's signature does not."""
    connection = app()
    good = key.token(SIGNED)
    message, signature = good.rsplit(".", 1)
    other = SigningKey(key.id, b"x" * 32)
    cell = SigningKey("00000000", key.key)
    refused = {
        "another tenant in a good token": good.replace(str(SIGNED), str(OTHER)),
        "longer": good.replace(message.split(".")[3], str(int(time.time()) + 1800)),
        "another key": other.token(SIGNED),
        "an unknown key": cell.token(SIGNED),
        "no signature": message,
        "an empty signature": f"{message}.",
        "zeros": f"{message}.{'0' * 64}",
        "the signature in capitals": f"{message}.{signature.upper()}",
        "half a signature": f"{message}.{signature[:32]}",
        "not a token": "x",
        "a long one": good + "0" * 100_000,
        "another version": forged(key, version="v2"),
        "a field more": forged(key, more="1"),
        "unsigned": f"{message}.{hashlib.sha256(message.encode()).hexdigest()}",
        "signed with an empty key": forged(SigningKey(key.id, b"")),
        **{f"digit {place}": message + "." + signature[:place] + flipped(signature[place]) + signature[place + 1 :] for place in range(64)},
    }
    for name, token in refused.items():
        found = entering(connection, SIGNED, token)
        assert found in ("not a token of this cell's keys", "the signature is not right"), name
    assert entering(connection, SIGNED, good) == {str(SIGNED)}


def flipped(digit):
    return "1" if digit == "0" else "0"


def test_a_token_ends(app, key):
    """Also within a transaction; and one that would be valid for longer than an hour is refused though it is signed."""
    connection = app()
    expired = "expired, or valid for more than an hour"
    assert entering(connection, SIGNED, forged(key, expires=int(time.time()) - 1)) == expired
    assert entering(connection, SIGNED, forged(key, expires=int(time.time()) + 4000)) == expired
    tenant_token.enter(connection, SIGNED, key.token(SIGNED, seconds=2))
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    time.sleep(3.1)
    assert seen(connection) == expired


def test_a_token_for_a_session_is_good_in_no_other(app, key):
    """Replayed elsewhere it is refused; one for no session in particular opens the same tenant, and no other, until it ends."""
    one, two = app(), app()
    bound, free = key.token(SIGNED, backend=one.info.backend_pid), key.token(SIGNED)
    assert entering(one, SIGNED, bound) == {str(SIGNED)}
    assert entering(two, SIGNED, bound) == "made for another session"
    assert entering(one, SIGNED, free) == entering(two, SIGNED, free) == {str(SIGNED)}
    assert entering(two, OTHER, free) == "app.tenant_id names another tenant than the token"


def test_what_an_injected_statement_leaves_in_a_session_decides_for_nobody_else(app, key):
    """A token that stays set in a pooled session shows the next tenant an error or its own rows, never the other's."""
    connection = app()
    connection.execute("SELECT set_config('app.tenant_token', %s, false)", [key.token(SIGNED)])
    connection.commit()
    assert entering(connection, OTHER, key.token(OTHER)) == {str(OTHER)}
    assert entering(connection, PLAIN) == {str(PLAIN)}
    connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(PLAIN)])  # an application that does not set both
    assert seen(connection) == "app.tenant_id names another tenant than the token"


@pytest.mark.parametrize("emptied", [False, True])
def test_a_session_must_be_emptied_between_tenants(app, key, emptied):
    """What one tenant's request prepared under the driver's name is run with the next one's token, but for after ``leave``."""
    connection = app()
    connection.prepare_threshold = 0

    def harmless():
        return connection.execute("SELECT 'harmless' FROM users").fetchall()

    tenant_token.enter(connection, SIGNED, key.token(SIGNED))
    assert harmless() == [("harmless",)]
    (name,) = connection.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%harmless%'", prepare=False).fetchone()
    connection.execute(f"DEALLOCATE {name}", prepare=False)  # what is injected, in SIGNED's request
    connection.execute(f"PREPARE {name} AS SELECT email FROM users", prepare=False)
    connection.commit()
    if emptied:
        tenant_token.leave(connection)
    tenant_token.enter(connection, OTHER, key.token(OTHER))
    for _ in range(3):
        assert harmless() == [("harmless",) if emptied else ("u@x.example",)]
    connection.rollback()


def test_a_suspended_tenants_tokens_open_nothing(app, key):
    """At once, in sessions that are open, and until it is let in again; nobody else notices."""
    connection = app()
    try:
        assert row_context.admit(CELL, str(SIGNED), False)
        assert entering(connection, SIGNED, key.token(SIGNED)) == "the tenant is suspended"
        assert entering(connection, SIGNED) == set()
        assert entering(connection, OTHER, key.token(OTHER)) == {str(OTHER)}
    finally:
        row_context.admit(CELL, str(SIGNED), True)
    assert entering(connection, SIGNED, key.token(SIGNED)) == {str(SIGNED)}
    assert not row_context.admit(CELL, str(PLAIN), False), "a tenant with plain contexts has nothing to admit"


ATTEMPTS = [
    "SELECT * FROM tenantry_context.keys",
    "SELECT * FROM tenantry_context.signed_tenants",
    "DELETE FROM tenantry_context.signed_tenants",
    "INSERT INTO tenantry_context.keys VALUES ('mine', repeat('x', 64)::bytea, repeat('x', 64)::bytea)",
    "UPDATE tenantry_context.keys SET accepted_until = 'infinity'",
    "COPY tenantry_context.keys TO STDOUT",
    "SELECT tenantry_context.tenant()",
    "CREATE OR REPLACE FUNCTION tenantry_context.tenant() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
    "ALTER FUNCTION tenantry_context.tenant() SECURITY INVOKER",
    "ALTER FUNCTION tenantry_context.tenant() SET search_path = shared",
    "DROP FUNCTION tenantry_context.tenant() CASCADE",
    "DROP SCHEMA tenantry_context CASCADE",
    "LOCK TABLE tenantry_context.keys",
    "CREATE FUNCTION pg_has_role(name, name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR = (FUNCTION = uuid_ne, LEFTARG = uuid, RIGHTARG = uuid)",
    "CREATE TABLE signed_tenants (tenant_id uuid)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE keys (id text)",
    f"SET ROLE {OWNER}",
    f"SET SESSION AUTHORIZATION {OWNER}",
    "ALTER POLICY tenant_isolation ON users USING (true)",
    "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
    "SET row_security = off; TABLE users",
]


@pytest.mark.parametrize("statement", ATTEMPTS)
def test_the_application_can_neither_read_nor_replace_what_decides(app, statement):
    """The keys, the list, the function, its search path, its operators, its owner."""
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)):
        app().execute(statement)


def test_a_search_path_of_the_attackers_changes_nothing(app, key):
    """Neither names that it puts first, nor what PostgreSQL looks up before its own catalog."""
    connection = app()
    for path in ("pg_temp, shared, pg_catalog", "shared, tenantry_context, pg_catalog", ""):
        connection.execute("SELECT set_config('search_path', %s, false)", [path])
        connection.commit()
        tenant_token.enter(connection, SIGNED)
        assert connection.execute("SELECT count(*) FROM shared.users").fetchone() == (0,)
        tenant_token.enter(connection, SIGNED, key.token(SIGNED))
        assert connection.execute("SELECT DISTINCT tenant_id FROM shared.users").fetchall() == [(SIGNED,)]
        connection.rollback()


def test_one_statement_after_the_other_can_try_no_signatures_by_time(app, key):
    """The comparison takes as long for a signature that is right but for its end as for one that is wrong throughout."""
    connection = app()
    connection.autocommit = True
    message, signature = key.token(SIGNED, seconds=3600).rsplit(".", 1)
    nearly, wrong = signature[:-1] + flipped(signature[-1]), "".join(flipped(digit) for digit in signature)
    spent = {nearly: [], wrong: []}
    for _ in range(300):
        for candidate, times in spent.items():
            connection.execute("SELECT set_config('app.tenant_token', %s, false)", [f"{message}.{candidate}"])
            began = time.perf_counter()
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="signature"):
                connection.execute("SELECT count(*) FROM users")
            times.append(time.perf_counter() - began)
    first, second = (sorted(times)[len(times) // 2] for times in spent.values())
    assert abs(first - second) < 0.2 * min(first, second)


@pytest.mark.parametrize("role", [OWNER, APP])
def test_the_platform_passes_as_either_role(server, role):
    """Backups, moves, clones and deletions go on as before: they log in as a member of the tables' owner, and name the tenant."""
    store = TenantStore(SIGNED, "vault", "active", "rls", CELL, "shared", None, DATABASE, "shared", APP, "bucket", "tenants/vault/")
    with store.acting(role) as connection:
        assert seen_by(connection) == {str(SIGNED)}


def test_an_administrator_who_is_no_superuser_passes(server):
    """A managed server's administrator is a member of the owner, and of no other right."""
    name = "signing_deployer"
    with server.connect() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("GRANT {}, {} TO {}").format(sql.Identifier(OWNER), sql.Identifier(APP), sql.Identifier(name)))
    try:
        with psycopg.connect(host=server.host, port=server.port, user=name, password=PASSWORD, dbname=DATABASE) as connection:
            for role in (OWNER, APP):
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
                connection.execute("SELECT set_config('app.tenant_id', %s, true), set_config('search_path', 'shared', true)", [str(SIGNED)])
                assert seen_by(connection) == {str(SIGNED)}
                connection.rollback()
    finally:
        with server.connect() as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def seen_by(connection):
    return {
        str(row[0]) for table in TABLES for row in connection.execute(sql.SQL("SELECT tenant_id FROM {}").format(sql.Identifier(table)))
    }


def test_a_key_is_replaced_with_an_overlap_and_without_one(app, key):
    """Tokens of the old key are good until the overlap is over; with none they are refused at once."""
    connection = app()
    new = SigningKey(row_context.rotate(CELL, SECRET, timedelta(hours=1)), b"")
    current = SigningKey.from_secret(aws.find_secret(SECRET))
    assert current.id == new.id != key.id
    assert entering(connection, SIGNED, key.token(SIGNED)) == entering(connection, SIGNED, current.token(SIGNED)) == {str(SIGNED)}
    row_context.rotate(CELL, SECRET, timedelta())
    last = SigningKey.from_secret(aws.find_secret(SECRET))
    for old in (key, current):
        assert entering(connection, SIGNED, old.token(SIGNED)) == "not a token of this cell's keys"
    assert entering(connection, SIGNED, last.token(SIGNED)) == {str(SIGNED)}
    assert row_context.refuse_stale(CELL, SECRET) == f"key {last.id}"


def test_a_rotation_that_is_killed_refuses_no_token(app, key, monkeypatch):
    """The database knows the new key before anybody signs with it."""
    connection = app()

    def killed(name, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(aws, "put_secret", killed)
    with pytest.raises(KeyboardInterrupt):
        row_context.rotate(CELL, SECRET, timedelta())
    assert entering(connection, SIGNED, key.token(SIGNED)) == {str(SIGNED)}


def test_a_secret_that_the_database_does_not_know_is_found(server):
    """Doctor says so and what makes it good again."""
    before = aws.find_secret(SECRET)
    try:
        aws.put_secret(SECRET, json.dumps({**json.loads(before), "id": "deadbeef"}))
        with pytest.raises(WorkError, match="does not know the key deadbeef") as caught:
            row_context.refuse_stale(CELL, SECRET)
        assert f"tenantry row-context rotate {CELL}" in (caught.value.hint or "")
    finally:
        aws.put_secret(SECRET, before)


def test_there_is_no_key_to_replace_where_all_contexts_are_plain(server, monkeypatch):
    """And nothing is made."""
    monkeypatch.setattr(naming, "cell_database", lambda _: "postgres")
    monkeypatch.setattr(naming, "cell_owner", lambda _: OWNER)
    with pytest.raises(InputError, match="no tenant of the cell"):
        row_context.rotate(CELL, SECRET, timedelta())


DAMAGES = [
    "GRANT USAGE ON SCHEMA tenantry_context TO {app}",
    "GRANT SELECT ON tenantry_context.keys TO {app}",
    "GRANT DELETE ON tenantry_context.signed_tenants TO PUBLIC",
    "GRANT EXECUTE ON FUNCTION tenantry_context.tenant() TO PUBLIC",
    "ALTER FUNCTION tenantry_context.tenant() RESET search_path",
    "ALTER FUNCTION tenantry_context.tenant() SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION tenantry_context.tenant() RETURNS uuid LANGUAGE sql STABLE AS $$"
    " SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid $$",
    "DROP FUNCTION tenantry_context.tenant() CASCADE",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_noticed_and_mended(server, app, key, damage):
    """As every policy, flag and grant: the posture differs, and the next update puts it back. A dropped function shows nothing."""
    with server.connect(DATABASE) as admin:
        whole = guards.found(admin, "shared")
        admin.execute(damage.format(app=APP))
        assert guards.found(admin, "shared") != whole
        admin.commit()
        if "CASCADE" in damage:
            assert entering(app(), SIGNED) == set()
        row_context.install(admin, SECRET, owner=OWNER, app_role=APP)
        migrations.apply(admin, "tenant", "shared", owner=OWNER, app_role=APP)
        assert guards.found(admin, "shared") == whole
    assert entering(app(), SIGNED, key.token(SIGNED)) == {str(SIGNED)}
    assert entering(app(), SIGNED) == set()


def test_a_table_that_comes_later_asks_as_the_others_do(server, app, key):
    """Whoever applies isolation.sql (a run, a roll-out) need not know: the catalog says it."""
    with server.connect(DATABASE) as admin:
        admin.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        admin.execute("CREATE TABLE shared.later (tenant_id uuid NOT NULL)")
        admin.execute("RESET ROLE")
        admin.commit()
        try:
            migrations.apply(admin, "tenant", "shared", owner=OWNER, app_role=APP)
            connection = app()
            tenant_token.enter(connection, SIGNED, key.token(SIGNED))
            connection.execute("INSERT INTO later VALUES (%s)", [SIGNED])
            connection.commit()
            tenant_token.enter(connection, SIGNED)
            assert connection.execute("TABLE later").fetchall() == []
            connection.rollback()
        finally:
            admin.execute("DROP TABLE shared.later")


def test_a_roll_out_takes_no_policy_of_plain_tables_for_signed_ones(server, app, key):
    """What it learned of a plain cell, whose tables were all damaged at that, is not done to this one in its quick way."""
    learned = migration_batch.Learned()
    learned.policies["shared"] = migration_batch._Policy("{a plain tree}", signed=True)
    learned.guards["0000", revisions.head("tenant"), "shared"] = "DROP POLICY tenant_isolation ON users;"
    with server.connect(DATABASE) as admin:
        assert migration_batch._kind(admin, "") == "signed"
        assert migration_batch._kind(admin, str(PLAIN)) == "own"
        admin.commit()
        whole = guards.found(admin, "shared")
        admin.commit()
        admin.execute("UPDATE shared.alembic_version SET version_num = '0000'")
        admin.commit()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(revisions, "rendered", lambda *_: "UPDATE alembic_version SET version_num = '0001'")
            head = revisions.head("tenant")
            patch.setattr(revisions, "revisions", lambda tree: ("0000", head))
            migration_batch.prepare(admin, 3)
            for _ in range(2):
                migration_batch.advance(admin, "shared", "0000", "0001", owner=OWNER, app_role=APP, tenant_id="", learned=learned)
                admin.execute("UPDATE shared.alembic_version SET version_num = '0000'")
        admin.execute(f"UPDATE shared.alembic_version SET version_num = '{revisions.head('tenant')}'")
        assert guards.found(admin, "shared") == whole
    assert entering(app(), SIGNED) == set()


def test_a_scan_stays_parallel_and_uses_the_index(server, app, key):
    """The function is asked once a statement, by the leader: plans are those of the plain policy."""
    connection = app()
    tenant_token.enter(connection, SIGNED, key.token(SIGNED))
    connection.execute("SET LOCAL enable_seqscan = off")
    plan = "\n".join(row[0] for row in connection.execute("EXPLAIN (COSTS off) SELECT * FROM documents WHERE id = gen_random_uuid()"))
    assert "InitPlan" in plan
    assert "Index Cond: " in plan
    connection.execute(
        "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;"
        " SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off"
    )
    connection.execute("SET LOCAL enable_seqscan = on")
    plan = "\n".join(row[0] for row in connection.execute("EXPLAIN (ANALYZE, COSTS off) SELECT count(*) FROM documents"))
    assert "Gather" in plan
    assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)


def estimated(connection, title):
    """How many rows the planner expects of a title, in a plain tenant's context."""
    tenant_token.enter(connection, PLAIN)
    plan = connection.execute("EXPLAIN (FORMAT JSON) SELECT 1 FROM documents WHERE title = %s", [title], prepare=False).fetchone()[0]
    connection.rollback()
    return plan[0]["Plan"]["Plan Rows"]


def test_the_planner_tells_no_free_text_where_it_keeps_no_statistics(server):
    """What PLANNING.md says of EXPLAIN: an estimate knows common values of all tenants, until their column has no statistics."""
    title = "merger of the chest"
    with (
        server.connect(DATABASE) as admin,
        psycopg.connect(
            host=server.host, port=server.port, user=APP, password=PASSWORD, dbname=DATABASE, options="-c search_path=shared",
            cursor_factory=psycopg.ClientCursor,
        ) as connection,
    ):  # fmt: skip
        admin.autocommit = True
        admin.execute(
            "INSERT INTO shared.documents (tenant_id, author_id, title) SELECT tenant_id, id, %s FROM shared.users, generate_series(1, 200)"
            " WHERE tenant_id = %s",
            [title, OTHER],
        )
        admin.execute(
            "INSERT INTO shared.documents (tenant_id, author_id, title)"
            " SELECT tenant_id, id, 'other' || g FROM shared.users, generate_series(1, 200) g"
        )
        admin.execute("ANALYZE shared.documents")
        shown = estimated(connection, title), estimated(connection, "of nobody")
        admin.execute("ALTER TABLE shared.documents ALTER COLUMN title SET STATISTICS 0")
        admin.execute("ANALYZE shared.documents")
        assert estimated(connection, title) > 10, "what was counted before stays"
        admin.execute("SELECT pg_clear_attribute_stats('shared', 'documents', 'title', false)")
        admin.execute("ANALYZE shared.documents")
        hidden = estimated(connection, title), estimated(connection, "of nobody")
        admin.execute("DELETE FROM shared.documents WHERE title <> 'canary'")
    assert shown[0] > 10 * shown[1]
    assert hidden[0] == hidden[1]


@pytest.mark.parametrize(
    "wrong", ["", "{}", "[]", '{"id": "a", "key": "!"}', '{"id": "a", "key": "YQ=="}', '{"id": "a.b", "key": "' + "A" * 43 + '="}']
)
def test_a_wrong_secret_makes_no_key(wrong):
    """ValueError, without the secret's text in it."""
    with pytest.raises(ValueError, match="holds no key"):
        SigningKey.from_secret(wrong)


@pytest.mark.parametrize(("seconds", "backend"), [(0, 0), (3601, 0), (60, -1)])
def test_a_token_that_would_be_refused_is_not_made(seconds, backend):
    """The helper knows the rules of the function."""
    with pytest.raises(ValueError, match=r"token is valid for|no process id"):
        SigningKey("a", b"x" * 32).token(SIGNED, seconds=seconds, backend=backend)
