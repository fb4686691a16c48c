"""Extensions: once in a database, where every store sees them, and nobody's to take away."""

from __future__ import annotations

import pytest
from psycopg import sql

from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.errors import WorkError
from tenantry.postgres import extensions, migrations, template
from tenantry.stores.tenant_store import TenantStore
from tests.service.migrate.conftest import roll_out
from tests.service.migrate.models import ask, made
from tests.service.migrate.test_template import copied

pytestmark = pytest.mark.service

CONTACTS = """
CREATE TABLE contacts (tenant_id uuid NOT NULL, email {type} NOT NULL, tags {tags}, PRIMARY KEY (tenant_id, email));
"""
# Each in words of its own: where an extension is made, and how its type is called.
WORDS = {
    "without a schema": "CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore;"
    + CONTACTS.format(type="citext", tags="hstore"),
    "in the home": "CREATE EXTENSION IF NOT EXISTS citext SCHEMA extensions; create extension if not exists hstore with schema extensions;"
    + CONTACTS.format(type="extensions.citext", tags="hstore"),
    "in public": "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;"
    + CONTACTS.format(type="public.citext", tags="public.hstore"),
    "in a block": "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore WITH CASCADE; END $$;"
    "-- create extension if not exists nothing\n" + CONTACTS.format(type="citext", tags="hstore"),
}
FOUND = "SELECT tags -> 'a' FROM contacts WHERE email = 'ann@x.example'"


def works(stores):
    """The type's own operators decide, as the application finds them by its role's settings."""
    for store in stores:
        with store.connected() as connection:
            path = sql.SQL(", ").join(map(sql.Identifier, naming.search_path(store.schema)))
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(store.app_role)))
            connection.execute(sql.SQL("SET LOCAL search_path = {}").format(path))
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(store.id)])
            connection.execute("INSERT INTO contacts VALUES (%s, 'Ann@X.example', 'a=>1')", [store.id])
            assert connection.execute(FOUND).fetchall() == [("1",)], store.slug
            connection.commit()


@pytest.mark.parametrize("words", WORDS)
def test_every_store_of_a_database_has_the_type_however_many_are_migrated_at_once(fleet, trees, words):
    """Shared tables and eight schemas in parallel, three times over; and a database of its own."""
    slugs = [f"elm-{number}" for number in range(8)]
    fleet.schemas(slugs, "0001")
    stores = [*made(fleet, "0001"), *map(TenantStore.of, slugs)]
    trees.add(WORDS[words])
    roll_out(parallel=8)
    works(stores)
    with fleet.connect() as connection:
        homes = set(extensions.installed(connection).values())
        assert homes == ({"public"} if words == "in public" else {"extensions"})


def test_a_tenant_that_goes_takes_nothing_of_the_others_along(fleet, trees):
    """The first schema to be migrated made the extension; dropped as an off-boarding drops it, the others' columns are there."""
    fleet.schemas(["elm-a", "elm-b"], "0001")
    trees.add(WORDS["without a schema"])
    roll_out(parallel=1)
    with fleet.connect() as connection:
        connection.execute("DROP SCHEMA t_elm_a CASCADE")
    works([TenantStore.of("elm-b")])


def in_a_tenants_schema(fleet):
    """As a platform of 70e36e8 has it: the first schema that was migrated holds the extension, another one its type."""
    fleet.schemas(["elm-a", "elm-b"])
    with fleet.connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(naming.cell_owner("main"))))
        connection.execute("CREATE EXTENSION citext SCHEMA t_elm_a; ALTER TABLE t_elm_b.users ADD COLUMN nick t_elm_a.citext")
    return TenantStore.of("elm-a"), TenantStore.of("elm-b")


def props(store):
    return {"tree": "tenant", "server": None, "database": store.database, "schema": store.schema, "owner": store.owner,
            "app_role": store.app_role, "tenant_id": str(store.id), "login": True, "revision": "", "password": "x"}  # fmt: skip


