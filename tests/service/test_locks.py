"""Locks between the platform's processes: one at a time, gone with their holder, and out of every tenant's reach."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from local.env import process_environment
from tenantry.control import ledger, task_runs
from tenantry.engine import stack_lock
from tenantry.errors import TransientError
from tenantry.postgres import locks, template
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service

INTRUDER = "t_lock_picker__app"


@pytest.fixture
def server(in_cloud):
    return Server.from_environment()


@pytest.fixture
def intruder(server):
    """A session of a tenant's login in the maintenance database: as if nobody had shut it."""
    with server.connect() as admin:
        admin.autocommit = True
        role = sql.Identifier(INTRUDER)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'picker'").format(role))
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE postgres TO {}").format(role))
        with psycopg.connect(
            host=server.host, port=server.port, user=INTRUDER, password="picker", dbname="postgres", autocommit=True
        ) as session:
            yield session
        admin.execute(sql.SQL("DROP OWNED BY {r}; DROP ROLE {r}").format(r=role))


def test_a_lock_has_one_holder_and_the_message_names_it(server):
    """Who comes second is told the server's process, the role and our process; afterwards the lock is free."""
    with locks.held("stack:one"):
        with pytest.raises(TransientError, match=rf"the stack one \(process \d+ of role {server.user}, tenantry \d+@.+, since "):
            stack_lock.held("one").__enter__()
        with locks.held("stack:two"):
            pass
    with locks.held("stack:one"):
        pass


def test_what_is_shared_keeps_out_who_wants_it_alone(server):
    """Many share; who wants it alone gets it when they have ended, within its time or not at all."""
    with locks.held("together", shared=True), locks.held("together", shared=True), pytest.raises(locks.Taken):
        locks.held("together", wait=0.2).__enter__()
    with locks.held("together"), pytest.raises(locks.Taken):
        locks.held("together", shared=True).__enter__()


def test_a_killed_holder_leaves_nothing(in_cloud):
    """SIGKILL: the next one has the lock at once."""
    program = "import time; from tenantry.postgres import locks\nwith locks.held('killed'): print('held', flush=True); time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=process_environment(in_cloud.home))
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(locks.Taken):
        locks.held("killed").__enter__()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with locks.held("killed", wait=5):
        pass


def test_a_tenant_that_got_in_takes_none_of_them(server, intruder):
    """Every advisory lock that was ours once is held by a tenant, and nobody waits for it; the table is not for it."""
    for key in ("stack:shared", "ledger", "template", "move:x", "moves:beginning", "task:t:s", "migrate:shared", "turnstile:m"):
        intruder.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"tenantry:{key}"])
    for statement in (
        "SELECT * FROM tenantry_ledger.locks",
        "SELECT FROM tenantry_ledger.locks FOR UPDATE",
        "LOCK TABLE tenantry_ledger.locks IN ACCESS SHARE MODE",
        "LOCK TABLE tenantry_ledger.claims IN ACCESS SHARE MODE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), intruder.transaction():
            intruder.execute(statement)
    with stack_lock.held("shared"), locks.held("move:x"), locks.held("moves:beginning"), task_runs.alone("t", "s", 1) as alone:
        assert alone
    with server.connect() as connection:
        connection.autocommit = True
        ledger.begin(connection, ledger.Ledger("picked", {}, {}, False), [], [])
        ledger.forget_stack(connection, "picked")
    template.ensure()


@pytest.mark.parametrize("first", ["older", "newer"])
def test_a_process_of_the_release_before_and_one_of_this_do_not_both_hold_a_stack(server, first):
    """The older one takes the advisory lock alone; whichever comes second finds the first."""
    with server.connect() as older:
        older.autocommit = True
        take = "SELECT pg_try_advisory_lock(hashtextextended('tenantry:stack:mixed', 0))"
        if first == "older":
            assert older.execute(take).fetchone() == (True,)
            with pytest.raises(TransientError, match=rf"\(process {older.info.backend_pid} of role"):
                stack_lock.held("mixed").__enter__()
        else:
            with stack_lock.held("mixed"):
                assert older.execute(take).fetchone() == (False,)
            assert older.execute(take).fetchone() == (True,)


def test_the_ledger_is_written_in_turns_and_nobody_waits_for_ever(server, monkeypatch):
    """A writer that hangs keeps the others for a limited time; they are told its process."""
    monkeypatch.setattr(locks, "TURN", 0.3)
    with locks.held("anything"):
        pass
    with server.connect() as hanging, server.connect() as second:
        second.autocommit = True
        locks.turn(hanging, "ledger")
        with pytest.raises(locks.Taken, match=f"process {hanging.info.backend_pid} of role {server.user}"):
            ledger.mark_moving(second, "nobody", True)
        hanging.rollback()
        ledger.mark_moving(second, "nobody", True)


def test_the_first_ones_ever_make_the_table_together(server):
    """On a server that has none, eight at once: one by one they all get it."""
    with server.connect() as admin:
        admin.execute("DROP TABLE IF EXISTS tenantry_ledger.locks")
    errors: list[BaseException] = []

    def take() -> None:
        try:
            with locks.held("first", wait=20):
                pass
        except BaseException as error:  # told by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timedelta(seconds=60).total_seconds())
    assert errors == []
