"""A revision changes the rows of every tenant, whatever the model; nothing that says it succeeded left a row as it was."""

from __future__ import annotations

import random

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.postgres.server import acting_as
from tenantry.stores import rows, turnstile
from tests.service import scratch
from tests.service.migrate.conftest import roll_out
from tests.service.migrate.models import MODELS, ask, made, refused

pytestmark = pytest.mark.service

# A revision, and a question whose answer must be the same, and as given, for each tenant.
REVISIONS = {
    "update": (
        "ALTER TABLE documents ADD COLUMN slug text; UPDATE documents SET slug = lower(replace(title, ' ', '-'));",
        "SELECT count(slug) FROM documents",
        [(3,)],
    ),
    "update, then not null": (
        "ALTER TABLE documents ADD COLUMN code text; UPDATE documents SET code = 'c';"
        " ALTER TABLE documents ALTER COLUMN code SET NOT NULL;",
        "SELECT count(*) FROM documents WHERE code = 'c'",
        [(3,)],
    ),
    "insert from a query": (
        "INSERT INTO user_settings (tenant_id, user_id, setting_key, setting_value) SELECT tenant_id, id, 'language', '\"de\"' FROM users;",
        "SELECT setting_key, setting_value FROM user_settings",
        [("language", "de")],
    ),
    "a table from a query": (
        "CREATE TABLE titles AS SELECT tenant_id, title FROM documents; ALTER TABLE titles ALTER tenant_id SET NOT NULL;",
        "SELECT count(*) FROM titles",
        [(3,)],
    ),
    "delete": ("DELETE FROM documents WHERE title = 'Title 2';", "SELECT title FROM documents ORDER BY 1", [("Title 1",), ("Title 3",)]),
    "delete with a cascade": ("DELETE FROM users;", "SELECT count(*) FROM documents", [(0,)]),
    "merge": (
        "MERGE INTO documents d USING users u ON d.author_id = u.id AND d.tenant_id = u.tenant_id"
        " WHEN MATCHED THEN UPDATE SET body = u.name;",
        "SELECT DISTINCT body FROM documents",
        [("Ann",)],
    ),
    "with a query that writes": (
        "WITH gone AS (DELETE FROM documents WHERE title = 'Title 1' RETURNING tenant_id, author_id)"
        " INSERT INTO user_settings SELECT tenant_id, author_id, 'gone', '1' FROM gone;",
        "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM user_settings)",
        [(2, 1)],
    ),
    "a block": (
        "DO $$ DECLARE d record; BEGIN FOR d IN SELECT * FROM documents LOOP"
        " UPDATE documents SET body = d.title WHERE tenant_id = d.tenant_id AND id = d.id; END LOOP; END $$;",
        "SELECT count(*) FROM documents WHERE body = title",
        [(3,)],
    ),
    "a function that defines its own rights": (
        "CREATE FUNCTION fill() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT"
        " AS $$ UPDATE documents SET body = 'filled' $$; SELECT fill();",
        "SELECT DISTINCT body FROM documents",
        [("filled",)],
    ),
    "through a view": (
        "CREATE VIEW drafts WITH (security_invoker = true) AS SELECT * FROM documents; UPDATE drafts SET body = 'seen';",
        "SELECT DISTINCT body FROM documents",
        [("seen",)],
    ),
    "a trigger that fills": (
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := 'stamped'; RETURN NEW; END $$;"
        " CREATE TRIGGER stamp BEFORE UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION stamp(); UPDATE documents SET title = title;",
        "SELECT DISTINCT body FROM documents",
        [("stamped",)],
    ),
    "a generated column": (
        "ALTER TABLE documents ADD COLUMN words int GENERATED ALWAYS AS (length(title)) STORED;",
        "SELECT sum(words) FROM documents",
        [(21,)],
    ),
    "a reference that is validated": (
        "ALTER TABLE documents ADD COLUMN reviewer uuid; UPDATE documents SET reviewer = author_id;"
        " ALTER TABLE documents ADD FOREIGN KEY (tenant_id, reviewer) REFERENCES users (tenant_id, id);",
        "SELECT count(*) FROM documents JOIN users u ON u.id = reviewer",
        [(3,)],
    ),
    "a constraint that is validated later": (
        "ALTER TABLE documents ADD CONSTRAINT said CHECK (body <> '') NOT VALID; UPDATE documents SET body = 'x';"
        " ALTER TABLE documents VALIDATE CONSTRAINT said;",
        "SELECT DISTINCT body FROM documents",
        [("x",)],
    ),
}  # fmt: skip

