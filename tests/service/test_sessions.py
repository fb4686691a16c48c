"""What every session of ours relies on: whatever a server, a database or a role has as its default, ours set what they need."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from tenantry.errors import WorkError
from tenantry.postgres import pgtools
from tenantry.postgres.server import LOCK_TIMEOUT, Server
from tenantry.postgres.sessions import Session
from tenantry.work import queue

pytestmark = pytest.mark.service

ODD = {
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "row_security": "off",
    "statement_timeout": "60ms",
    "lock_timeout": "1ms",
    "transaction_timeout": "100ms",
    "idle_in_transaction_session_timeout": "100ms",
    "idle_session_timeout": "100ms",
}
EXPECTED = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "client_encoding": "UTF8",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "row_security": "on",
    "statement_timeout": "0",
    "lock_timeout": f"{LOCK_TIMEOUT // 60}min",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}


@pytest.fixture(params=["SYSTEM", "DATABASE postgres", "ROLE CURRENT_USER", "ROLE CURRENT_USER IN DATABASE postgres"])
def odd(request, in_cloud):
    """A server where somebody gave each of the settings another default, at one of the four places that have them."""
    server = Server.from_environment()
    # A plain session, with defaults that let it undo what it did.
    with psycopg.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname="postgres", autocommit=True
    ) as admin:
        try:
            for name, value in ODD.items():
                admin.execute(sql.SQL(f"ALTER {request.param} SET {name} = ") + sql.Literal(value))
            admin.execute("SELECT pg_reload_conf()")
            yield server
        finally:
            admin.execute("SET default_transaction_read_only = off; SET statement_timeout = 0; SET transaction_timeout = 0")
            admin.execute("SET lock_timeout = 0; SET idle_session_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            if request.param == "SYSTEM":
                admin.execute("ALTER SYSTEM RESET ALL")
            else:
                admin.execute(sql.SQL(f"ALTER {request.param} RESET ALL"))
            admin.execute("SELECT pg_reload_conf()")


def _settings(rows: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in rows if name in EXPECTED}


def test_no_default_of_the_server_reaches_a_session_of_ours(odd):
    """Our own connections, PostgreSQL's programs and the queue's pool have each setting that we rely on."""
    query = "SELECT name, current_setting(name) FROM pg_settings"
    with odd.connect() as connection:
        assert _settings(connection.execute(query).fetchall()) == EXPECTED
        row = connection.execute("SELECT now(), interval '1 day 2 hours', date '2026-11-26', 'ß'::text, current_setting('lock_timeout')")
        now, interval, day, text, _ = row.fetchone()  # type: ignore[misc]
        assert (now.tzinfo, interval, str(day), text) == (now.tzinfo, timedelta(days=1, hours=2), "2026-11-26", "ß")
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)
        connection.execute("SELECT pg_sleep(0.2)")  # longer than each of the limits
        connection.execute("CREATE TEMPORARY TABLE writes AS SELECT 1")
    command = [pgtools.program("psql", 16), "--no-psqlrc", "-At", "-F", "=", "-c", query]
    said = subprocess.run(command, env=pgtools.environment(odd, "postgres"), capture_output=True, text=True, check=True).stdout
    theirs = _settings([tuple(line.split("=", 1)) for line in said.splitlines()])  # type: ignore[misc]
    assert theirs == {**EXPECTED, "transaction_timeout": theirs["transaction_timeout"]}


def test_the_queues_pool_has_them_too(in_cloud):
    """DBOS opens its own connections, by an address that carries the same settings."""
    from sqlalchemy import make_url

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "may_act_as", lambda *_: None)
        options = make_url(queue.system_url()).query["options"]
    for name in set(EXPECTED) - {"transaction_timeout"}:
        assert f"-c {name}=" in options


class _Refuses:
    """What PgBouncer answers to settings that it does not know."""

    def __call__(self, **_: object) -> None:
        raise psycopg.OperationalError(
            'connection to server at "127.0.0.1", port 6432 failed: FATAL:  unsupported startup parameter: options'
        )


def test_a_pooler_that_refuses_our_settings_is_named(monkeypatch):
    """One line says what stands there, one what to do."""
    monkeypatch.setattr(Session, "connect", _Refuses())
    with pytest.raises(WorkError, match=r"a connection pooler stands before PostgreSQL at 127\.0\.0\.1:6432") as raised:
        Server("127.0.0.1", 6432, "u", "p", "disable").connect()
    assert "needs sessions of its own" in raised.value.hint


def test_settings_that_did_not_arrive_are_noticed(in_cloud, monkeypatch):
    """A pooler that was told to ignore them (`ignore_startup_parameters = options`) hands out sessions without them."""
    plain = Session.connect
    monkeypatch.setattr(Session, "connect", lambda **how: plain(**{**how, "options": ""}))
    with pytest.raises(WorkError, match="the session does not have the settings that it was opened with"):
        Server.from_environment().connect()
