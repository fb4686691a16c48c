"""postgresql.Grant: what the official plugin promises."""

from __future__ import annotations

import grpc
import pytest

TYPE = "postgresql:index/grant:Grant"
ROLE = "postgresql:index/role:Role"
DATABASE = "postgresql:index/database:Database"
SCHEMA = "postgresql:index/schema:Schema"

ON_SCHEMA = {"role": "g_role", "database": "g_place", "schema": "g_schema", "objectType": "schema", "privileges": ["USAGE"]}
ON_DATABASE = {"role": "g_role", "database": "g_place", "objectType": "database", "privileges": ["CONNECT"]}
ON_TABLES = {"role": "g_role", "database": "g_place", "schema": "g_schema", "objectType": "table", "privileges": ["SELECT"]}


@pytest.fixture(scope="module", autouse=True)
def place(sql):
    sql("CREATE ROLE g_role; CREATE ROLE g_other")
    sql("CREATE DATABASE g_place")
    sql("CREATE SCHEMA g_schema; CREATE TABLE g_schema.one (a int, b int); CREATE TABLE g_schema.two (a int)", database="g_place")
    sql("CREATE SEQUENCE g_schema.counter", database="g_place")


@pytest.mark.parametrize(
    ("inputs", "id"),
    [
        (ON_SCHEMA, "g_role_g_place_g_schema_schema"),
        (ON_DATABASE, "g_role_g_place_database"),
        (ON_TABLES, "g_role_g_place_g_schema_table"),
        (ON_TABLES | {"objects": ["two", "one"]}, "g_role_g_place_g_schema_table_one_two"),
        (ON_TABLES | {"objectType": "column", "objects": ["one"], "columns": ["a"]}, "g_role_g_place_g_schema_column_one_a"),
        (ON_TABLES | {"objectType": "sequence", "privileges": ["USAGE", "SELECT"]}, "g_role_g_place_g_schema_sequence"),
    ],
)
def test_its_id_tells_role_place_and_objects(driver, inputs, id):
    """The id is made of role, database, schema, object type and objects."""
    grant = driver.create(TYPE, inputs)
    assert grant.id == id
    assert not driver.diff(grant, inputs).changes
    driver.delete(grant)


def test_a_grant_is_the_servers(driver, sql):
    """What is granted can be done, what is taken back cannot."""
    grant = driver.create(TYPE, ON_TABLES | {"privileges": ["SELECT", "INSERT"]})
    check = "SELECT has_table_privilege('g_role', 'g_schema.one', 'SELECT'), has_table_privilege('g_role', 'g_schema.one', 'INSERT')"
    assert sql(check, database="g_place") == [(True, True)]
    reduced = driver.update(grant, ON_TABLES)
    assert sql(check, database="g_place") == [(True, False)]
    driver.delete(reduced)
    assert sql(check, database="g_place") == [(False, False)]


def test_public_can_lose_what_everybody_has(driver, sql):
    """A grant of nothing to public on a database takes CONNECT from everybody."""
    sql("CREATE DATABASE g_private")
    grant = driver.create(TYPE, {"role": "public", "database": "g_private", "objectType": "database", "privileges": []})
    assert grant.id == "public_g_private_database"
    assert sql("SELECT has_database_privilege('g_role', 'g_private', 'CONNECT')") == [(False,)]
    assert driver.refresh(grant) is not None


@pytest.mark.parametrize("missing", ["role", "database", "objectType", "privileges"])
def test_role_database_type_and_privileges_are_required(driver, missing):
    """Leaving out a required input fails the check."""
    _, failures, _ = driver.check(TYPE, {name: value for name, value in ON_DATABASE.items() if name != missing})
    assert failures


def test_an_unknown_object_type_is_refused(driver):
    """An object type that PostgreSQL has no grants for fails the check."""
    assert driver.check(TYPE, ON_DATABASE | {"objectType": "planet"})[1]


@pytest.mark.parametrize(
    "inputs",
    [
        ON_DATABASE | {"privileges": ["SELECT"]},
        {name: value for name, value in ON_SCHEMA.items() if name != "schema"},
        ON_SCHEMA | {"objects": ["one"]},
        ON_TABLES | {"columns": ["a"]},
        ON_TABLES | {"objectType": "column", "objects": ["one"]},
    ],
)
def test_a_senseless_grant_is_refused(driver, inputs):
    """A privilege the kind of object has not, a missing schema, objects or columns where none can be: an error."""
    with pytest.raises((grpc.RpcError, AssertionError)):
        driver.create(TYPE, inputs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("role", "g_other"),
        ("database", "postgres"),
        ("schema", "public"),
        ("objectType", "sequence"),
        ("objects", ["two"]),
        ("withGrantOption", True),
    ],
)
def test_all_but_the_privileges_replaces(driver, name, value):
    """Whom, where and what replaces, the old grant taken back first; the privileges change in place."""
    inputs = ON_TABLES | {"objects": ["one"]}
    grant = driver.create(TYPE, inputs)
    difference = driver.diff(grant, inputs | {name: value})
    assert difference.changes >= {name}
    assert name in difference.replaces
    assert difference.delete_first
    privileges = driver.diff(grant, inputs | {"privileges": ["SELECT", "UPDATE"]})
    assert privileges.changes == {"privileges"}
    assert not privileges.replaces
    driver.delete(grant)


