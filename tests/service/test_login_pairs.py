"""The two logins that take turns: the second may do what the first may, is held to its bounds, and is shut and removed with it."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from benchmarks.fleet import Fleet
from tenantry import naming
from tenantry.postgres import login_limits, logins
from tenantry.stores import access, usage
from tenantry.stores.tenant_store import TenantStore
from tests.environment import entered
from tests.service import directory, scratch

pytestmark = pytest.mark.service

CELL, SLUG, SHARED = "pairs", "paired", "paired-too"
ROLES = {SLUG: naming.tenant_app(SLUG), SHARED: naming.cell_app(CELL)}
PERSON = "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'ada@x.example', 'Ada')"


@pytest.fixture(scope="module", autouse=True)
def tenants(cloud):
    """A tenant with a schema of its own and one in shared tables, in a cell of this module's."""
    with entered(cloud.environment):
        fleet = Fleet(CELL)
        fleet.shared()
        fleet.schemas([SLUG])
        fleet.rls(SHARED)
        yield
        directory.forget(str(naming.tenant_id(SLUG)), str(naming.tenant_id(SHARED)))
        with fleet.server.connect(naming.cell_database(CELL)) as admin:
            for role in ROLES.values():
                logins.drop_second(admin, role)
        scratch.drop(fleet.server, naming.cell_database(CELL), roles=(*ROLES.values(), naming.cell_owner(CELL)))


@pytest.fixture(params=[SLUG, SHARED], ids=["schema", "rls"])
def store(request, in_cloud):
    found = TenantStore.of(request.param)
    logins.renew(found.administrator(), found.app_role, second(found), "turn", found.database, found.schema)
    return found


def second(store: TenantStore) -> str:
    return naming.second_login(store.app_role)


def entering(store: TenantStore, login: str | None = None) -> psycopg.Connection:
    server = store.administrator()
    return psycopg.connect(host=server.host, port=server.port, dbname=store.database, user=login or second(store), password="turn")


def test_the_second_sees_and_writes_what_the_first_does(store):
    """Grants and policies hold for a member, in its search path; of another tenant it sees nothing, and no other database lets it in."""
    with entering(store) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(store.id)])
        connection.execute(PERSON, [store.id])
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(naming.tenant_id("stranger"))])
        assert connection.execute("SELECT count(*) FROM users WHERE tenant_id <> %s", [store.id]).fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
        connection.rollback()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**{**entering(store).info.get_parameters(), "password": "turn", "dbname": naming.CONTROL_DATABASE})


def test_the_first_goes_on_while_the_second_is_renewed(store):
    """Its password is its own business; the second's former one is over."""
    server = store.administrator()
    with server.connect() as admin:
        logins.give_password(admin, store.app_role, "turn")
    with entering(store, store.app_role):
        logins.renew(server, store.app_role, second(store), "another", store.database, store.schema)
    assert logins.password_holds(server, store.database, store.app_role, "turn")
    assert not logins.password_holds(server, store.database, second(store), "turn")
    assert logins.password_holds(server, store.database, second(store), "another")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER ROLE {first} CONNECTION LIMIT 7", "has not the connection limit of {first}, 7"),
        ("ALTER ROLE {first} NOLOGIN", "may log in, other than {first}"),
        ("REVOKE {first} FROM {second}", "has not the rights of {first}"),
        ("ALTER ROLE {second} NOINHERIT", "has not the rights of {first}"),
        ("ALTER ROLE {second} SET work_mem = '1GB'", "sets work_mem"),
        ("GRANT pg_read_all_data TO {second}", "is a member of pg_read_all_data"),
    ],
)
def test_it_is_held_to_the_bounds_of_the_first(store, damage, said):
    """Every way out of them is found and mended, before each run of the engine and by the doctor's words."""
    names = {"first": sql.Identifier(store.app_role), "second": sql.Identifier(second(store))}
    with store.administrator().connect() as admin:
        login_limits.mend(admin)
        assert login_limits.faults(admin, second(store)) == {}
        admin.execute(sql.SQL(damage).format(**names))
        admin.commit()
        assert login_limits.faults(admin)[second(store)] == [said.format(first=store.app_role)]
        login_limits.mend(admin)
        assert login_limits.faults(admin, second(store)) == {}
        admin.execute(sql.SQL("ALTER ROLE {first} LOGIN CONNECTION LIMIT -1").format(**names))
        login_limits.mend(admin)


def test_both_are_shut_and_opened_together(in_cloud):
    """Their sessions count together, and end together; a second that is made meanwhile is as shut as the first."""
    store = TenantStore.of(SLUG)
    logins.renew(store.administrator(), store.app_role, second(store), "turn", store.database, store.schema)
    with entering(store) as inside:
        assert usage.sessions(store) == 1
        assert access.shut(store) == f"{store.app_role} may not log in, 1 sessions ended"
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        entering(store)
    with store.connected() as admin:
        logins.drop_second(admin, store.app_role)
        assert logins.both(admin, store.app_role) == [store.app_role]
    logins.renew(store.administrator(), store.app_role, second(store), "turn", store.database, store.schema)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        entering(store)
    access.open_again(store)
    entering(store).close()


def test_an_ended_password_lets_nobody_in(store):
    """Who is in stays: kept connections are used up."""
    with entering(store) as inside:
        logins.end(store.administrator(), second(store))
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            entering(store)
        assert inside.execute("SELECT 1").fetchone() == (1,)


def test_an_administrator_that_is_no_superuser_can_do_all_of_it(in_cloud):
    """As on every managed PostgreSQL: one that may make roles makes both, renews, shuts, ends and removes the second."""
    first, second_login, deployer = "t_pairs_managed__app", "t_pairs_managed__app_b", "pairs_deployer"
    store = TenantStore.of(SLUG)
    with store.administrator().connect() as admin:
        admin.execute(f"CREATE ROLE {deployer} LOGIN CREATEROLE PASSWORD 'turn'")
    server = replace(store.administrator(), user=deployer, password="turn")
    try:
        with store.administrator().connect() as admin:
            admin.execute(f"GRANT CONNECT ON DATABASE postgres TO {deployer}")
        with server.connect() as admin:
            admin.execute(f"CREATE ROLE {first} LOGIN CONNECTION LIMIT 7")
        logins.renew(server, first, second_login, "turn", "postgres", "s")
        with server.connect() as admin:
            assert login_limits.faults(admin, second_login) == {}
            assert logins.set_login(admin, first, False) == 0
            assert admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [second_login]).fetchone() == (False,)
        logins.end(server, second_login, sessions=True)
        with server.connect() as admin:
            logins.drop_second(admin, first)
            assert logins.both(admin, first) == [first]
    finally:
        with store.administrator().connect() as admin:
            logins.drop_second(admin, first)
            admin.execute(f"DROP ROLE IF EXISTS {first}")
            admin.execute(f"REVOKE CONNECT ON DATABASE postgres FROM {deployer}")
            admin.execute(f"DROP ROLE {deployer}")