OF_OLD = "DROP POLICY IF EXISTS migration ON {}"
"""What shared tables of a platform made before there was the policy for migrations do not have."""


def as_of_old(fleet):
    with fleet.connect() as connection:
        for table in ("users", "user_settings", "documents"):
            connection.execute(sql.SQL(OF_OLD).format(sql.Identifier(naming.SHARED_SCHEMA, table)))


@pytest.mark.parametrize("what", REVISIONS)
def test_a_revision_reaches_the_rows_of_every_tenant(fleet, trees, what):
    """In shared tables too, where the owner sees nobody's rows; on a platform made before this as well. Afterwards all is guarded."""
    statement, question, expected = REVISIONS[what]
    stores = made(fleet, "0001")
    as_of_old(fleet)
    trees.add(statement)
    roll_out()
    assert {store.slug: ask(store, question) for store in stores} == {slug: expected for slug in MODELS}
    nobody_sees_more(fleet, stores)


def test_the_engines_runs_and_many_revisions_at_once_do_the_same(fleet, trees):
    """Every revision above in random order, through `apply`; shared tables twice, as they are migrated when they lag behind by all."""
    stores = made(fleet, "0001")
    as_of_old(fleet)
    names = [name for name in REVISIONS if not name.startswith("delete")]
    random.Random(10).shuffle(names)  # noqa: S311  # an order, no secret
    for name in names[:6]:
        trees.add(REVISIONS[name][0])
    for store in stores:
        scratch.migrate(store)
    answers = [[ask(store, REVISIONS[name][1]) for name in names[:6]] for store in stores]
    assert answers == [answers[0]] * len(stores)
    nobody_sees_more(fleet, stores)


def nobody_sees_more(fleet, stores):
    """The application and the owner, whatever settings they make."""
    shared = [store for store in stores if store.shared]
    for role in (shared[0].owner, shared[0].app_role):
        with fleet.connect() as connection, acting_as(connection, role):
            connection.execute("SET LOCAL search_path = shared")
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,), role
            connection.execute("SET LOCAL tenantry.migrating = 'on'")
            if role == shared[0].app_role:
                assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_function_of_the_owners_shows_the_application_nobody_elses_rows(fleet, trees):
    """The setting that a migration makes can be made by anybody: it counts only for a session that may become the owner."""
    stores = made(fleet, "0001")
    trees.add(
        "CREATE FUNCTION everybody() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT"
        " AS $$ SELECT count(*) FROM users $$;"
    )
    roll_out()
    store = stores[0]
    with fleet.connect("postgres") as admin:
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD 'test'").format(sql.Identifier(store.app_role)))
    with psycopg.connect(
        host=fleet.server.host, port=fleet.server.port, user=store.app_role, password="test", dbname=store.database,
        sslmode=fleet.server.sslmode,
    ) as application:  # fmt: skip
        application.execute("SET search_path = shared; SET tenantry.migrating = 'on'; SET tenantry.mover = 'on'")
        assert application.execute("SELECT everybody()").fetchone() == (0,)
        application.execute("SELECT set_config('app.tenant_id', %s, false)", [str(store.id)])
        assert application.execute("SELECT everybody()").fetchone() == (1,), "its own"


def test_rows_that_a_moved_tenant_left_for_its_way_back_are_changed_too_and_hold_nobody_up(fleet, trees):
    """Its turnstile refuses the application's writes to them, not a revision's."""
    stores = made(fleet, "0001")
    ash = stores[0]
    with ash.connected() as connection:
        tables = rows.describe(connection, ash.schema)
    turnstile.install(ash, "turn_ash_0", tables)
    turnstile.set_shut(ash, "turn_ash_0", True)
    trees.add(REVISIONS["update, then not null"][0])
    roll_out()
    assert [ask(store, REVISIONS["update, then not null"][1]) for store in stores] == [[(3,)]] * len(stores)
    assert refused(ash, "UPDATE documents SET title = 'x'") == "55000"
