"""The runtime's memory on a real server: each change is there, whatever has happened to the session that listens.

How soon, `python -m benchmarks --only runtime` says.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from local.cloud.postgres import PostgresServer
from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration, faces, quarantine
from tenantry.control.database import transaction
from tenantry.operations.runtime import ANSWER, PROBE, RuntimeFeed
from tenantry.postgres.server import Server
from tenantry.web.runtime.answers import Answer, Answers
from tests.environment import entered
from tests.service import directory

pytestmark = pytest.mark.service

ADA = Actor("ada")


@pytest.fixture(scope="module")
def tenants(cloud) -> Iterator[dict[str, str]]:
    """slug → id"""
    with entered(cloud.environment):
        directory.make()
        made = {slug: directory.tenant(slug, domains=(f"portal.{slug}.example",)) for slug in ("face-one", "face-two")}
        yield made
        directory.forget(*made.values())


class Running:
    """A feed and what it keeps."""

    def __init__(self, **options: Any) -> None:
        self.answers = Answers()
        self.feed = RuntimeFeed(self.answers, **options)

    def answer(self, host: str, document: str = "theme.css") -> Answer:
        kept = self.answers.of(host.encode())
        return self.answers.nobody(host.encode()) if kept is None else kept.shut or kept.answers[document]

    def text(self, host: str, document: str = "theme.css") -> str:
        return self.answer(host, document).body.decode()


@contextmanager
def running(**options: Any) -> Iterator[Running]:
    found = Running(**options)
    found.feed.start()
    try:
        assert found.feed.wait(10)
        until(lambda: found.feed.pid is not None)
        yield found
    finally:
        found.feed.close()


@pytest.fixture
def runtime(cloud, tenants) -> Iterator[Running]:
    with entered(cloud.environment), running() as found:
        yield found


def until(holds: Callable[[], object], seconds: float = 10.0) -> float:
    """Waits for it; how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, "it was not so in time"
        time.sleep(0.005)
    return time.monotonic() - began


def paint(tenant_id: str, colour: str) -> str:
    """A colour of the tenant's at runtime; what the style sheet then says."""
    configuration.put(UUID(tenant_id), "theme.primary", colour, ADA)
    return f"--color-primary: {colour};"


def change(statement: str, *values: Any) -> None:
    with transaction() as connection:
        connection.execute(statement.encode(), values)


def kill(pid: int | None) -> None:
    with Server.from_environment().connect() as admin:
        row = admin.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone()
        assert row == (True,)


def test_a_change_is_there(runtime, tenants):
    """On every host of the tenant's; another tenant's answers stay the same objects."""
    other = runtime.answer("face-two.x.example")
    for colour in ("#112233", "#445566"):
        said = paint(tenants["face-one"], colour)
        until(lambda said=said: said in runtime.text("portal.face-one.example"))
        assert said in runtime.text("face-one.x.example")
    configuration.take_back(UUID(tenants["face-one"]), "theme.primary", ADA)
    until(lambda: "--color-primary: #0b5fff;" in runtime.text("face-one.x.example"))
    assert runtime.answer("face-two.x.example") is other


def test_each_state_is_there(runtime, tenants):
    for state, status in (("suspended", 403), ("offboarding", 403), ("active", 200)):
        change("UPDATE tenants SET state = %s WHERE id = %s", state, tenants["face-one"])
        until(lambda status=status: runtime.answer("face-one.x.example").status == status)
    change("UPDATE tenants SET ready_at = NULL WHERE id = %s", tenants["face-one"])
    until(lambda: runtime.answer("face-one.x.example").status == 503)
    change("UPDATE tenants SET ready_at = now() WHERE id = %s", tenants["face-one"])
    until(lambda: runtime.answer("face-one.x.example").status == 200)


def test_a_host_that_passes_to_another_tenant_is_somebodys_all_the_time(runtime, tenants):
    host, seen, ended = "portal.face-one.example", set[int](), threading.Event()

    def look() -> None:
        while not ended.is_set():
            seen.add(runtime.answer(host).status)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for slug in ("face-two", "face-one") * 3:
            change("UPDATE tenant_domains SET tenant_id = %s WHERE host = %s", tenants[slug], host)
            until(lambda slug=slug: f'"slug":"{slug}"' in runtime.text(host, "tenant"))
    finally:
        ended.set()
        looking.join()
    assert seen == {200}


def test_a_new_tenant_and_one_that_is_gone_are_there(runtime, tenants):
    host = "portal.face-new.example"
    assert runtime.answer(host).status == 404
    tenant_id = directory.tenant("face-new", domains=(host,))
    try:
        until(lambda: runtime.answer(host).status == 200)
        with transaction() as connection:
            quarantine.put(connection, UUID(tenant_id), [("host", host)], None)
        change("DELETE FROM tenant_domains WHERE tenant_id = %s", tenant_id)
        change("UPDATE tenants SET state = 'deleted', deleted_at = now() WHERE id = %s", tenant_id)
        until(lambda: runtime.answer(host).status == 410)
        assert runtime.answer("face-new.x.example").status == 404
        quarantine.release(host)
        until(lambda: runtime.answer(host).status == 404)
    finally:
        directory.forget(tenant_id)


def test_a_killed_session_is_replaced_and_what_it_missed_is_seen(runtime, tenants):
    """Changed while nobody listens; the answers go on meanwhile."""
    for colour in ("#010101", "#020202", "#030303"):
        pid = runtime.feed.pid
        kill(pid)
        said = paint(tenants["face-one"], colour)
        until(lambda said=said: said in runtime.text("face-one.x.example"))
        until(lambda pid=pid: runtime.feed.pid not in (None, pid))