@pytest.mark.parametrize(
    ("inputs", "statement"),
    [
        (ON_SCHEMA, "REVOKE USAGE ON SCHEMA g_schema FROM g_role"),
        (ON_SCHEMA, "GRANT CREATE ON SCHEMA g_schema TO g_role"),
        (ON_DATABASE, "REVOKE CONNECT ON DATABASE g_place FROM g_role"),
        (ON_TABLES, "REVOKE SELECT ON g_schema.two FROM g_role"),
        (ON_TABLES, "GRANT DELETE ON g_schema.one TO g_role"),
    ],
)
def test_a_refresh_sees_drift(driver, sql, inputs, statement):
    """Privileges taken or given by hand differ from what the program says."""
    grant = driver.create(TYPE, inputs)
    sql(statement, database="g_place")
    refreshed = driver.refresh(grant)
    assert driver.diff(refreshed, inputs).changes == {"privileges"}
    again = driver.update(refreshed, inputs)
    assert not driver.diff(driver.refresh(again), inputs).changes
    driver.delete(again)


def test_all_means_every_privilege(driver, sql):
    """ALL is what it stands for, also after a refresh."""
    inputs = ON_SCHEMA | {"privileges": ["ALL"]}
    grant = driver.create(TYPE, inputs)
    assert sql("SELECT has_schema_privilege('g_role', 'g_schema', 'CREATE')", database="g_place") == [(True,)]
    assert not driver.diff(driver.refresh(grant), inputs).changes
    driver.delete(grant)


def test_a_grant_goes_with_its_role_schema_or_database(driver, sql):
    """A grant whose role, schema or database is gone reads as gone."""
    sql("CREATE ROLE g_gone")
    grant = driver.create(TYPE, ON_DATABASE | {"role": "g_gone"})
    sql("REVOKE ALL ON DATABASE g_place FROM g_gone; DROP ROLE g_gone")
    assert driver.refresh(grant) is None
    sql("CREATE SCHEMA g_gone", database="g_place")
    grant = driver.create(TYPE, ON_SCHEMA | {"schema": "g_gone"})
    sql("DROP SCHEMA g_gone", database="g_place")
    assert driver.refresh(grant) is None
    sql("CREATE DATABASE g_gone")
    grant = driver.create(TYPE, ON_DATABASE | {"database": "g_gone"})
    sql("DROP DATABASE g_gone")
    assert driver.refresh(grant) is None


def test_granting_what_is_granted_is_no_error(driver):
    """A grant adopts by being made again: the same privileges are the result."""
    first = driver.create(TYPE, ON_SCHEMA)
    second = driver.create(TYPE, ON_SCHEMA)
    assert first.id == second.id
    driver.delete(second)


def test_a_grant_cannot_be_imported(driver):
    """An import by id finds nothing, because an id does not tell its parts apart."""
    grant = driver.create(TYPE, ON_SCHEMA)
    assert driver.adopt(TYPE, grant.id) is None
    driver.delete(grant)


def test_an_unknown_schema_is_named(driver):
    """A schema that does not exist is named in the error."""
    with pytest.raises(grpc.RpcError, match="g_nowhere"):
        driver.create(TYPE, ON_SCHEMA | {"schema": "g_nowhere"})


def test_a_granting_role_need_not_be_superuser(connect, sql):
    """A role that is no superuser grants on what other roles own, by becoming a member for the while."""
    sql("CREATE ROLE g_maker LOGIN CREATEDB CREATEROLE PASSWORD 'maker'")
    maker = connect(username="g_maker", password="maker", superuser="false")
    for name in ("g_made_owner", "g_made_app"):
        maker.create(ROLE, {"name": name})
    maker.create(DATABASE, {"name": "g_made", "owner": "g_made_owner"})
    maker.create(SCHEMA, {"name": "inside", "database": "g_made", "owner": "g_made_owner"})
    inputs = {"role": "g_made_app", "database": "g_made", "schema": "inside", "objectType": "schema", "privileges": ["USAGE"]}
    grant = maker.create(TYPE, inputs)
    assert sql("SELECT has_schema_privilege('g_made_app', 'inside', 'USAGE')", database="g_made") == [(True,)]
    assert sql("SELECT 1 FROM pg_auth_members WHERE member = 'g_maker'::regrole AND set_option") == []
    maker.delete(grant)
    assert sql("SELECT has_schema_privilege('g_made_app', 'inside', 'USAGE')", database="g_made") == [(False,)]
