"""postgresql.Database: what the official plugin promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import psycopg
import pytest

from tests.waiting import wait_for

TYPE = "postgresql:index/database:Database"
ROLE = "postgresql:index/role:Role"


@pytest.fixture(scope="module", autouse=True)
def owners(sql):
    sql("CREATE ROLE d_owner; CREATE ROLE d_other")


def test_its_id_is_its_name_and_its_owner_owns_it(driver, sql):
    """A created database exists, is its owner's, and its id is its name."""
    database = driver.create(TYPE, {"name": "d_create", "owner": "d_owner", "connectionLimit": 5})
    assert database.id == "d_create"
    assert sql("SELECT pg_get_userbyid(datdba)::text, datconnlimit FROM pg_database WHERE datname = 'd_create'") == [("d_owner", 5)]
    assert sql("SELECT 1", database="d_create") == [(1,)]


def test_every_output_is_named_as_in_the_sdk(driver):
    """Without further inputs, the outputs hold what the server chose."""
    outputs = driver.create(TYPE, {"name": "d_outputs"}).outputs
    expected = {
        "name": "d_outputs",
        "owner": "postgres",
        "template": "template0",
        "encoding": "UTF8",
        "lcCollate": "C",
        "lcCtype": "C",
        "tablespaceName": "pg_default",
        "connectionLimit": -1,
        "allowConnections": True,
        "isTemplate": False,
        "alterObjectOwnership": False,
    }
    assert expected.items() <= outputs.items()


def test_a_preview_tells_what_is_known(driver):
    """In a preview what the server will choose is unknown, the rest is not."""
    outputs = driver.preview(TYPE, {"name": "d_preview", "owner": "d_owner"})
    assert outputs["name"] == "d_preview"
    assert outputs["owner"] == "d_owner"
    assert repr(outputs["encoding"]) == "UNKNOWN"


@pytest.fixture(scope="module")
def database(driver):
    return driver.create(TYPE, {"name": "d_diff", "owner": "d_owner"})


def test_what_the_server_chose_is_no_difference(driver, database):
    """The same inputs again are no change."""
    assert not driver.diff(database, {"name": "d_diff", "owner": "d_owner"}).changes


@pytest.mark.parametrize(
    ("name", "value"), [("template", "template1"), ("encoding", "LATIN1"), ("lcCollate", "POSIX"), ("lcCtype", "POSIX")]
)
def test_what_is_fixed_at_creation_replaces(driver, database, name, value):
    """Template, encoding and locale replace the database, the old one first because the name is the same."""
    difference = driver.diff(database, {"name": "d_diff", "owner": "d_owner", name: value})
    assert difference.changes == difference.replaces == {name}
    assert difference.delete_first


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "d_renamed"),
        ("owner", "d_other"),
        ("connectionLimit", 2),
        ("allowConnections", False),
        ("isTemplate", True),
        ("tablespaceName", "x"),
    ],
)
def test_the_rest_changes_in_place(driver, database, name, value):
    """Name, owner, limit, flags and tablespace do not replace."""
    difference = driver.diff(database, {"name": "d_diff", "owner": "d_owner", name: value})
    assert difference.changes == {name}
    assert not difference.replaces


def test_an_update_reaches_the_server(driver, sql):
    """Changed owner, limit and flags are the server's after an update, data untouched."""
    database = driver.create(TYPE, {"name": "d_update", "owner": "d_owner"})
    sql("CREATE TABLE kept AS SELECT 1 AS one", database="d_update")
    wanted = {"name": "d_update", "owner": "d_other", "connectionLimit": 3}
    updated = driver.update(database, wanted)
    assert sql("SELECT pg_get_userbyid(datdba)::text, datconnlimit FROM pg_database WHERE datname = 'd_update'") == [("d_other", 3)]
    assert sql("SELECT one FROM kept", database="d_update") == [(1,)]
    assert not driver.diff(updated, wanted).changes


def test_an_update_can_close_the_database(driver, sql):
    """allowConnections=False keeps everybody out."""
    database = driver.create(TYPE, {"name": "d_closed"})
    driver.update(database, {"name": "d_closed", "allowConnections": False})
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        sql("SELECT 1", database="d_closed")


def test_alter_object_ownership_hands_over_what_is_inside(driver, sql):
    """With alterObjectOwnership a new owner gets the old owner's objects too."""
    database = driver.create(TYPE, {"name": "d_objects", "owner": "d_owner", "alterObjectOwnership": True})
    sql("CREATE TABLE things (); ALTER TABLE things OWNER TO d_owner", database="d_objects")
    driver.update(database, {"name": "d_objects", "owner": "d_other", "alterObjectOwnership": True})
    assert sql("SELECT tableowner::text FROM pg_tables WHERE tablename = 'things'", database="d_objects") == [("d_other",)]