def test_an_extension_that_an_older_platform_made_in_a_tenants_schema_comes_home(fleet, trees):
    """By the next `up` of that tenant, and before its tables are taken away."""
    for step in ("update", "delete"):
        first, second = in_a_tenants_schema(fleet)
        provider = StoreProvider()
        provider.update("", props(first), props(first)) if step == "update" else provider.delete("", props(first))
        with fleet.connect() as connection:
            assert extensions.installed(connection) == {"citext": "extensions"}
            connection.execute("DROP SCHEMA t_elm_a CASCADE")
        assert ask(second, "SELECT count(*) FROM users WHERE nick = 'x'") == [(0,)]
        with fleet.connect() as connection:
            connection.execute("DROP SCHEMA t_elm_b CASCADE; DROP EXTENSION citext")


def test_where_nobody_may_bring_it_home_its_schema_is_not_taken_away(fleet, trees):
    """A managed server has no superuser: the deletion stops with the statement that helps, and nothing was dropped."""
    first, _ = in_a_tenants_schema(fleet)
    with first.connected() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(first.owner)))
        extensions.bring_home(connection, first.schema)
        with pytest.raises(WorkError, match="the extension citext is in the schema t_elm_a") as stopped:
            extensions.refuse_to_leave(connection, first.schema)
    assert "ALTER EXTENSION citext SET SCHEMA extensions" in stopped.value.hint


@pytest.mark.parametrize("statement", ["CREATE EXTENSION citext", "DO $$ BEGIN EXECUTE format('CREATE EXTENSION %I', 'citext'); END $$"])
def test_one_that_would_be_in_a_stores_schema_is_refused_in_pooled_stores_and_nothing_stays(fleet, trees, statement):
    """Its words cannot be made to mean the home; a database of its own may have it, as before."""
    made(fleet, "0001")
    trees.add(statement + ";")
    with pytest.raises(WorkError, match="write CREATE EXTENSION IF NOT EXISTS citext SCHEMA extensions"):
        roll_out(budget=9)
    with fleet.connect() as connection, fleet.connect("t_cedar") as own:
        assert extensions.installed(connection) == {}
        assert extensions.installed(own) == {"citext": "tenant"}


def test_one_that_is_there_and_is_made_again_is_refused_in_words_that_help(fleet, trees):
    """By a roll-out and by the engine's run."""
    stores = made(fleet, "0001")
    with fleet.connect() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS extensions; CREATE EXTENSION citext SCHEMA extensions")
    trees.add("CREATE EXTENSION citext;")
    with pytest.raises(WorkError, match="write CREATE EXTENSION IF NOT EXISTS citext"):
        roll_out(parallel=1, budget=9)
    left = next(store for store in stores if store.slug == "birch")
    with left.connected() as connection, pytest.raises(WorkError, match="write CREATE EXTENSION IF NOT EXISTS citext"):
        migrations.apply(connection, "tenant", left.schema, owner=left.owner, app_role=left.app_role, tenant_id=str(left.id))


def test_one_that_only_an_administrator_may_make_is_refused_in_words_that_help(fleet, trees):
    """Made by hand in its home, it is found."""
    fleet.schemas(["elm-a"], "0001")
    trees.add("CREATE EXTENSION IF NOT EXISTS pageinspect;")
    with pytest.raises(WorkError, match="let an administrator make it in each database and in the template"):
        roll_out()
    with fleet.connect() as connection:
        connection.execute("CREATE EXTENSION pageinspect SCHEMA extensions")
    roll_out()


def test_a_database_copied_from_the_template_owns_its_extensions_in_their_home(fleet, trees):
    """The template made them; the tenant's owner has them, and the application finds the type."""
    trees.add(WORDS["without a schema"])
    template.ensure()
    StoreProvider().create(copied(fleet, "acme"))
    fleet.register(["acme"], "database")
    with fleet.connect("t_acme") as connection:
        assert extensions.installed(connection) == {"citext": "extensions", "hstore": "extensions"}
        owners = connection.execute("SELECT DISTINCT extowner::regrole::text FROM pg_extension WHERE extname <> 'plpgsql'").fetchall()
        path = connection.execute("SELECT setconfig FROM pg_db_role_setting WHERE setrole = 't_acme__app'::regrole").fetchone()
    assert owners == [("t_acme__owner",)]
    assert path == (["search_path=tenant, extensions, public"],)
    works([TenantStore.of("acme")])
