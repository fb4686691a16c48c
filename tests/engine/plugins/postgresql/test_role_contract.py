"""postgresql.Role: what the official plugin promises."""

from __future__ import annotations

import grpc
import psycopg
import pytest

TYPE = "postgresql:index/role:Role"
SECRET = frozenset({"password"})


def test_its_id_is_its_name_and_the_role_can_log_in(driver, sql):
    """A created role exists with the attributes asked for, its id is its name."""
    role = driver.create(TYPE, {"name": "r_create", "login": True, "password": "first", "connectionLimit": 7}, SECRET)
    assert role.id == "r_create"
    assert sql("SELECT current_user::text", user="r_create", password="first") == [("r_create",)]
    assert sql("SELECT rolconnlimit, rolsuper, rolcreaterole, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = 'r_create'") == [
        (7, False, False, False, True)
    ]


def test_every_output_is_named_as_in_the_sdk(driver):
    """Without further inputs, the outputs hold the documented defaults."""
    outputs = driver.create(TYPE, {"name": "r_outputs"}).outputs
    expected = {
        "name": "r_outputs",
        "encryptedPassword": True,
        "validUntil": "infinity",
        "connectionLimit": -1,
        "superuser": False,
        "createDatabase": False,
        "createRole": False,
        "inherit": True,
        "login": False,
        "replication": False,
        "bypassRowLevelSecurity": False,
        "skipDropRole": False,
        "skipReassignOwned": False,
    }
    assert {name: outputs[name] for name in expected} == expected
    assert not outputs["roles"]
    assert not outputs["searchPaths"]


def test_defaults_are_recorded_as_inputs(driver):
    """A check fills in the defaults and says which ones it filled in."""
    inputs, failures, _ = driver.check(TYPE, {"name": "r_defaults"})
    assert not failures
    assert inputs["connectionLimit"] == -1
    assert inputs["validUntil"] == "infinity"
    assert set(inputs["__defaults"]) == {"connectionLimit", "validUntil", "inherit", "encryptedPassword"}


def test_a_name_is_made_where_none_is_given(driver):
    """Without a name the role is named after the resource."""
    inputs, failures, _ = driver.check(TYPE, {})
    assert not failures
    assert inputs["name"].startswith("tested-")


@pytest.mark.parametrize(
    ("name", "value"),
    [("connectionLimit", -2), ("connectionLimit", "many"), ("login", "perhaps"), ("nonsense", 1), ("statementTimeout", -1)],
)
def test_bad_values_are_refused_before_anything_happens(driver, name, value):
    """A value out of range or of another type, or a property that there is not, fails the check."""
    with pytest.raises((grpc.RpcError, AssertionError)):
        driver.preview(TYPE, {"name": "r_bad", name: value})


def test_an_unchanged_role_has_no_difference(driver):
    """The same inputs again are no change, whatever the order of the roles."""
    inputs = {"name": "r_same", "login": True, "password": "p", "roles": ["pg_monitor", "pg_read_all_data"], "searchPaths": ["a", "b"]}
    role = driver.create(TYPE, inputs, SECRET)
    assert not driver.diff(role, inputs | {"roles": ["pg_read_all_data", "pg_monitor"]}).changes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "r_other"),
        ("password", "second"),
        ("login", True),
        ("connectionLimit", 3),
        ("validUntil", "2030-01-01 00:00:00+00"),
        ("createDatabase", True),
        ("roles", ["pg_monitor"]),
        ("searchPaths", ["x"]),
        ("statementTimeout", 1000),
    ],
)
def test_no_change_replaces_a_role(driver, name, value):
    """Every property of a role changes in place, its name too."""
    role = driver.create(TYPE, {"name": f"r_change_{name}"})
    difference = driver.diff(role, {"name": f"r_change_{name}", name: value})
    assert difference.changes == {name}
    assert not difference.replaces


def test_ignored_changes_are_no_difference(driver):
    """A property named in ignoreChanges is not compared."""
    role = driver.create(TYPE, {"name": "r_ignore", "connectionLimit": 5})
    assert not driver.diff(role, {"name": "r_ignore", "connectionLimit": 5, "login": False}, ignore=("login",)).changes


