"""postgresql.Schema: what the official plugin promises."""

from __future__ import annotations

import grpc
import pytest

TYPE = "postgresql:index/schema:Schema"
ROLE = "postgresql:index/role:Role"
DATABASE = "postgresql:index/database:Database"


@pytest.fixture(scope="module", autouse=True)
def place(sql):
    sql("CREATE ROLE s_owner; CREATE ROLE s_other")
    sql("CREATE DATABASE s_place")
    sql("CREATE DATABASE s_elsewhere")


def test_its_id_is_database_and_name(driver, sql):
    """A created schema exists in its database, is its owner's, and its id is ``database.schema``."""
    schema = driver.create(TYPE, {"name": "s_create", "database": "s_place", "owner": "s_owner"})
    assert schema.id == "s_place.s_create"
    owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 's_create'"
    assert sql(owner, database="s_place") == [("s_owner",)]
    assert {
        "name": "s_create",
        "database": "s_place",
        "owner": "s_owner",
        "ifNotExists": True,
        "dropCascade": False,
    }.items() <= schema.outputs.items()


def test_without_a_database_it_is_in_the_providers(driver, sql):
    """A schema without a database is made in the provider's own."""
    schema = driver.create(TYPE, {"name": "s_default"})
    assert schema.id == "postgres.s_default"
    assert schema.outputs["owner"] == "postgres"
    driver.delete(schema)


def test_another_database_replaces_and_the_rest_changes_in_place(driver):
    """Only the database replaces; since the name stays, the old schema goes first."""
    inputs = {"name": "s_diff", "database": "s_place", "owner": "s_owner"}
    schema = driver.create(TYPE, inputs)
    assert not driver.diff(schema, inputs).changes
    moved = driver.diff(schema, inputs | {"database": "s_elsewhere"})
    assert moved.changes == moved.replaces == {"database"}
    assert moved.delete_first
    for name, value in {"name": "s_new", "owner": "s_other", "dropCascade": True, "ifNotExists": False}.items():
        difference = driver.diff(schema, inputs | {name: value})
        assert difference.changes == {name}
        assert not difference.replaces


def test_an_update_reaches_the_server(driver, sql):
    """A new owner and a new name are the server's after an update."""
    schema = driver.create(TYPE, {"name": "s_update", "database": "s_place", "owner": "s_owner"})
    updated = driver.update(schema, {"name": "s_update", "database": "s_place", "owner": "s_other"})
    owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 's_update'"
    assert sql(owner, database="s_place") == [("s_other",)]
    assert updated.outputs["owner"] == "s_other"


def test_a_refresh_sees_drift(driver, sql):
    """An owner changed by hand is in the refreshed state, and differs from what the program says."""
    inputs = {"name": "s_drift", "database": "s_place", "owner": "s_owner"}
    schema = driver.create(TYPE, inputs)
    sql("ALTER SCHEMA s_drift OWNER TO s_other", database="s_place")
    refreshed = driver.refresh(schema)
    assert refreshed.outputs["owner"] == "s_other"
    assert driver.diff(refreshed, inputs).changes == {"owner"}


@pytest.mark.parametrize("gone", ["schema", "database"])
def test_a_refresh_of_something_gone_says_so(driver, sql, gone):
    """A schema dropped by hand reads as gone, also when its whole database is."""
    sql("CREATE DATABASE s_passing")
    schema = driver.create(TYPE, {"name": "s_gone", "database": "s_passing"})
    sql("DROP SCHEMA s_gone", database="s_passing")
    if gone == "database":
        sql("DROP DATABASE s_passing")
    assert driver.refresh(schema) is None
    sql("DROP DATABASE IF EXISTS s_passing")


def test_an_existing_schema_is_adopted_by_its_id(driver, sql):
    """An import by ``database.schema`` gives its name, database and owner."""
    sql("CREATE SCHEMA s_adopt AUTHORIZATION s_owner", database="s_place")
    adopted = driver.adopt(TYPE, "s_place.s_adopt")
    assert adopted.id == "s_place.s_adopt"
    assert {"name": "s_adopt", "database": "s_place", "owner": "s_owner"}.items() <= adopted.inputs.items()
    assert adopted.outputs["database"] == "s_place"


def test_a_wrong_id_says_how_it_should_look(driver):
    """An id without a database is refused with the format."""
    with pytest.raises(grpc.RpcError, match=r"database\.schema"):
        driver.adopt(TYPE, "s_adopt")


def test_creating_what_exists_takes_it_over_and_sets_the_owner(driver, sql):
    """A schema that exists already is not an error: it gets the owner asked for."""
    sql("CREATE SCHEMA s_taken", database="s_place")
    driver.create(TYPE, {"name": "s_taken", "database": "s_place", "owner": "s_owner"})
    owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 's_taken'"
    assert sql(owner, database="s_place") == [("s_owner",)]


def test_a_schema_with_something_in_it_stays(driver, sql):
    """Without dropCascade a deletion refuses to take a table along."""
    schema = driver.create(TYPE, {"name": "s_full", "database": "s_place"})
    sql("CREATE TABLE s_full.kept ()", database="s_place")
    with pytest.raises(grpc.RpcError, match="depend"):
        driver.delete(schema)
    assert len(sql("SELECT 1 FROM pg_tables WHERE schemaname = 's_full'", database="s_place")) == 1


def test_drop_cascade_takes_all_along(driver, sql):
    """With dropCascade a deletion takes what is inside along."""
    schema = driver.create(TYPE, {"name": "s_cascade", "database": "s_place", "dropCascade": True})
    sql("CREATE TABLE s_cascade.lost ()", database="s_place")
    driver.delete(schema)
    assert sql("SELECT 1 FROM pg_namespace WHERE nspname = 's_cascade'", database="s_place") == []


def test_deleting_something_gone_is_no_error(driver, sql):
    """A schema that is gone already can be deleted."""
    schema = driver.create(TYPE, {"name": "s_gone_first", "database": "s_place"})
    sql("DROP SCHEMA s_gone_first", database="s_place")
    driver.delete(schema)


def test_an_unknown_database_is_named(driver):
    """A database that does not exist is named in the error."""
    with pytest.raises(grpc.RpcError, match="s_nowhere"):
        driver.create(TYPE, {"name": "s_lost", "database": "s_nowhere"})


def test_a_creating_role_need_not_be_superuser(connect, sql):
    """A role that is no superuser makes schemas for other owners in others' databases, by becoming a member for the while."""
    sql("CREATE ROLE s_maker LOGIN CREATEDB CREATEROLE PASSWORD 'maker'")
    maker = connect(username="s_maker", password="maker", superuser="false")
    for name in ("s_made_owner", "s_made_app"):
        maker.create(ROLE, {"name": name})
    maker.create(DATABASE, {"name": "s_made", "owner": "s_made_owner"})
    schema = maker.create(TYPE, {"name": "inside", "database": "s_made", "owner": "s_made_app"})
    owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'inside'"
    assert sql(owner, database="s_made") == [("s_made_app",)]
    assert sql("SELECT 1 FROM pg_auth_members WHERE member = 's_maker'::regrole AND set_option") == []
    maker.delete(schema)
    assert sql(owner, database="s_made") == []
