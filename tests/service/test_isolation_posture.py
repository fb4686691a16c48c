"""Every policy, flag and grant on every table: weakened in turn, it is noticed, and applying the migrations again mends it."""

from __future__ import annotations

import pytest
from psycopg import sql

from tenantry.postgres import guards, migrations
from tenantry.postgres.server import Server, acting_as
from tests.service import scratch

pytestmark = pytest.mark.service

OWNER, APP = "posture__owner", "posture__app"
TABLES = {
    "tenant": ("users", "user_settings", "documents"),
    "control": (
        "tenant_configurations",
        "tenant_configuration_history",
        "tenant_domains",
        "users",
        "user_settings",
        "invitations",
        "backup_keys",
        "backups",
        "restores",
        "restore_drills",
        "outbox",
        "outbox_attempts",
        "runs",
        "audit_log",
        "audit_reads",
        "run_tenants",
        "moves",
        "clones",
        "task_runs",
        "tenant_usage",
    ),
}
DAMAGES = {
    "policy dropped": "DROP POLICY tenant_isolation ON {table}",
    "USING opened": "ALTER POLICY tenant_isolation ON {table} USING (true)",
    "WITH CHECK opened": "ALTER POLICY tenant_isolation ON {table} WITH CHECK (true)",
    "policy for some only": "ALTER POLICY tenant_isolation ON {table} TO posture__owner",
    "second policy": "CREATE POLICY extra ON {table} USING (true)",
    "FORCE dropped": "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "row security off": "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "TRUNCATE granted": "GRANT TRUNCATE ON {table} TO posture__app",
    "granted to all": "GRANT SELECT ON {table} TO PUBLIC",
}


def apply(connection, tree):
    migrations.apply(connection, tree, tree, owner=OWNER, app_role=APP, platform_role=OWNER if tree == "control" else "")


@pytest.fixture(scope="module")
def database(cloud):
    """A scratch database of this module's own for each tree: tree → connection."""
    env = cloud.environment
    server = Server(env["PGHOST"], int(env["PGPORT"]), env["PGUSER"], env["PGPASSWORD"], env["PGSSLMODE"])
    with server.connect() as admin:
        admin.autocommit = True
        for role in (OWNER, APP):
            admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        for tree in TABLES:
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(f"posture_{tree}"), sql.Identifier(OWNER)))
    with server.connect("posture_tenant") as tenant, server.connect("posture_control") as control:
        made = {"tenant": tenant, "control": control}
        for tree, connection in made.items():
            with acting_as(connection, OWNER):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(tree)))
            apply(connection, tree)
        yield made
    scratch.drop(server, *[f"posture_{tree}" for tree in TABLES], roles=(OWNER, APP))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("tree", "table"), [(tree, table) for tree, tables in TABLES.items() for table in tables])
def test_each_damage_is_noticed_and_mended(database, tree, table, damage):
    """The posture differs after the damage, and is the same as before after the next apply."""
    must_be_mended(database[tree], tree, table, DAMAGES[damage])


def must_be_mended(database, tree, table, damage):
    """Damages the table, and applies the migrations again."""
    whole = guards.found(database, tree)
    database.execute(sql.SQL(damage).format(table=sql.Identifier(tree, table)))
    assert guards.found(database, tree) != whole
    database.commit()
    apply(database, tree)
    assert guards.found(database, tree) == whole
    database.rollback()


DOORS = '"closed_0b9c3e1a-7f52-4d1c-9d3e-5a6b7c8d9e0f"'


def test_the_shut_doors_of_a_restore_are_no_damage_and_stay_shut(database):
    """A tenant whose rows are being replaced must not get in because somebody migrates, or because a refresh looks."""
    database = database["tenant"]
    whole = guards.found(database, "tenant")
    shut = f"CREATE POLICY {DOORS} ON tenant.users AS RESTRICTIVE TO {APP} USING (tenant_id <> gen_random_uuid())"
    database.execute(shut)
    database.commit()
    assert guards.found(database, "tenant") == whole
    database.commit()
    apply(database, "tenant")
    found = database.execute("SELECT policyname FROM pg_policies WHERE tablename = 'users' AND schemaname = 'tenant' ORDER BY 1").fetchall()
    assert found == [(DOORS.strip('"'),), ("migration",), ("tenant_isolation",)]
    database.execute(f"DROP POLICY {DOORS} ON tenant.users")
    database.commit()
    assert guards.found(database, "tenant") == whole
    database.rollback()


