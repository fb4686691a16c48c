"""A roll-out over the fleet: everybody gets there, whoever cannot stays whole, and too many failures stop it."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from psycopg import errors, sql

from tenantry import naming
from tenantry.control import moves, occupancy, open_moves, works
from tenantry.declaration.placement import Place
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import migrate, rollout
from tenantry.postgres import guards, locks, migration_batch, migration_turns, migrations
from tenantry.stores import doors, table_sets
from tenantry.stores.tenant_store import TenantStore
from tests.service.migrate.conftest import roll_out

pytestmark = pytest.mark.service

NOTES = """
ALTER TABLE users ADD COLUMN phone text;
CREATE TABLE notes (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), note text NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE VIEW note_list AS SELECT tenant_id, id FROM notes;
"""


def versions():
    return {table_set.name: table_set.version for table_set in table_sets.survey()}


def schema_of(slug):
    return naming.tenant_schema(slug)


def posture(fleet, schema, slug=None, database=None):
    """What guards a schema, without the names that differ from tenant to tenant."""
    with fleet.connect(database) as connection:
        lines = "\n".join(guards.found(connection, schema))
    for word, name in ((str(naming.tenant_id(slug)), "ID"), (naming.tenant_app(slug), "APP"), (naming.tenant_owner(slug), "OWNER")):
        lines = lines.replace(word, name)
    return sorted(lines.replace(naming.cell_owner("main"), "OWNER").splitlines())


def test_every_model_gets_to_the_head_guarded_as_if_made_there(fleet, trees):
    """Shared tables, schemas and a database; the new table and view are isolated as in a store that was made at the head."""
    fleet.shared("0001")
    fleet.rls("ash")
    fleet.schemas([f"birch-{number}" for number in range(5)], "0001")
    fleet.database("cedar", "0001")
    trees.add(NOTES)
    fleet.database("made-at-head")
    assert set(versions().values()) == {"0001", "0002"}
    roll_out()
    assert set(versions().values()) == {"0002"}
    whole = posture(fleet, "tenant", "made-at-head", naming.tenant_database("made-at-head"))
    assert len([line for line in whole if line.startswith("policy ")]) == 4
    assert posture(fleet, "tenant", "cedar", naming.tenant_database("cedar")) == whole
    for number in range(5):
        assert posture(fleet, schema_of(f"birch-{number}"), f"birch-{number}") == whole
    with fleet.connect() as connection:
        lines = guards.found(connection, naming.SHARED_SCHEMA)
    assert len([line for line in lines if line.startswith("policy ") and "app.tenant_id" in line]) == 4
    assert roll_out() == ["", "", ""], "nothing is left to do"


def test_after_the_first_ones_a_schema_takes_one_round_trip_and_is_guarded_all_the_same(fleet, trees, monkeypatch):
    """New tables too, one of them with its tenant_id further back; what the short way finds damaged goes the long way and is mended."""
    slugs = [f"willow-{number}" for number in range(6)]
    fleet.schemas(slugs, "0001")
    trees.add(NOTES + "CREATE TABLE tags (tag text, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, tag));")
    fleet.schemas(["made-at-head"])
    with fleet.connect() as connection:
        connection.execute(sql.SQL("CREATE POLICY extra ON {} USING (true)").format(sql.Identifier(schema_of("willow-4"), "users")))
    long_way, guarded = [], migration_batch._run_guarded
    monkeypatch.setattr(migration_batch, "_run_guarded", lambda *arguments: long_way.append(arguments[1]) or guarded(*arguments))
    roll_out(parallel=1)
    assert long_way == [schema_of(slug) for slug in ("willow-0", "willow-1", "willow-4", "willow-5")], "5 learns without what 4 had"
    whole = posture(fleet, schema_of("made-at-head"), "made-at-head")
    assert len([line for line in whole if line.startswith("policy ")]) == 5
    for slug in slugs:
        assert posture(fleet, schema_of(slug), slug) == whole


DAMAGES = (
    "DROP POLICY tenant_isolation ON {table}",
    "ALTER POLICY tenant_isolation ON {table} USING (true)",
    "ALTER POLICY tenant_isolation ON {table} WITH CHECK (true)",
    "ALTER POLICY tenant_isolation ON {table} TO postgres",
    "CREATE POLICY extra ON {table} USING (true)",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "GRANT TRUNCATE ON {table} TO {app}",
    "GRANT SELECT ON {table} TO {app} WITH GRANT OPTION",
    "REVOKE UPDATE ON {table} FROM {app}",
    "GRANT SELECT ON {table} TO PUBLIC",
    "GRANT SELECT (email) ON {table} TO PUBLIC",
    "ALTER VIEW {view} SET (security_invoker = false)",
    "ALTER VIEW {view} RESET (security_invoker)",
    "REVOKE SELECT ON {view} FROM {app}",
    "REVOKE USAGE ON SCHEMA {schema} FROM {app}",
    "GRANT CONNECT ON DATABASE cell_main TO PUBLIC",
)


def test_what_was_weakened_before_is_mended_by_a_migration_that_touches_none_of_it(fleet, trees):
    """Every damage in a tenant of its own: only what is not guarded exactly so is guarded anew, and none of these is."""
    slugs = [f"elm-{number:02}" for number in range(len(DAMAGES))]
    fleet.schemas(["dogwood", *slugs], "0001")
    whole = posture(fleet, schema_of("dogwood"), "dogwood")
    with fleet.connect() as connection:
        for slug, damage in zip(slugs, DAMAGES, strict=True):
            schema = schema_of(slug)
            names = {
                "table": sql.Identifier(schema, "users"),
                "view": sql.Identifier(schema, "document_list"),
                "schema": sql.Identifier(schema),
                "app": sql.Identifier(naming.tenant_app(slug)),
            }
            connection.execute(sql.SQL(damage).format(**names))
    assert any(posture(fleet, schema_of(slug), slug) != whole for slug in slugs)
    trees.add("COMMENT ON TABLE documents IS 'texts';")
    # The healthy one comes first: with it is learned how this server prints a policy, and the others are only compared.
    roll_out(parallel=1)
    assert {slug: posture(fleet, schema_of(slug), slug) == whole for slug in slugs} == dict.fromkeys(slugs, True)
    with fleet.connect() as connection:
        for slug in slugs:
            usable = "SELECT has_schema_privilege(%s, %s, 'USAGE') AND NOT has_any_column_privilege('public', %s, 'SELECT')"
            names = [naming.tenant_app(slug), schema_of(slug), sql.Identifier(schema_of(slug), "users").as_string(connection)]
            assert connection.execute(usable, names).fetchone() == (True,), slug


def test_a_migration_that_opens_a_policy_does_not_get_through_with_it(fleet, trees):
    """In the first schema and in the later ones, which are only compared."""
    slugs = [f"fir-{number}" for number in range(4)]
    fleet.schemas(slugs, "0001")
    whole = posture(fleet, schema_of("fir-0"), "fir-0")
    trees.add("ALTER POLICY tenant_isolation ON users USING (true); ALTER TABLE documents DISABLE ROW LEVEL SECURITY;")
    roll_out(parallel=1)
    assert all(posture(fleet, schema_of(slug), slug) == whole for slug in slugs)


def test_one_tenants_data_that_does_not_fit_stops_at_the_budget_and_leaves_all_consistent(fleet, trees):
    """The broken one is whole at its old revision, those before it at the new one, those after it untouched; mended, it goes on."""
    slugs = [f"gum-{number}" for number in range(6)]
    fleet.schemas(slugs, "0001")
    insert = "INSERT INTO t_gum_2.users (tenant_id, email, name) VALUES (%s, 'twice@gum.example', 'A'), (%s, 'other@gum.example', 'A')"
    with fleet.connect() as connection:
        connection.execute(insert, [naming.tenant_id("gum-2")] * 2)
    trees.add("CREATE TABLE extra (tenant_id uuid PRIMARY KEY); ALTER TABLE users ADD CONSTRAINT one_name UNIQUE (tenant_id, name);")
    with pytest.raises(
        WorkError, match="1 of 3 failed in the rest, stopped with 3 not begun: gum-2: could not create unique index"
    ) as stopped:
        roll_out(parallel=1)
    assert "twice@gum.example" not in stopped.value.message, "no row's value in a log"
    assert versions() == {slug: "0002" if slug < "gum-2" else "0001" for slug in slugs}
    with fleet.connect() as connection:
        assert connection.execute("SELECT to_regclass('t_gum_2.extra'), to_regclass('t_gum_3.extra')").fetchone() == (None, None)

    with pytest.raises(WorkError, match="1 of 4 failed in the rest: gum-2"):
        roll_out(parallel=1, budget=1)
    assert versions() == {slug: "0001" if slug == "gum-2" else "0002" for slug in slugs}

    with fleet.connect() as connection:
        connection.execute("UPDATE t_gum_2.users SET name = 'B' WHERE email LIKE 'other%'")
    roll_out()
    assert set(versions().values()) == {"0002"}


def test_a_failure_in_the_first_ring_stops_everybody_whatever_the_budget(fleet, trees):
    """The ring is there to find it."""
    fleet.schemas(["hazel-a"], "0001", {"ring": "canary"})
    fleet.schemas(["hazel-b", "hazel-c"], "0001")
    trees.add("ALTER TABLE users ADD CONSTRAINT never CHECK (name <> name);")
    with fleet.connect() as connection:
        connection.execute(
            "INSERT INTO t_hazel_a.users (tenant_id, email, name) VALUES (%s, 'a@hazel.example', 'A')", [naming.tenant_id("hazel-a")]
        )
    with pytest.raises(WorkError, match="1 of 1 failed in the first ring, stopped with 2 not begun"):
        roll_out(budget=10)
    assert set(versions().values()) == {"0001"}


def test_drawn_canaries_are_the_same_ones_when_run_again_and_never_shared_tables(fleet, trees):
    """Deterministic per revision."""
    fleet.shared("0001")
    fleet.rls("ivy")
    fleet.schemas([f"juniper-{number}" for number in range(8)], "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    options = migrate.Options(canary=3)
    drawn = migrate.plan(options=options).first
    assert len(drawn) == 3
    assert all(table_set.tenant_id for table_set in drawn)
    roll_out(drawn[0].name)
    assert migrate.plan(options=options).first == drawn[1:], "the ring does not fill up with others"


def test_a_lock_that_passes_is_waited_for_and_one_that_stays_is_named(fleet, trees, monkeypatch):
    """Nobody queues behind a migration for longer than its lock timeout."""
    fleet.schemas(["kauri-a", "kauri-b"], "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    with fleet.server.connect(naming.cell_database("main")) as holder:
        holder.execute("SELECT count(*) FROM t_kauri_a.users")  # its lock lasts as long as its transaction
        tries = []
        advance = migration_batch.advance

        def watched(connection, schema, *arguments, **more):
            tries.append(schema)
            if tries.count("t_kauri_a") == 3:
                holder.rollback()
            return advance(connection, schema, *arguments, **more)

        monkeypatch.setattr(migration_batch, "advance", watched)
        said = roll_out(lock_seconds=0.1, parallel=1)
        assert "2 attempts repeated" in said[2]
        assert tries.count("t_kauri_a") == 3
        assert set(versions().values()) == {"0002"}

        trees.add("ALTER TABLE users ADD COLUMN fax text;")
        holder.execute("SELECT count(*) FROM t_kauri_a.users")
        monkeypatch.setattr(migration_batch, "advance", advance)
        with pytest.raises(WorkError, match="kauri-a: another session held a lock on its tables through 6 attempts"):
            roll_out(lock_seconds=0.05, budget=1)
        holder.rollback()
    assert versions() == {"kauri-a": "0002", "kauri-b": "0003"}


def test_sessions_that_the_server_ends_are_opened_again(fleet, trees, monkeypatch):
    """A restart or a fail-over costs attempts, not tenants: every third session is ended under the worker's hands."""
    slugs = [f"larch-{number:02}" for number in range(12)]
    fleet.schemas(slugs, "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    calls = []
    advance = migration_batch.advance
    with fleet.connect("postgres") as admin:

        def cut(connection, *arguments, **more):
            calls.append(connection.info.backend_pid)
            if len(calls) % 3 == 0:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            return advance(connection, *arguments, **more)

        monkeypatch.setattr(migration_batch, "advance", cut)
        said = roll_out(parallel=1)
    assert "5 attempts repeated" in said[2]
    assert set(versions().values()) == {"0002"}


PYTHON = '''"""Looks at the database while it runs."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    name = op.get_bind().exec_driver_sql("SELECT current_schema()").scalar()
    op.execute(f"COMMENT ON TABLE users IS 'users of {{name}}'")
'''


def test_a_migration_that_asks_the_database_runs_through_alembic_itself(fleet, trees):
    """Its SQL cannot be known before, and is another one in every schema."""
    fleet.schemas(["maple-a", "maple-b"], "0001")
    trees.add("", PYTHON)
    roll_out()
    with fleet.connect() as connection:
        for slug in ("maple-a", "maple-b"):
            schema = schema_of(slug)
            assert connection.execute("SELECT obj_description(%s::regclass)", [f"{schema}.users"]).fetchone() == (f"users of {schema}",)
    assert set(versions().values()) == {"0002"}


PICKY = '''"""Looks at the rows while it runs."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    names = op.get_bind().exec_driver_sql("SELECT name FROM users").scalars().all()
    if "odd" in names:
        raise ValueError("a name that nobody foresaw\\nand a second line")
    op.execute("ALTER TABLE users ADD CONSTRAINT no_name CHECK (name <> 'wrong')")
'''


def test_a_migration_that_asks_the_database_fails_as_any_other(fleet, trees):
    """What PostgreSQL refuses and what the migration itself raises are counted and named; nobody after them is forgotten."""
    slugs = [f"aspen-{number}" for number in range(4)]
    fleet.schemas(slugs, "0001")
    with fleet.connect() as connection:
        for slug, name in (("aspen-1", "wrong"), ("aspen-2", "odd")):
            row = sql.SQL("INSERT INTO {} (tenant_id, email, name) VALUES (%s, 'x@aspen.example', %s)")
            connection.execute(row.format(sql.Identifier(schema_of(slug), "users")), [naming.tenant_id(slug), name])
    trees.add("", PICKY)
    refused = 'aspen-1: check constraint "no_name" of relation "users" is violated by some row'
    with pytest.raises(WorkError, match=f"^1 of 2 failed in the rest, stopped with 2 not begun: {refused}$"):
        roll_out(parallel=1)
    raised = "aspen-2: ValueError: a name that nobody foresaw"
    with pytest.raises(WorkError, match=f"^2 of 3 failed in the rest: {refused}; {raised}$"):
        roll_out(parallel=1, budget=2)
    assert versions() == {"aspen-0": "0002", "aspen-1": "0001", "aspen-2": "0001", "aspen-3": "0002"}


def test_a_migration_that_asks_the_database_waits_for_a_lock_that_passes(fleet, trees, monkeypatch):
    """As one that is plain SQL does."""
    fleet.schemas(["alder"], "0001")
    trees.add("", PICKY)
    attempts = []
    advance = migration_batch.advance
    with fleet.server.connect(naming.cell_database("main")) as holder:
        holder.execute("SELECT count(*) FROM t_alder.users")

        def watched(*arguments, **more):
            attempts.append(arguments)
            if len(attempts) == 3:
                holder.rollback()
            return advance(*arguments, **more)

        monkeypatch.setattr(migration_batch, "advance", watched)
        assert "2 attempts repeated" in roll_out(lock_seconds=0.1)[2]
    assert versions() == {"alder": "0002"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_roll_out_whose_workers_are_gone_is_no_success(fleet, trees, monkeypatch):
    """Whoever has no outcome was not migrated, whatever became of the thread that had it."""
    fleet.schemas(["beech-a", "beech-b"], "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")

    def gone(*_):
        raise SystemExit

    monkeypatch.setattr(rollout, "_migrate", gone)
    with pytest.raises(WorkError, match="2 of 2 in the rest came to no end"):
        roll_out(parallel=1)


def test_two_revisions_behind_or_one_all_meet_at_the_head(fleet, trees):
    """Each lag has its own SQL."""
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    fleet.schemas(["oak-a"], "0001")
    fleet.schemas(["oak-b"], "0002")
    trees.add("ALTER TABLE users ADD COLUMN fax text DEFAULT '100%';")
    roll_out()
    assert versions() == {"oak-a": "0003", "oak-b": "0003"}
    with fleet.connect() as connection:
        assert connection.execute("SELECT phone, fax FROM t_oak_a.users").fetchall() == []


def test_a_newer_revision_than_ours_is_refused_before_anything_is_touched(fleet, trees):
    """Whoever named the tenants that are ours may go on with them."""
    fleet.schemas(["pine-old"], "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    trees.add("ALTER TABLE users ADD COLUMN fax text;")
    fleet.schemas(["pine-new"])
    trees.remove_last()
    with pytest.raises(InputError, match=r"pine-new is at revision 0003, which this checkout does not have \(its newest is 0002\)"):
        roll_out()
    assert versions() == {"pine-new": "0003", "pine-old": "0001"}
    roll_out("pine-old")
    assert versions()["pine-old"] == "0002"


def test_what_is_not_there_is_said_not_guessed(fleet, trees):
    """An unknown slug gets the nearest name; a tenant without tables is not made; one without a reachable database fails the run."""
    fleet.schemas(["quince"], "0001")
    fleet.register(["rowan"], "schema")
    fleet.database("sorrel", "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    with pytest.raises(InputError, match="no tenant quinze") as unknown:
        migrate.plan(["quinze"])
    assert unknown.value.hint == "did you mean quince?"
    with fleet.connect("postgres") as admin:
        admin.execute("ALTER DATABASE t_sorrel ALLOW_CONNECTIONS false")
    found = migrate.plan()
    assert [table_set.name for table_set in found.unmade] == ["rowan"]
    assert [table_set.name for table_set in found.unreachable] == ["sorrel"]
    with pytest.raises(WorkError, match=r"1 could not be reached: sorrel: .*not currently accepting connections"):
        roll_out()
    assert versions()["quince"] == "0002", "the others do not wait for it"


def test_tenants_that_are_being_moved_wait_for_the_end_of_it(fleet, trees):
    """Both ends of a move have the same tables; shared ones wait only while rows are copied, there or back, not while the old place is
    kept."""
    fleet.shared("0001")
    fleet.rls("tansy")
    fleet.schemas(["umber", "violet"], "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    begin = (
        "INSERT INTO control.moves (id, tenant_id, source, target, keep)"
        " VALUES (gen_random_uuid(), %s, %s::jsonb, %s::jsonb, interval '1 day')"
    )
    ends = [f'{{"isolation": "{isolation}", "cell": "main", "turn": {turn}}}' for turn, isolation in enumerate(("rls", "schema"))]
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute(begin, [naming.tenant_id("tansy"), *ends])
        control.execute(begin, [naming.tenant_id("umber"), *reversed(ends)])
        roll_out()
        assert versions() == {"shared tables of cell main": "0001", "umber": "0001", "violet": "0002"}
        assert [table_set.name for table_set in migrate.plan().held] == ["shared tables of cell main", "umber"]
        control.execute("UPDATE control.moves SET phase = 'moved'")
        back = (
            "INSERT INTO control.runs (id, kind, subject, tenant_id, arguments, state, requested_by, via) SELECT gen_random_uuid(),"
            " 'move-rollback', 'tansy', tenant_id, jsonb_build_object('move', id), 'failed', 'test', 'test' FROM control.moves"
            " WHERE tenant_id = %s RETURNING id"
        )
        (run,) = control.execute(back, [naming.tenant_id("tansy")]).fetchone()
        assert [table_set.name for table_set in migrate.plan().held] == ["shared tables of cell main", "umber"], "copied back"
        control.execute("UPDATE control.runs SET arguments = jsonb_build_object('move', gen_random_uuid()) WHERE id = %s", [run])
        roll_out()
        assert versions() == {"shared tables of cell main": "0002", "umber": "0001", "violet": "0002"}, "an earlier move's rollback"
        control.execute("UPDATE control.moves SET ended_at = now(), outcome = 'finished'")
        roll_out()
    assert set(versions().values()) == {"0002"}


def test_a_restores_shut_doors_stay_shut_and_its_tables_wait(fleet, trees):
    """A roll-out leaves a tenant's tables alone while they are replaced; a migration that comes all the same, as `up`'s, opens nothing."""
    fleet.shared("0001")
    for slug in ("tulip", "urchin"):
        fleet.rls(slug)
    fleet.schemas(["violet", "willow"], "0001")
    store, neighbour = TenantStore.of("tulip"), TenantStore.of("urchin")
    insert = "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'x@example.com', 'x')"
    trees.add("CREATE TABLE notes (tenant_id uuid PRIMARY KEY);")
    with store.acting(store.app_role) as application:
        application.execute(insert, [store.id])
    doors.shut(store, "restore")
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.tenants SET maintenance = 'restore' WHERE slug = 'violet'")
    roll_out()
    assert versions() == {"shared tables of cell main": "0001", "violet": "0001", "willow": "0002"}
    assert [table_set.name for table_set in migrate.plan().held] == ["shared tables of cell main", "violet"]

    with fleet.server.connect(store.database) as connection:
        migrations.apply(connection, "tenant", store.schema, owner=store.owner, app_role=store.app_role)
    with pytest.raises(errors.InsufficientPrivilege), store.acting(store.app_role) as application:
        application.execute(insert, [store.id])
    with store.acting(store.app_role) as application:
        assert application.execute("SELECT * FROM users").fetchall() == []
    with neighbour.acting(neighbour.app_role) as application:
        application.execute(insert, [neighbour.id])

    doors.reopen(store)
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.tenants SET maintenance = NULL")
    with store.acting(store.app_role) as application:
        assert len(application.execute("SELECT * FROM users").fetchall()) == 1
    roll_out()
    assert set(versions().values()) == {"0002"}


def test_what_a_roll_out_has_learned_leaves_shut_doors_alone_and_no_policy_that_only_looks_like_them(fleet, trees, monkeypatch):
    """On the short way: the restrictive one is no damage, and the permissive one of the same name is taken away."""
    slugs = [f"xerus-{number}" for number in range(4)]
    fleet.schemas(slugs, "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    whole = posture(fleet, schema_of("xerus-0"), "xerus-0")
    name = sql.Identifier(f"closed_{naming.tenant_id('xerus-2')}")
    with fleet.connect() as connection:
        for slug, kind in (("xerus-2", "RESTRICTIVE"), ("xerus-3", "PERMISSIVE")):
            connection.execute(
                sql.SQL("CREATE POLICY {} ON {} AS " + kind + " USING (true)").format(name, sql.Identifier(schema_of(slug), "users"))
            )
        long_way, guarded = [], migration_batch._run_guarded
        monkeypatch.setattr(migration_batch, "_run_guarded", lambda *arguments: long_way.append(arguments[1]) or guarded(*arguments))
        roll_out(parallel=1)
        assert long_way == [schema_of(slug) for slug in ("xerus-0", "xerus-1", "xerus-3")]
        closed = "SELECT schemaname, permissive FROM pg_policies WHERE policyname LIKE 'closed%'"
        assert connection.execute(closed).fetchall() == [(schema_of("xerus-2"), "RESTRICTIVE")]
    assert all(posture(fleet, schema_of(slug), slug) == whole for slug in slugs)


def begin_move(slug):
    """What the first step of `tenantry move SLUG --to schema` does."""
    return moves.begin(uuid4(), naming.tenant_id(slug), slug, Place("database", "main"), Place("schema", "main", 1), timedelta(days=1))


def must_wait(admin, which):
    """Fails when nobody comes to wait for such a lock."""
    for _ in range(10_000):
        if admin.execute(f"SELECT 1 FROM pg_locks WHERE NOT granted AND {which}").fetchone():
            return
    pytest.fail(f"the roll-out did not come to wait for {which}")


def test_no_move_begins_while_a_roll_out_migrates(fleet, trees):
    """It waits for the end of the roll-out, which chose its places when nobody was on the move; one that began earlier is left alone."""
    fleet.database("yarrow", "0001")
    fleet.database("zinnia", "0001")
    trees.add("ALTER TABLE users ADD COLUMN phone text;")
    said = []
    rolling = threading.Thread(target=lambda: said.extend(roll_out(lock_seconds=60.0)))
    with fleet.connect(naming.tenant_database("zinnia")) as report, fleet.connect() as admin:
        with report.transaction():
            report.execute("LOCK TABLE tenant.users IN ACCESS SHARE MODE")
            rolling.start()
            must_wait(admin, "mode = 'AccessExclusiveLock'")
            with pytest.raises(TransientError, match="a roll-out of migrations is at work: yarrow begins to move when it has ended"):
                begin_move("yarrow")
            assert open_moves.under_way() == {}
        rolling.join(60)
    assert len(said) == 3
    begin_move("yarrow")
    trees.add("COMMENT ON TABLE users IS 'people';")
    roll_out()
    assert versions() == {"yarrow": "0002", "zinnia": "0003"}


def test_a_roll_out_and_a_restore_that_begins_do_not_meet(fleet, trees):
    """One that has begun is left alone before its doors are shut; while a roll-out is at work none begins, and the restore waits."""
    fleet.schemas(["yucca", "zelkova"], "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    begin = "INSERT INTO control.restores (tenant_id, id, backup_id, state) VALUES (%s, 'r', 'b', 'running')"
    with occupancy.between_roll_outs(works.Kind.RESTORE_BEGINS, "yucca is restored"), fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute(begin, [naming.tenant_id("yucca")])
    roll_out()
    assert versions() == {"yucca": "0001", "zelkova": "0002"}
    with (
        occupancy.none_begins(),
        pytest.raises(TransientError, match="a roll-out of migrations is at work: yucca is restored when it has ended"),
        occupancy.between_roll_outs(works.Kind.RESTORE_BEGINS, "yucca is restored"),
    ):
        pass
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.restores SET state = 'failed'")
    roll_out()
    assert set(versions().values()) == {"0002"}


@pytest.mark.parametrize(
    ("source", "state", "swapped", "held"),
    [
        ("sumac", "running", None, True),
        ("sumac", "failed", None, False),
        ("sumac", "failed", "now()", True),
        ("another", "running", "now()", True),
        ("another", "failed", None, False),
        ("another", "failed", "now()", False),
    ],
)
def test_a_restore_that_has_failed_holds_nobody_back(fleet, trees, source, state, swapped, held):
    """Shared tables wait for a restore that is at work, and for one that has replaced what its rollback will put back; for no other."""
    fleet.shared("0001")
    fleet.rls("sumac")
    trees.add("COMMENT ON TABLE users IS 'people';")
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        (run_id,) = control.execute(
            "INSERT INTO control.runs (id, kind, tenant_id, subject, arguments, requested_by, via, state) VALUES"
            " (gen_random_uuid(), 'restore', %s, 'sumac', jsonb_build_object('source', %s::text), 'test', 'cli', %s) RETURNING id",
            [naming.tenant_id("sumac"), source, state],
        ).fetchone()
        control.execute(
            "INSERT INTO control.restores (tenant_id, id, backup_id, state, swapped_at)"
            f" VALUES (%s, %s, 'b', 'running', {swapped or 'NULL'})",
            [naming.tenant_id("sumac"), str(run_id)],
        )
        control.execute("UPDATE control.tenants SET maintenance = 'restore'")
    assert [table_set.name for table_set in migrate.plan().held] == (["shared tables of cell main"] if held else [])
    with fleet.connect(naming.CONTROL_DATABASE) as control:
        control.execute(
            "INSERT INTO control.runs (id, kind, tenant_id, subject, requested_by, via) VALUES"
            " (gen_random_uuid(), 'restore rollback', %s, 'sumac', 'test', 'cli')",
            [naming.tenant_id("sumac")],
        )
    assert migrate.plan().held, "while it is taken back"


def test_a_roll_out_waits_for_a_move_that_is_just_beginning(fleet, trees):
    """What is not committed yet would not be seen: the roll-out looks after that, and leaves the tenant alone."""
    fleet.database("yarrow", "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    begin = "INSERT INTO control.moves (id, tenant_id, source, target, keep) VALUES (gen_random_uuid(), %s, %s, %s, interval '1 day')"
    ends = ['{"isolation": "database", "cell": "main", "turn": 0}', '{"isolation": "schema", "cell": "main", "turn": 1}']
    rolling = threading.Thread(target=roll_out)
    with fleet.connect(naming.CONTROL_DATABASE) as control, fleet.connect() as admin:
        with locks.held(occupancy.BEGINNING, shared=True), control.transaction():
            control.execute(begin, [naming.tenant_id("yarrow"), *ends])
            rolling.start()
            must_wait(admin, "locktype IN ('transactionid', 'tuple')")
        rolling.join(60)
    assert versions() == {"yarrow": "0001"}


def test_no_migration_of_a_schema_gets_between_the_last_comparison_of_a_move_and_its_switch(fleet, trees):
    """Whoever switches keeps migrations of both ends out, `up`'s as well as a roll-out's, until its connection is closed."""
    fleet.schemas(["xylia-1", "xylia-2", "yew"], "0001")
    target = trees.add("CREATE TABLE notes (tenant_id uuid NOT NULL, id uuid PRIMARY KEY);")
    learned = migration_batch.Learned()

    def advance(session, slug, learned):
        names = {"owner": naming.cell_owner("main"), "app_role": naming.tenant_app(slug), "tenant_id": str(naming.tenant_id(slug))}
        migration_batch.advance(session, schema_of(slug), "0001", target, learned=learned, **names)

    switching = fleet.server.connect(naming.cell_database("main"))
    migration_turns.keep_out(switching, schema_of("yew"), naming.cell_owner("main"))
    with fleet.server.connect(naming.cell_database("main")) as session:
        migration_batch.prepare(session, 0.1)
        for slug in ("xylia-1", "xylia-2"):
            advance(session, slug, learned)
        for way in (migration_batch.Learned(), learned):  # the long one and the short one
            with pytest.raises(errors.LockNotAvailable):
                advance(session, "yew", way)
        switching.close()
        session.execute("SET lock_timeout = '60s'")
        advance(session, "yew", learned)
    assert versions()["yew"] == target