def test_an_update_reaches_the_server(driver, sql):
    """Changed attributes, password, memberships and settings are the server's after an update."""
    role = driver.create(
        TYPE, {"name": "r_update", "login": True, "password": "old", "roles": ["pg_monitor"], "searchPaths": ["a"]}, SECRET
    )
    wanted = {
        "name": "r_update",
        "login": True,
        "password": "new'word",
        "createDatabase": True,
        "roles": ["pg_read_all_data"],
        "statementTimeout": 1500,
        "connectionLimit": 4,
    }
    updated = driver.update(role, wanted)
    assert sql("SELECT current_user::text", user="r_update", password="new'word") == [("r_update",)]
    assert sql("SELECT rolcreatedb, rolconnlimit FROM pg_roles WHERE rolname = 'r_update'") == [(True, 4)]
    assert sql("SELECT rolconfig FROM pg_roles WHERE rolname = 'r_update'") == [(["statement_timeout=1500"],)]
    assert updated.outputs["roles"] == ["pg_read_all_data"]
    assert updated.outputs["statementTimeout"] == 1500
    assert not driver.diff(updated, wanted).changes


@pytest.mark.parametrize(
    ("statement", "name", "value"),
    [
        ("ALTER ROLE r_drift CREATEDB", "createDatabase", True),
        ("ALTER ROLE r_drift CREATEROLE", "createRole", True),
        ("ALTER ROLE r_drift SUPERUSER", "superuser", True),
        ("ALTER ROLE r_drift NOINHERIT", "inherit", False),
        ("ALTER ROLE r_drift NOLOGIN", "login", False),
        ("ALTER ROLE r_drift REPLICATION", "replication", True),
        ("ALTER ROLE r_drift BYPASSRLS", "bypassRowLevelSecurity", True),
        ("ALTER ROLE r_drift CONNECTION LIMIT 9", "connectionLimit", 9),
        ("ALTER ROLE r_drift SET search_path TO there", "searchPaths", ["there"]),
        ("ALTER ROLE r_drift SET statement_timeout TO 77", "statementTimeout", 77),
        ("ALTER ROLE r_drift SET idle_in_transaction_session_timeout TO 78", "idleInTransactionSessionTimeout", 78),
        ("ALTER ROLE r_drift SET ROLE TO pg_monitor", "assumeRole", "pg_monitor"),
        ("GRANT pg_monitor TO r_drift", "roles", ["pg_monitor"]),
    ],
)
def test_a_refresh_sees_drift(driver, sql, statement, name, value):
    """What somebody changed by hand is in the refreshed state, and differs from what the program says."""
    role = driver.create(TYPE, {"name": "r_drift", "login": True})
    try:
        sql(statement)
        refreshed = driver.refresh(role)
        assert refreshed.outputs[name] == value
        assert name in driver.diff(refreshed, {"name": "r_drift", "login": True}).changes
    finally:
        driver.delete(role)


def test_a_refresh_of_something_gone_says_so(driver, sql):
    """A role dropped by hand reads as gone."""
    role = driver.create(TYPE, {"name": "r_gone"})
    sql("DROP ROLE r_gone")
    assert driver.refresh(role) is None


def test_a_refresh_changes_nothing_that_did_not_drift(driver):
    """A refresh of an untouched role gives back its inputs and no difference."""
    inputs = {"name": "r_calm", "login": True, "password": "p", "roles": ["pg_monitor"]}
    role = driver.create(TYPE, inputs, SECRET)
    refreshed = driver.refresh(role)
    assert refreshed.inputs == role.inputs
    assert not driver.diff(refreshed, inputs).changes


def test_an_existing_role_is_adopted_by_its_name(driver, sql):
    """An import by id gives the state and the inputs with which a program declaring the same has no difference."""
    sql("CREATE ROLE r_adopt LOGIN CONNECTION LIMIT 6")
    adopted = driver.adopt(TYPE, "r_adopt")
    assert adopted.id == "r_adopt"
    assert adopted.inputs["name"] == "r_adopt"
    assert adopted.inputs["connectionLimit"] == 6
    assert not driver.diff(adopted, {"name": "r_adopt", "login": True, "connectionLimit": 6}).changes


