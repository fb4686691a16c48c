"""The control database's doors: what the application's shows for a tenant is that tenant's, and no more than the reviewed grants give."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg import Rollback, errors, sql

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration, registry, runs
from tenantry.control.database import application, transaction
from tests.environment import entered
from tests.service import control_database

pytestmark = pytest.mark.service

ONE, OTHER = naming.tenant_id("door-one"), naming.tenant_id("door-other")
READABLE = {
    "users": "*",
    "user_settings": "*",
    "tenant_configurations": "tenant_id, config_key, config_value",
    "tenant_domains": "tenant_id, host, kind, status",
}
"""Table → what migrations/control_grants.yaml lets the application read of it."""
SCOPED = """
    SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'control'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1
"""


@pytest.fixture(scope="module", autouse=True)
def people(cloud):
    """Two tenants, each with a person whom its own door has let in, and a line in the tables that are the operators' business."""
    with entered(cloud.environment):
        control_database.make()
        made = {}
        for tenant, slug in ((ONE, "door-one"), (OTHER, "door-other")):
            row = {
                "name": slug, "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": "active",
                "host": f"{slug}.x.example", "database": "d", "schema": "s", "app_role": "r", "bucket": "b", "prefix": f"tenants/{slug}/",
                "limits": {}, "labels": {},
            }  # fmt: skip
            registry.record(str(tenant), slug, row, [], {"name": "Ada", "email": f"ada@{slug}.example"})
            configuration.write_declared(str(tenant), {"features.exports": "true"})
            made[tenant] = uuid4()
            with application(tenant) as connection:
                connection.execute(
                    "INSERT INTO users (tenant_id, id, email, name, role) VALUES (%s, %s, %s, 'Bea', 'admin')",
                    [tenant, made[tenant], f"bea@{slug}.example"],
                )
                connection.execute("INSERT INTO user_settings VALUES (%s, %s, 'language', '\"de\"')", [tenant, made[tenant]])
            with transaction() as connection:
                runs.request(connection, runs.Request("backup", slug, tenant_id=tenant, actor=Actor("test")))
                runs.audit(connection, tenant, "test", "door", "made")
        yield made
        with transaction() as connection:
            for table in (
                "user_settings", "users", "invitations", "tenant_configurations", "tenant_configuration_history", "tenant_domains",
                "audit_log", "runs",
            ):  # fmt: skip
                connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = ANY(%s)").format(sql.Identifier(table)), [[ONE, OTHER]])
            connection.execute("DELETE FROM tenants WHERE id = ANY(%s)", [[ONE, OTHER]])


def scoped() -> list[str]:
    """Every table of the control database with a tenant's id; each has row-level security, of which its owner is not free either."""
    with transaction() as connection:
        found = connection.execute(SCOPED).fetchall()
    assert {row["name"] for row in found} >= {*READABLE, "invitations", "audit_log", "runs", "outbox", "backups", "moves"}
    return [row["name"] for row in found]


def test_a_tenants_door_shows_its_own_rows_of_every_table_that_it_may_read(in_cloud, people):
    """In each table there are rows of both; each sees one tenant's, and without a tenant there are none."""
    for table, columns in READABLE.items():
        query = sql.SQL("SELECT " + columns + " FROM {}").format(sql.Identifier(table))
        with transaction() as connection:
            both = sql.SQL("SELECT DISTINCT tenant_id FROM {} WHERE tenant_id = ANY(%s)").format(sql.Identifier(table))
            assert len(connection.execute(both, [[ONE, OTHER]]).fetchall()) == 2, table
        for tenant in (ONE, OTHER):
            with application(tenant) as connection:
                assert {row["tenant_id"] for row in connection.execute(query)} == {tenant}, table
        for nobody in (None, uuid4()):
            with application(nobody) as connection:
                assert connection.execute(query).fetchall() == [], table


def test_what_the_grants_do_not_give_cannot_be_read(in_cloud):
    """Of every other table with a tenant's id, and of the platform's own; of a table that may be read in part, the rest."""
    refused = [sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)) for table in scoped() if table not in READABLE]
    refused += [sql.SQL("SELECT 1 FROM tenants"), sql.SQL("SELECT * FROM tenant_configurations"), sql.SQL("SELECT * FROM tenant_domains")]
    refused += [sql.SQL("CREATE TABLE mine (n int)")]
    for statement in refused:
        with application(ONE) as connection, pytest.raises(errors.InsufficientPrivilege), connection.transaction():
            connection.execute(statement)


def test_even_with_a_grant_too_many_row_security_holds(in_cloud):
    """As if somebody had granted every table: a tenant's context still shows no row of another in any of them."""
    with transaction() as connection:
        guarded = {row["name"]: row["guarded"] for row in connection.execute(SCOPED)}
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA control TO {}").format(sql.Identifier(naming.CONTROL_APP)))
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(ONE)])
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(naming.CONTROL_APP)))
        for table in guarded:
            found = connection.execute(sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))).fetchall()
            assert {row["tenant_id"] for row in found} <= {ONE}, (table, guarded[table])
        raise Rollback


def test_nothing_is_written_for_another_tenant(in_cloud, people):
    """Not a new row of it, not a row moved to it; nor is one of it found to be changed or removed."""
    with application(ONE) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(
            "INSERT INTO users (tenant_id, id, email, name, role) VALUES (%s, %s, 'e@x.example', 'E', 'admin')", [OTHER, uuid4()]
        )
    with application(ONE) as connection:
        assert connection.execute("UPDATE users SET name = 'Eve' WHERE id = %s", [people[OTHER]]).rowcount == 0
        assert connection.execute("SELECT remove_user(%s) AS gone", [people[OTHER]]).fetchone() == {"gone": False}


def test_a_door_leaves_nothing_open_for_the_next(in_cloud, people):
    """On the same session: after a tenant's door, failed or not, the owner's and the one of nobody are what they were."""
    with application(ONE) as connection:
        pid = connection.info.backend_pid
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(OTHER)])
    with application() as connection:
        assert connection.info.backend_pid == pid
        assert connection.execute("SELECT count(*) AS n FROM users").fetchone() == {"n": 0}
    with transaction() as connection:
        assert connection.info.backend_pid == pid
        assert connection.execute("SELECT current_user AS who, current_setting('app.tenant_id', true) AS tenant").fetchone() == {
            "who": naming.CONTROL_OWNER,
            "tenant": "",
        }
