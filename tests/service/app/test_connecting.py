"""Transactions in a tenant's context: psycopg, asyncio and SQLAlchemy, on connections of its own, of a pool, and of PgBouncer."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, QueuePool

from tenantry import naming
from tenantry.app import Directory, Tenant, current
from tenantry.app.sqlalchemy import Engines, attend
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tests import asynchronous
from tests.environment import entered
from tests.service import directory
from tests.service.app.conftest import CREDENTIALS, SCHEMAS, SHARED

pytestmark = pytest.mark.service

SEEN = "SELECT current_setting('app.tenant_id', true), current_setting('search_path')"
AFTER = ("", "shared, extensions, public")
"""What a session of the cell's role has outside of a transaction."""
INSERT = "INSERT INTO users (tenant_id, email, name) VALUES (%s, gen_random_uuid()::text, %s)"


@pytest.fixture
def rls(found) -> Tenant:
    return found.by_slug(SHARED[0])


@pytest.fixture
def schema(found) -> Tenant:
    return found.by_slug(SCHEMAS[0])


def rows(connection: psycopg.Connection[Any]) -> set[UUID]:
    """Whose users are seen."""
    return {tenant_id for (tenant_id,) in connection.execute("SELECT DISTINCT tenant_id FROM users")}


@pytest.mark.parametrize("slug", [SHARED[0], SCHEMAS[0]])
def test_a_transaction_writes_and_sees_its_tenants_rows(found, slug):
    tenant = found.by_slug(slug)
    with tenant.transaction() as connection:
        connection.execute(INSERT, [tenant.id, "mine"])
    with tenant.transaction() as connection:
        assert rows(connection) == {tenant.id}
    with pytest.raises(psycopg.errors.InsufficientPrivilege), tenant.transaction() as connection:
        connection.execute(INSERT, [found.by_slug(SHARED[1]).id, "another's"])


@pytest.mark.parametrize("autocommit", [False, True])
def test_nothing_of_it_is_left_in_the_session(found, rls, autocommit):
    """Not after a commit, not after a failure; the same connection serves the next tenant."""
    with rls.connect() as connection:
        connection.autocommit = autocommit
        for tenant in (rls, found.by_slug(SHARED[1]), rls):
            with tenant.transaction(connection):
                connection.execute(INSERT, [tenant.id, "x"])
                assert rows(connection) == {tenant.id}
            assert connection.execute(SEEN).fetchone() == AFTER
            assert rows(connection) == set()
            connection.rollback()
        with pytest.raises(ZeroDivisionError), rls.transaction(connection):
            raise ZeroDivisionError
        assert connection.execute(SEEN).fetchone() == AFTER


def test_a_connection_in_a_transaction_is_refused(found, rls):
    """It may be another tenant's; the context of that one would be this one's to its end."""
    with found.by_slug(SHARED[1]).transaction() as connection:
        with pytest.raises(InputError), rls.transaction(connection):
            pass
        assert connection.execute(SEEN).fetchone()[0] == str(naming.tenant_id(SHARED[1]))


def test_asyncio(found, rls, schema):
    async def both() -> None:
        for tenant in (rls, schema):
            async with tenant.transaction_async() as connection:
                await connection.execute(INSERT, [tenant.id, "async"])
                cursor = await connection.execute("SELECT DISTINCT tenant_id FROM users")
                assert await cursor.fetchall() == [(tenant.id,)]
        async with await rls.connect_async() as connection:
            async with rls.transaction_async(connection):
                pass
            assert await (await connection.execute(SEEN)).fetchone() == AFTER

    asynchronous.run(both())


def test_sqlalchemy_core_and_sessions(found, rls, schema):
    """One engine for all tenants of a place, the context in each of their transactions, and none in anybody else's."""
    engines = Engines(pool_size=1, max_overflow=0)
    other = found.by_slug(SHARED[1])
    for tenant in (rls, other, schema, rls):
        with engines.of(tenant).begin() as connection:
            connection.execute(
                text("INSERT INTO users (tenant_id, email, name) VALUES (:t, gen_random_uuid()::text, 'c')"), {"t": tenant.id}
            )
            assert set(connection.execute(text("SELECT tenant_id FROM users")).scalars()) == {tenant.id}
            with connection.begin_nested():
                assert connection.execute(text(SEEN)).one()[0] == str(tenant.id)
        with Session(engines.of(tenant)) as session:
            for _ in range(2):
                assert set(session.execute(text("SELECT tenant_id FROM users")).scalars()) == {tenant.id}
                session.commit()
    assert len(engines._made) == 2
    (shared,) = [engine for place, engine in engines._made.items() if place.role == rls.role]
    with pytest.raises(InputError, match="without a tenant"):
        shared.connect().execute(text("SELECT 1"))
    with pytest.raises(InputError, match="autocommit"):
        engines.of(rls).execution_options(isolation_level="AUTOCOMMIT").connect().execute(text("SELECT 1"))
    engines.dispose()


