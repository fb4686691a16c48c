"""Kept connections: each use finds what a new connection would be, whatever the one before did and whatever became of the server."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from psycopg.rows import dict_row

from tenantry import naming
from tenantry.control.database import transaction
from tenantry.errors import WorkError
from tenantry.postgres import kept
from tenantry.postgres.server import Server
from tests.service import control_database

pytestmark = pytest.mark.service

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def server(in_cloud):
    """The cloud's server, of which nothing is kept yet."""
    kept.close_all()
    kept._over = False
    return Server.from_environment()


def pid(server: Server) -> int:
    with server.kept() as connection:
        return connection.execute(PID).fetchone()[0]  # type: ignore[index]  # one row


def test_the_next_use_has_the_same_session_and_nothing_of_the_last_use(server):
    """Role, settings, prepared statements, temporary tables, locks, listening, psycopg's own state: as in a new connection."""
    state = (
        "SELECT current_user, current_setting('search_path'), current_setting('app.tenant_id', true), current_setting('lock_timeout'),"
        " current_setting('transaction_timeout'), to_regclass('left_behind'), (SELECT count(*) FROM pg_prepared_statements),"
        " (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), session_user"
    )
    with server.connect() as new:
        expected = new.execute(state).fetchone()
    with server.kept() as connection:
        connection.autocommit = True
        connection.row_factory = dict_row
        first = connection.execute(PID).fetchone()["pg_backend_pid"]  # type: ignore[call-overload]
        connection.execute("SET search_path = pg_catalog; SET lock_timeout = 1; SET app.tenant_id = 'x'; SET transaction_timeout = '9s'")
        connection.execute("SELECT pg_advisory_lock(1)")
        connection.execute("LISTEN news")
        connection.execute("CREATE TEMPORARY TABLE left_behind (n int)")
        connection.execute("SELECT %s::int", [1], prepare=True)
        connection.execute("SET ROLE pg_monitor")
    with server.kept() as again:
        assert not again.autocommit
        assert again.execute(PID).fetchone() == (first,)
        found = again.execute(state).fetchone()
        assert found == (*expected[:2], "", *expected[3:])  # type: ignore[index]  # a setting of no one's is empty once it was set
        for n in range(10):
            assert again.execute("SELECT %s::int", [n]).fetchone() == (n,)  # prepared anew
    with pytest.raises(AttributeError):
        again.execute("SELECT 1")


def test_an_error_is_rolled_back_and_the_session_is_of_use_again(server):

    def fail() -> None:
        with server.kept() as connection:
            connection.execute("CREATE TABLE unwanted (n int)")
            connection.execute("SELECT 1/0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fail()
    with server.kept() as connection:
        assert connection.execute("SELECT to_regclass('unwanted')").fetchone() == (None,)
        connection.execute("CREATE TABLE wanted (n int)")
    with server.kept() as connection:
        assert connection.execute("SELECT to_regclass('wanted')").fetchone() == ("wanted",)
        connection.execute("DROP TABLE wanted")


def test_one_that_has_died_is_replaced_before_the_first_statement(server):
    first = pid(server)
    with server.connect() as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert pid(server) != first


def test_one_that_dies_in_use_is_not_replaced(server):
    """What was being done may have been done: the caller hears of it."""

    def work() -> None:
        with server.kept() as connection, server.connect() as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            connection.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        work()
    assert pid(server)


def test_another_environment_has_other_connections(server, monkeypatch):
    """Another password is asked for as if nothing was kept; so is every variable of libpq's."""
    first = pid(server)
    monkeypatch.setenv("PGPASSWORD", "rotated")
    with pytest.raises(WorkError, match="authentication"):
        pid(Server.from_environment())
    monkeypatch.setenv("PGPASSWORD", server.password)
    assert pid(Server.from_environment()) == first
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=5MB")
    with Server.from_environment().kept() as connection:
        assert connection.execute("SELECT current_setting('work_mem'), pg_backend_pid() <> %s", [first]).fetchone() == ("5MB", True)


def test_of_many_at_once_a_few_are_kept(server):
    """Each thread has its own; a use within another's too."""
    together = Barrier(2 * kept.AT_MOST)

    def one(_: int) -> int:
        with server.kept() as connection:
            together.wait(30)
            return connection.execute(PID).fetchone()[0]  # type: ignore[index]

    with ThreadPoolExecutor(2 * kept.AT_MOST) as threads:
        assert len(set(threads.map(one, range(2 * kept.AT_MOST)))) == 2 * kept.AT_MOST
    assert sum(map(len, kept._idle.values())) == kept.AT_MOST
    with server.kept() as outer, server.kept() as inner:
        assert outer.info.backend_pid != inner.info.backend_pid


def test_one_that_was_idle_or_open_for_long_is_closed(server, monkeypatch):
    first = pid(server)
    monkeypatch.setattr(kept, "IDLE", 0.0)
    second = pid(server)
    assert second != first
    monkeypatch.undo()
    monkeypatch.setattr(kept, "AGE", 0.0)
    assert pid(server) == second
    assert not any(kept._idle.values())


def test_none_survives_a_fork(server):
    """The child opens its own, and ends without ending the parent's, which goes on."""
    first = pid(server)
    come, go = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(go, str(pid(server)).encode())
            kept.close_all()
        finally:
            os._exit(0)
    os.close(go)
    with os.fdopen(come) as told:
        theirs = int(told.read())
    os.waitpid(child, 0)
    assert theirs != first
    assert pid(server) == first


def test_a_fork_amid_a_use_leaves_the_connection_to_the_parent(server):
    with server.kept() as connection:
        connection.execute("CREATE TEMPORARY TABLE unfinished (n int)")
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            assert connection.execute("SELECT count(*) FROM unfinished").fetchone() == (0,)
    if not child:
        os._exit(0)


def test_all_are_closed_when_the_process_ends(server):
    """By a word to the server: it notes no broken connection."""
    program = (
        "from tenantry.postgres.server import Server\n"
        "with Server.from_environment().kept() as c: print(c.info.backend_pid)\n"
        "from tenantry.postgres import kept\n"
        "import atexit; atexit.unregister(kept.close_all); kept.close_all()\n"
        "with Server.from_environment().kept() as c: c.execute('SELECT 1')\n"
        "assert not kept._idle"
    )
    theirs = int(subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True).stdout)
    with server.connect() as admin:
        admin.execute("SELECT pg_stat_clear_snapshot()")
        assert admin.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [theirs]).fetchone() == (0,)


def test_the_control_database_is_asked_on_one_connection(server):
    """Two transactions: one session."""
    control_database.make()
    found = set()
    for _ in range(3):
        with transaction() as connection:
            found.add(connection.info.backend_pid)
            assert connection.execute("SELECT current_user").fetchone() == {"current_user": naming.CONTROL_OWNER}
    assert len(found) == 1
