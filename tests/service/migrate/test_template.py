"""The template database: at the head, nobody's, and what is copied from it belongs to the tenant whole."""

from __future__ import annotations

import pytest
from psycopg import sql

from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.errors import WorkError
from tenantry.postgres import guards, revisions, template
from tests.service.migrate.conftest import roll_out

pytestmark = pytest.mark.service


def copied(fleet, slug):
    """A database from the template, up to where the engine would make its store."""
    owner, app, database = naming.tenant_owner(slug), naming.tenant_app(slug), naming.tenant_database(slug)
    fleet._roles([owner], login=False)
    fleet._roles([app], login=True)
    with fleet.connect("postgres") as admin:
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))  # as the provider does
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*map(sql.Identifier, (database, naming.TEMPLATE_DATABASE, owner)))
        )
    with fleet.connect(database) as connection:
        connection.execute(sql.SQL("ALTER SCHEMA tenant OWNER TO {}").format(sql.Identifier(owner)))
    return {
        "tree": "tenant", "server": None, "database": database, "schema": naming.TENANT_SCHEMA, "owner": owner, "app_role": app,
        "tenant_id": str(naming.tenant_id(slug)), "login": True, "revision": revisions.head("tenant"),
    }  # fmt: skip


def test_a_copy_is_guarded_and_owned_as_a_store_made_from_nothing(fleet):
    """Posture and owners are the same, and nothing is left with the template's role; the template itself stays as it was."""
    template.ensure()
    made = StoreProvider().create(copied(fleet, "acme"))
    fleet.database("plain")
    with fleet.connect("t_acme") as acme, fleet.connect("t_plain") as plain:
        expected = [line.replace("t_plain", "t_acme") for line in guards.found(plain, "tenant")]
        expected = [line.replace(str(naming.tenant_id("plain")), str(naming.tenant_id("acme"))) for line in expected]
        assert guards.found(acme, "tenant") == sorted(expected)
        left = "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = %s UNION SELECT nspname FROM pg_namespace WHERE"
        assert acme.execute(f"{left} pg_get_userbyid(nspowner) = %s", [naming.TEMPLATE_OWNER] * 2).fetchall() == []
    assert made.outs["posture"] == made.outs["expected_posture"]
    with fleet.connect("postgres") as admin:
        owner = admin.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'tenantry_template'").fetchone()
    assert owner == (fleet.server.user,)
    assert template.revision() == revisions.head("tenant")


def test_a_template_of_an_older_form_is_made_anew(fleet):
    """As a platform of before has it: its copies would let everybody make large objects, and have no home for extensions."""
    template.ensure()
    with fleet.server.connect() as admin:
        admin.execute("COMMENT ON DATABASE tenantry_template IS 'tenantry template 0001'")
    with fleet.server.connect("tenantry_template") as old:
        old.execute("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC")
        old.execute("DROP SCHEMA extensions CASCADE")
    assert template.revision() is None
    assert template.ensure() == revisions.head("tenant")
    with fleet.server.connect("tenantry_template") as new:
        assert new.execute("SELECT has_function_privilege('public', 'lo_create(oid)', 'EXECUTE')").fetchone() == (False,)
        assert new.execute("SELECT to_regnamespace('extensions') IS NOT NULL").fetchone() == (True,)


def test_the_template_follows_the_head_and_copies_of_an_older_one_catch_up(fleet, trees):
    """Made at 0001, copied, brought to 0002 by a roll-out that has anything to do; the older copy's store is migrated as it is made."""
    assert template.ensure() == "0001"
    older = copied(fleet, "older")
    fleet.schemas(["birch"], "0001")
    trees.add("CREATE TABLE notes (tenant_id uuid PRIMARY KEY, note text);")
    roll_out()
    assert template.revision() == "0002"
    StoreProvider().create({**older, "revision": "0002"})
    StoreProvider().create(copied(fleet, "newer"))
    for database in ("t_older", "t_newer"):
        with fleet.connect(database) as connection:
            assert revisions.version(connection, "tenant") == "0002"
            assert connection.execute("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'notes'").fetchone() == (True,)


def test_nobody_is_let_in_and_no_roll_out_makes_one(fleet, trees):
    """A fleet without a template stays without: the platform's run makes it."""
    fleet.schemas(["birch"], "0001")
    trees.add("COMMENT ON TABLE users IS 'people';")
    roll_out()
    assert template.revision() is None
    template.ensure()
    with fleet.connect("postgres") as admin:
        open_to_all = admin.execute("SELECT has_database_privilege('public', 'tenantry_template', 'CONNECT')").fetchone()
    assert open_to_all == (False,)


def test_one_that_a_killed_run_left_is_made_again_and_one_of_somebody_elses_is_not_touched(fleet):
    """Told apart by the role, which comes first, and the comment, which comes last."""
    with fleet.connect("postgres") as admin:
        admin.execute("CREATE DATABASE tenantry_template")
        with pytest.raises(WorkError, match="Tenantry did not make it"):
            template.ensure()
        admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(naming.TEMPLATE_OWNER)))
        template.ensure()
        assert template.revision() == revisions.head("tenant")
        template.drop()
        assert admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [naming.TEMPLATE_OWNER]).fetchone() is None
    assert template.revision() is None


def test_a_deployer_that_is_no_superuser_can_do_all_of_it(deployers, trees):
    """The fleet is migrated, the template made, copied and taken over."""
    deployers.shared("0001")
    deployers.rls("ash")
    deployers.schemas(["birch", "cedar"], "0001")
    deployers.database("dogwood", "0001")
    template.ensure()
    trees.add("CREATE TABLE notes (tenant_id uuid PRIMARY KEY, note text);")
    assert roll_out(parallel=2)[1] == "0001 to 0002"
    StoreProvider().create(copied(deployers, "elm"))
    with deployers.connect("t_elm") as connection:
        rows = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tenant'").fetchall()
    assert rows == [("t_elm__owner",)]
    template.drop()