def test_an_engine_of_your_own_takes_the_tenant_of_the_request(rls):
    """As behind the middleware."""
    engine = create_engine("postgresql+psycopg://", creator=rls.connect, poolclass=QueuePool)
    attend(engine)
    token = current.set(rls)
    try:
        with engine.begin() as connection:
            assert connection.execute(text(SEEN)).one()[0] == str(rls.id)
    finally:
        current.reset(token)
    with pytest.raises(InputError), engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()


MOVED = "the tenant does not live here any more: nothing was written"


def test_a_tenant_that_moved_is_looked_up_anew(found, rls, monkeypatch):
    """As the turnstile says it, by psycopg and by SQLAlchemy."""
    forgotten: list[UUID] = []
    monkeypatch.setattr(found._memory, "forget", forgotten.append)
    say = f"DO $$ BEGIN RAISE EXCEPTION '{MOVED}' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$"
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState), rls.transaction() as connection:
        connection.execute(say.encode())
    assert forgotten == [rls.id]
    engines = Engines(poolclass=NullPool)
    with pytest.raises(DBAPIError), engines.of(rls).begin() as connection:
        connection.exec_driver_sql(say)
    assert forgotten == [rls.id, rls.id]


def test_what_the_turnstile_says_is_what_the_library_listens_for():
    from tenantry.app.tenant import MOVED as HEARD
    from tenantry.settings import project_root

    assert HEARD in MOVED
    assert f"RAISE EXCEPTION '{MOVED}'" in (project_root() / "tenantry" / "stores" / "turnstile.sql").read_text(encoding="utf-8")


def test_a_suspended_tenant_cannot_be_connected_for(found, tenants):
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'suspended' WHERE slug = %s", [SHARED[2]])
    try:
        with found.by_slug(SHARED[2]).transaction():
            raise AssertionError
    except Exception as error:
        assert getattr(error, "code", "") == "tenant.state"  # noqa: PT017  # whatever else it is, it must not be the assertion
    finally:
        with transaction() as connection:
            connection.execute("UPDATE tenants SET state = 'active' WHERE slug = %s", [SHARED[2]])


TRANSACTIONS, THREADS = 2_000, 16


def test_behind_pgbouncer_no_tenant_sees_another(pooler, cloud, tenants):
    """2,000 interleaved transactions of fifty tenants over three sessions for each role, some of which fail: each sees its rows only."""
    with entered(cloud.environment), Directory(directory.dsn(), credentials=CREDENTIALS, pooler=pooler) as found:
        everybody = [found.by_slug(slug) for slug in tenants]
        for tenant in everybody:
            with tenant.transaction() as connection:
                connection.execute(INSERT, [tenant.id, "seed"])
        assert {tenant.place[:2] for tenant in everybody} == {pooler}
        engines = Engines(poolclass=NullPool)

        def work(seed: int) -> tuple[set[int], int]:
            chosen, servers, leaks = random.Random(seed), set[int](), 0  # noqa: S311  # a test's choice
            with everybody[0].connect() as kept:  # one client session for many tenants of the cell's role
                for _ in range(TRANSACTIONS // THREADS):
                    tenant = chosen.choice(everybody)
                    fails = chosen.random() < 0.1
                    try:
                        if chosen.random() < 0.2:
                            with engines.of(tenant).begin() as sa:
                                pid, path = sa.execute(text("SELECT pg_backend_pid(), current_setting('search_path')")).one()
                                seen = set(sa.execute(text("SELECT DISTINCT tenant_id FROM users")).scalars())
                        else:
                            with tenant.transaction(kept if tenant.role == everybody[0].role else None) as connection:
                                pid, path = connection.execute("SELECT pg_backend_pid(), current_setting('search_path')").fetchone()
                                seen = rows(connection)
                                if fails:
                                    connection.execute("SELECT 1 / 0")
                    except psycopg.errors.DivisionByZero:
                        pass
                    servers.add(pid)
                    leaks += seen != {tenant.id} or not path.startswith(f'"{tenant.schema}"')
            return servers, leaks

        with ThreadPoolExecutor(THREADS) as pool:
            done = list(pool.map(work, range(THREADS)))
        assert sum(leaks for _, leaks in done) == 0
        assert len(set().union(*(servers for servers, _ in done))) <= 3 * len(CREDENTIALS)
        with psycopg.connect(**{**everybody[0].conninfo()}) as outside:
            assert [rows(outside) for _ in range(20)] == [set()] * 20
