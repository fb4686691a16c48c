"""The library's directory on a real server: answers, memory that changes end, and what it does when its sessions are killed."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.app import Directory
from tenantry.control import configuration
from tenantry.control.database import transaction
from tenantry.errors import TransientError
from tenantry.postgres.server import Server
from tests import asynchronous
from tests.service import directory
from tests.service.app.conftest import CREDENTIALS, SHARED

pytestmark = pytest.mark.service

SLUG, OTHER = SHARED[0], SHARED[1]


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never was so"
        time.sleep(0.02)


def set_state(tenant_id: str, state: str) -> None:
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = %s WHERE id = %s", [state, tenant_id])


def count_asked(found: Directory, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []
    ask = found._ask
    monkeypatch.setattr(found, "_ask", lambda question, argument: asked.append(argument) or ask(question, argument))
    return asked


def test_a_tenant_is_found_by_host_id_slug_and_invitation(found, tenants):
    host = found.by_host(f"{SLUG}.X.Example:8443")
    assert host is not None
    assert host.open
    assert host == found.by_id(UUID(tenants[SLUG])) == found.by_slug(SLUG)
    directory.invite(tenants[SLUG])
    assert found.by_invitation(directory.code(tenants[SLUG])) == host
    assert found.by_invitation("another") is None
    assert found.by_host("nobody.example") is None
    assert asynchronous.run(found.by_host_async(f"{SLUG}.x.example")) == host


def test_the_second_time_nobody_is_asked_until_it_changes(found, tenants, monkeypatch):
    """Neither for a tenant nor for a host that is nobody's; a change of another tenant is none of this one."""
    asked = count_asked(found, monkeypatch)
    for _ in range(3):
        assert found.by_slug(SLUG).state == "active"
        assert found.by_host("nobody.example") is None
    assert asked == [SLUG, "nobody.example"]
    set_state(tenants[OTHER], "suspended")
    until(lambda: found.by_slug(OTHER).state == "suspended")
    set_state(tenants[OTHER], "active")
    asked.clear()
    assert found.by_slug(SLUG).state == "active"
    assert asked == []
    set_state(tenants[SLUG], "suspended")
    until(lambda: found.by_slug(SLUG).state == "suspended")
    set_state(tenants[SLUG], "active")
    until(lambda: found.by_slug(SLUG).state == "active")


def test_a_host_that_was_nobodys_is_found_once_it_is_somebodys(found, tenants):
    assert found.by_host("portal.new.example") is None
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenant_domains (host, tenant_id, kind, status) VALUES ('portal.new.example', %s, 'custom', 'pending')",
            [tenants[SLUG]],
        )
    until(lambda: found.by_host("portal.new.example"))


def test_settings_follow_the_value_in_force(found, tenants):
    tenant = found.by_slug(SLUG)
    assert tenant.settings["features.reports"] is True
    assert tenant.settings["reports.rows"] == 10
    configuration.put(UUID(tenants[SLUG]), "features.reports", False, Actor("ada"))
    until(lambda: tenant.settings["features.reports"] is False)
    configuration.take_back(UUID(tenants[SLUG]), "features.reports", Actor("ada"))
    until(lambda: tenant.settings["features.reports"] is True)


def kill_sessions() -> int:
    with Server.from_environment().connect() as admin:
        row = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s", [naming.CONTROL_DIRECTORY]
        ).fetchone()
        return int(row[0]) if row else 0


def test_killed_sessions_are_noticed_and_nothing_old_is_told(found, tenants):
    """Listener and asking session end; a change that nobody heard is seen, and soon answers are remembered again."""
    assert found.by_slug(SLUG).state == "active"
    assert found.listening
    assert kill_sessions() >= 2
    set_state(tenants[SLUG], "suspended")
    until(lambda: found.by_slug(SLUG).state == "suspended", 2)
    until(lambda: found.listening)
    set_state(tenants[SLUG], "active")
    until(lambda: found.by_slug(SLUG).state == "active")


def test_many_threads_see_every_change(found, tenants):
    """Each sees, within moments, what was committed last, while the sessions are killed again and again."""
    ending, seen = threading.Event(), [""] * 8

    def look(number: int) -> None:
        while not ending.is_set():
            seen[number] = found.by_slug(SLUG).state

    threads = [threading.Thread(target=look, args=(number,)) for number in range(len(seen))]
    for thread in threads:
        thread.start()
    try:
        for turn in range(12):
            state = ("suspended", "active")[turn % 2]
            set_state(tenants[SLUG], state)
            if turn % 4 == 3:
                kill_sessions()
            until(lambda state=state: set(seen) == {state})
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert set(seen) == {"active"}


def test_when_nobody_can_be_asked_the_last_answer_stands_for_a_while(found, tenants):
    """The login is shut out and thrown out: what was known is told, what was not known is an error of its own kind."""
    assert found.by_slug(SLUG).state == "active"
    with Server.from_environment().connect() as admin:
        admin.autocommit = True
        admin.execute(f"ALTER ROLE {naming.CONTROL_DIRECTORY} NOLOGIN".encode())
        try:
            kill_sessions()
            until(lambda: not found.listening)
            assert found.by_slug(SLUG).state == "active"
            with pytest.raises(TransientError) as caught:
                found.by_slug(OTHER)
            assert caught.value.code == "platform.unreachable"
            assert directory.PASSWORD not in str(caught.value)
        finally:
            admin.execute(f"ALTER ROLE {naming.CONTROL_DIRECTORY} LOGIN".encode())
    until(lambda: found.listening)


def _in_child(found: Directory, answers: Any) -> None:
    tenant = found.by_slug(SLUG)
    answers.put((tenant.state if tenant else None, found.listening))
    found.close()


def test_a_process_that_was_forked_off_has_its_own_sessions(found):
    """As servers with preloaded applications do it; the parent's go on."""
    assert found.by_slug(SLUG).state == "active"
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=_in_child, args=(found, answers))
    child.start()
    assert answers.get(timeout=20) == ("active", True)
    child.join(20)
    assert child.exitcode == 0
    assert found.listening
    assert found.by_slug(OTHER).state == "active"


def test_behind_a_pooler_in_transaction_mode_every_look_up_is_asked(pooler, in_cloud, tenants):
    """No notification comes through it, and the directory finds that out: right, but slower."""
    host, port = pooler
    dsn = f"host={host} port={port} dbname={naming.CONTROL_DATABASE} user={naming.CONTROL_DIRECTORY} password={directory.PASSWORD}"
    with Directory(dsn, credentials=CREDENTIALS) as found:
        assert found.by_slug(SLUG).state == "active"
        assert not found.listening
        set_state(tenants[SLUG], "suspended")
        assert found.by_slug(SLUG).state == "suspended"
        set_state(tenants[SLUG], "active")
        assert found.by_slug(SLUG).state == "active"