def test_an_imported_role_differs_only_in_its_password(driver, sql):
    """The server gives no password away, so an adopted role's is the one thing left to set."""
    sql("CREATE ROLE r_adopt_login LOGIN PASSWORD 'unknown'")
    adopted = driver.adopt(TYPE, "r_adopt_login")
    assert driver.diff(adopted, {"name": "r_adopt_login", "login": True, "password": "p"}).changes == {"password"}
    driver.update(adopted, {"name": "r_adopt_login", "login": True, "password": "known"})
    assert sql("SELECT 1", user="r_adopt_login", password="known") == [(1,)]


def test_an_import_of_nothing_finds_nothing(driver):
    """An id without a role reads as gone."""
    assert driver.adopt(TYPE, "r_never") is None


def test_a_role_that_exists_is_not_taken_over_by_a_create(driver, sql):
    """Creating what exists already is an error that names it, and changes nothing."""
    sql("CREATE ROLE r_taken CONNECTION LIMIT 3")
    with pytest.raises(grpc.RpcError, match='role "r_taken" already exists'):
        driver.create(TYPE, {"name": "r_taken", "connectionLimit": 9})
    assert sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'r_taken'") == [(3,)]


def test_a_failed_create_leaves_nothing_behind(driver, sql):
    """A membership that cannot be granted undoes the whole creation."""
    with pytest.raises(grpc.RpcError, match="r_nobody"):
        driver.create(TYPE, {"name": "r_half", "roles": ["r_nobody"]})
    assert sql("SELECT 1 FROM pg_roles WHERE rolname = 'r_half'") == []


def test_a_deleted_role_is_gone_with_what_it_owned_handed_over(driver, sql):
    """Deleting reassigns what the role owns in the provider's database to the connecting user."""
    role = driver.create(TYPE, {"name": "r_owner"})
    sql("CREATE TABLE r_table (); ALTER TABLE r_table OWNER TO r_owner")
    driver.delete(role)
    assert sql("SELECT 1 FROM pg_roles WHERE rolname = 'r_owner'") == []
    assert sql("SELECT tableowner::text FROM pg_tables WHERE tablename = 'r_table'") == [("postgres",)]


def test_skip_drop_role_keeps_the_role(driver, sql):
    """With skipDropRole a deletion only forgets."""
    role = driver.create(TYPE, {"name": "r_kept", "skipDropRole": True, "skipReassignOwned": True})
    driver.delete(role)
    assert len(sql("SELECT 1 FROM pg_roles WHERE rolname = 'r_kept'")) == 1


def test_the_password_is_a_secret_wherever_it_goes(driver):
    """A password is marked as a secret in checked inputs and outputs, also after a refresh and an update."""
    inputs = {"name": "r_secret", "login": True, "password": "hush"}
    assert "password" in driver.check(TYPE, inputs, SECRET)[2]
    role = driver.create(TYPE, inputs, SECRET)
    assert "password" in role.secrets
    assert "password" in driver.refresh(role).secrets


def test_names_are_quoted(driver, sql):
    """A name that is not a plain identifier is taken literally."""
    name = 'Robert"; DROP ROLE postgres; --'
    role = driver.create(TYPE, {"name": name})
    assert sql("SELECT count(*) FROM pg_roles WHERE rolname = 'Robert\"; DROP ROLE postgres; --'") == [(1,)]
    driver.delete(role)


def test_a_wrong_password_is_told_apart_and_not_retried(connect):
    """With wrong credentials the error names the server and does not show the password."""
    with pytest.raises(grpc.RpcError, match="error connecting to PostgreSQL server") as refused:
        connect(password="not-the-password").create(TYPE, {"name": "r_never"})
    assert "not-the-password" not in str(refused.value)


def test_connections_are_as_the_password_says(sql):
    """The server of these tests refuses a wrong password: otherwise the tests above prove nothing."""
    with pytest.raises(psycopg.OperationalError):
        sql("SELECT 1", password="wrong")