def test_what_was_written_last_is_seen_before_everything_is_compared(runtime, tenants, monkeypatch):
    """With 10,000 tenants that takes half a second."""
    compare, may_go_on = faces.versions, threading.Event()

    def versions(connection, keys, ids=None):
        assert ids is not None or may_go_on.wait(10)
        return compare(connection, keys, ids)

    monkeypatch.setattr(faces, "versions", versions)
    other = runtime.answer("face-two.x.example")
    try:
        kill(runtime.feed.pid)
        said = paint(tenants["face-one"], "#0a0a0a")
        until(lambda: said in runtime.text("face-one.x.example"))
        assert not may_go_on.is_set()
        assert runtime.answer("face-two.x.example") is other, "what has not changed is not made again"
    finally:
        may_go_on.set()
    until(lambda: runtime.feed.pid is not None)


class Between:
    """Stands between the feed and PostgreSQL: ``swallows`` takes everything and gives nothing on; ``refuses`` lets nobody in."""

    def __init__(self, server: Server) -> None:
        self.swallows = self.refuses = False
        self._server, self._pairs, self._ended = server, dict[socket.socket, socket.socket](), False
        self._door = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def connect(self) -> psycopg.Connection:
        """How the feed connects."""
        port = self._door.getsockname()[1]
        return replace(self._server, host="127.0.0.1", port=port).connect(naming.CONTROL_DATABASE, timeout=2)

    def lose(self) -> None:
        """The connections of now are lost without a word; new ones come through."""
        for one in list(self._pairs):
            self._lost.add(one)

    def close(self) -> None:
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        self._lost: set[socket.socket] = set()
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._door, selectors.EVENT_READ)
            while not self._ended:
                for key, _ in waiting.select(0.05):
                    one: Any = key.fileobj
                    if one is self._door:
                        self._enter(waiting)
                    else:
                        self._pass_on(waiting, one)
        for one in (self._door, *self._pairs):
            one.close()

    def _enter(self, waiting: selectors.BaseSelector) -> None:
        client, _ = self._door.accept()
        if self.refuses:
            client.close()
            return
        server = socket.create_connection((self._server.host, self._server.port))
        self._pairs |= {client: server, server: client}
        for one in (client, server):
            waiting.register(one, selectors.EVENT_READ)

    def _pass_on(self, waiting: selectors.BaseSelector, one: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = one.recv(65_536)
        if self.swallows or one in self._lost:
            if not data:
                waiting.unregister(one)
            return
        if data:
            with suppress(OSError):
                self._pairs[one].sendall(data)
            return
        for end in (one, self._pairs.pop(one)):
            with suppress(KeyError):
                waiting.unregister(end)
            self._pairs.pop(end, None)
            end.close()


@pytest.fixture
def between(cloud) -> Iterator[Between]:
    with entered(cloud.environment):
        made = Between(Server.from_environment())
        yield made
        made.close()


def test_a_session_that_is_lost_without_a_word_is_noticed(tenants, between):
    """No packet says so: the other end takes everything and answers nothing. Half of a second is for that, the rest for the change."""
    assert PROBE + ANSWER <= 0.5
    with running(connect=between.connect) as runtime:
        for colour in ("#040404", "#050505"):
            pid = runtime.feed.pid
            between.lose()
            said = paint(tenants["face-one"], colour)
            until(lambda said=said: said in runtime.text("face-one.x.example"))
            until(lambda pid=pid: runtime.feed.pid not in (None, pid))


def test_answers_go_on_while_the_server_is_away_and_say_how_old_they_are(tenants, between):
    with running(connect=between.connect) as runtime:
        kept = runtime.answer("face-two.x.example")
        between.refuses = True
        kill(runtime.feed.pid)
        said = paint(tenants["face-one"], "#060606")
        until(lambda: runtime.feed.behind > 2)
        assert runtime.answer("face-two.x.example") is kept
        assert said not in runtime.text("face-one.x.example")
        between.refuses = False
        until(lambda: said in runtime.text("face-one.x.example"))
        until(lambda: runtime.feed.behind < 1)
        assert runtime.answer("face-two.x.example") is kept, "what has not changed is not made again"


def test_postgresql_may_be_restarted(cloud, runtime, tenants):
    """Whole, with a change before anybody listens again."""
    server = PostgresServer(cloud.home.postgres)
    port = server.port
    server.stop()
    try:
        until(lambda: runtime.feed.pid is None, 2)
        assert runtime.answer("face-one.x.example").status == 200
    finally:
        assert server.start() == port
    said = paint(tenants["face-one"], "#070707")
    until(lambda: said in runtime.text("face-one.x.example"))


def test_what_was_never_told_is_found_by_the_sweep(cloud, tenants):
    with entered(cloud.environment), running(sweep=0.5) as runtime:
        change("ALTER TABLE tenant_configurations DISABLE TRIGGER directory_update")
        try:
            configuration.write_declared(tenants["face-two"], {"features.reports": "true", "theme.primary": '"#080808"'})
        finally:
            change("ALTER TABLE tenant_configurations ENABLE TRIGGER directory_update")
        until(lambda: "#080808" in runtime.text("face-two.x.example"), 2)


def test_rubbish_on_the_channel_is_passed_over(runtime, tenants):
    """Whoever may connect may say anything there."""
    for said in ("", "x", "'; DROP TABLE tenants", "probe:1", "00000000-0000-0000-0000-000000000000"):
        change("SELECT pg_notify('tenantry_directory', %s)", said)
    said = paint(tenants["face-one"], "#090909")
    until(lambda: said in runtime.text("face-one.x.example"))