@pytest.mark.parametrize(
    "damage",
    [
        f"CREATE POLICY {DOORS} ON {{table}} USING (true)",
        'CREATE POLICY "closed_acme" ON {table} AS RESTRICTIVE USING (true)',
        f'CREATE POLICY {DOORS[:-1]}0" ON {{table}} AS RESTRICTIVE USING (true)',
    ],
)
def test_what_only_looks_like_shut_doors_is_damage(database, damage):
    """A permissive policy opens whatever it is called, and another name is nobody's."""
    must_be_mended(database["tenant"], "tenant", "users", damage)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP POLICY migration ON {table}",
        "ALTER POLICY migration ON {table} USING (true)",
        "ALTER POLICY migration ON {table} TO PUBLIC",
    ],
)
def test_what_lets_a_migration_see_every_row_is_kept_as_it_is(database, damage):
    """Without it a backfill finds no row; wider, it would let others see them."""
    must_be_mended(database["tenant"], "tenant", "users", damage)


OTHERS = """
CREATE TABLE invoices (tenant_id uuid NOT NULL, id bigserial, PRIMARY KEY (tenant_id, id));
CREATE SEQUENCE numbers;
CREATE TABLE countries (code text PRIMARY KEY, place serial);
CREATE VIEW totals AS SELECT count(*) AS n FROM invoices;
CREATE MATERIALIZED VIEW kept AS SELECT tenant_id, count(*) AS n FROM invoices GROUP BY 1;
"""


@pytest.mark.parametrize(
    "damage",
    [
        f"{verb} ON {thing} {word} posture__app"
        for thing, all_, right in (
            ("SEQUENCE tenant.invoices_id_seq", "SELECT, UPDATE", "USAGE"),
            ("SEQUENCE tenant.numbers", "UPDATE", "USAGE"),
            ("tenant.countries", "INSERT", "SELECT"),
            ("tenant.totals", "", "SELECT"),
            ("tenant.kept", "SELECT", ""),
        )
        for verb, word in ((f"GRANT {all_}", "TO"), (f"REVOKE {right}", "FROM"))
        if verb.split(" ", 1)[1]
    ]
    + ["GRANT SELECT ON tenant.countries TO PUBLIC", "GRANT USAGE ON SEQUENCE tenant.numbers TO PUBLIC"],
)
def test_rights_on_sequences_lookup_tables_and_views_are_noticed_and_mended(database, damage):
    """Usable and no more: the application takes the next number and does not set it, reads a lookup table and does not write it."""
    database = database["tenant"]
    with acting_as(database, OWNER):
        database.execute("SET LOCAL search_path = tenant; " + OTHERS)
    try:
        apply(database, "tenant")
        must_be_mended(database, "tenant", "users", damage.replace("{", "{{"))
    finally:
        database.rollback()
        with acting_as(database, OWNER):
            database.execute("DROP TABLE tenant.invoices, tenant.countries CASCADE; DROP SEQUENCE tenant.numbers")


def test_every_table_with_a_tenant_is_covered(database):
    """No table with a tenant_id is missing from the list above, and each is forced."""
    rows = []
    for connection in database.values():
        rows += connection.execute(
            "SELECT c.relnamespace::regnamespace::text, c.relname, c.relforcerowsecurity FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
            " WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text = ANY(%s)",
            [list(TABLES)],
        ).fetchall()
    assert {(tree, table) for tree, table, _ in rows} == {(tree, table) for tree, tables in TABLES.items() for table in tables}
    assert all(forced for *_, forced in rows)