@pytest.mark.parametrize(
    ("statement", "name", "value"),
    [
        ("ALTER DATABASE d_drift OWNER TO d_other", "owner", "d_other"),
        ("ALTER DATABASE d_drift CONNECTION LIMIT 8", "connectionLimit", 8),
        ("ALTER DATABASE d_drift ALLOW_CONNECTIONS false", "allowConnections", False),
        ("ALTER DATABASE d_drift IS_TEMPLATE true", "isTemplate", True),
    ],
)
def test_a_refresh_sees_drift(driver, sql, statement, name, value):
    """What somebody changed by hand is in the refreshed state, and differs from what the program says."""
    inputs = {"name": "d_drift", "owner": "d_owner", "isTemplate": False}
    database = driver.create(TYPE, inputs)
    try:
        sql(statement)
        refreshed = driver.refresh(database)
        assert refreshed.outputs[name] == value
        assert driver.diff(refreshed, inputs).changes == {name}
        database = refreshed
    finally:
        driver.delete(database)


def test_a_refresh_of_something_gone_says_so(driver, sql):
    """A database dropped by hand reads as gone."""
    database = driver.create(TYPE, {"name": "d_gone"})
    sql("DROP DATABASE d_gone")
    assert driver.refresh(database) is None


def test_an_existing_database_is_adopted_by_its_name(driver, sql):
    """An import by id gives the state and the inputs with which a program declaring the same has no difference."""
    sql("CREATE DATABASE d_adopt OWNER d_owner TEMPLATE template0")
    adopted = driver.adopt(TYPE, "d_adopt")
    assert adopted.inputs["owner"] == "d_owner"
    assert not driver.diff(adopted, {"name": "d_adopt", "owner": "d_owner"}).changes


def test_an_import_of_nothing_finds_nothing(driver):
    """An id without a database reads as gone."""
    assert driver.adopt(TYPE, "d_never") is None


def test_a_database_that_exists_is_not_taken_over_by_a_create(driver, sql):
    """Creating what exists already is an error that names it, and changes nothing."""
    sql("CREATE DATABASE d_taken")
    with pytest.raises(grpc.RpcError, match='database "d_taken" already exists'):
        driver.create(TYPE, {"name": "d_taken", "owner": "d_owner"})
    assert sql("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'd_taken'") == [("postgres",)]


def test_an_unknown_owner_is_an_error_and_leaves_nothing_behind(driver, sql):
    """An owner that does not exist is named."""
    with pytest.raises(grpc.RpcError, match="d_nobody"):
        driver.create(TYPE, {"name": "d_half", "owner": "d_nobody"})
    assert sql("SELECT 1 FROM pg_database WHERE datname = 'd_half'") == []


def test_a_server_that_goes_away_in_the_middle_is_what_the_error_tells(driver, sql, port):
    """What is tidied up after the creation cannot be, either: that is no cause that anybody could read as a passing one."""
    waiting = "FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE \"d_cut\"%' AND wait_event_type = 'Lock'"
    with (
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", password="contract-password", dbname="postgres") as session,
        ThreadPoolExecutor(1) as pool,
    ):
        session.execute("LOCK TABLE pg_database IN SHARE MODE")
        creation = pool.submit(driver.create, TYPE, {"name": "d_cut", "owner": "d_owner"})
        wait_for(lambda: sql(f"SELECT 1 {waiting}"), seconds=20)
        sql(f"SELECT pg_terminate_backend(pid) {waiting}")
        with pytest.raises(grpc.RpcError, match=r"creating database d_cut: (terminating connection|.*server closed the connection)"):
            creation.result(timeout=30)
    assert sql("SELECT 1 FROM pg_database WHERE datname = 'd_cut'") == []


def test_a_database_in_use_is_dropped_with_its_sessions(driver, sql, port):
    """Deleting ends the sessions in the database."""
    database = driver.create(TYPE, {"name": "d_busy"})
    with psycopg.connect(host="127.0.0.1", port=port, user="postgres", password="contract-password", dbname="d_busy") as session:
        driver.delete(database)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert sql("SELECT 1 FROM pg_database WHERE datname = 'd_busy'") == []


def test_a_template_is_dropped_too(driver, sql):
    """A database marked as a template is unmarked before it is dropped."""
    driver.delete(driver.create(TYPE, {"name": "d_template", "isTemplate": True}))
    assert sql("SELECT 1 FROM pg_database WHERE datname = 'd_template'") == []


def test_a_creating_role_need_not_be_superuser(driver, connect, sql):
    """A role with CREATEDB and CREATEROLE makes databases of roles that it made, and keeps no membership of them that it had not."""
    sql("CREATE ROLE d_maker LOGIN CREATEDB CREATEROLE PASSWORD 'maker'")
    maker = connect(username="d_maker", password="maker", superuser="false")
    owner = maker.create(ROLE, {"name": "d_made_owner"})
    database = maker.create(TYPE, {"name": "d_made", "owner": "d_made_owner"})
    assert sql("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'd_made'") == [("d_made_owner",)]
    settable = "SELECT 1 FROM pg_auth_members WHERE member = 'd_maker'::regrole AND roleid = 'd_made_owner'::regrole AND set_option"
    assert sql(settable) == []
    maker.delete(database)
    maker.delete(owner)
    assert sql("SELECT 1 FROM pg_roles WHERE rolname = 'd_made_owner'") == []
