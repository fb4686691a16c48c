"""The lock of the state backend: it goes only when it is proven that its holder is no more."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tenantry.clients import place
from tenantry.control import engines, ledger, workers
from tenantry.control.database import transaction
from tenantry.engine import backend_lock
from tenantry.postgres.server import Server
from tests.service import control_database

pytestmark = pytest.mark.service

HERE = socket.gethostname()
ELSEWHERE = "000000000000"


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def connection(in_cloud, monkeypatch):
    monkeypatch.setattr(backend_lock, "GOING", 0)
    control_database.make()
    with Server.from_environment().connect() as admin:
        admin.autocommit = True
        ledger.begin(admin, ledger.Ledger("locked", {}, {}, False), [], [])
        yield admin
        ledger.forget_stack(admin, "locked")


@pytest.fixture
def locked(connection):
    """Takes the backend's lock as the engine does; what the engine tells whoever comes second."""
    made = []

    def take(pid, host=HERE, at=None):
        at = at or datetime.now(UTC)
        folder = Path(urlsplit(os.environ["PULUMI_BACKEND_URL"]).path) / ".pulumi/locks/organization/tenantry/locked"
        folder.mkdir(parents=True, exist_ok=True)
        made.append(folder / f"{uuid4()}.json")
        made[-1].write_text(json.dumps({"pid": pid, "username": "ann", "hostname": host}))
        return f"  file://{made[-1]}?metadata=skip&no_tmp_dir=true: created by ann@{host} (pid {pid}) at {at:%FT%TZ}"

    yield take
    for file in made:
        file.unlink()


def refuse(connection, message):
    backend_lock.refuse_unless_dead("locked", message, engines.read(connection, "locked"))


def test_a_run_of_this_place_is_gone_with_its_process(connection, locked, dead_pid):
    """Started by whomever, once its program has written it down."""
    living = locked(os.getpid())
    engines.note(connection, "locked")
    with pytest.raises(backend_lock.Held, match=rf"holds the stack locked \(process {os.getpid()} of ann on .*, since \d{{4}}-.* UTC\)"):
        refuse(connection, living)
    dead = locked(dead_pid)
    engines.note(connection, "locked")
    refuse(connection, dead)


def test_the_host_name_proves_nothing(connection, locked, dead_pid, monkeypatch):
    """Another container may have the same one, where that process id is a living engine's."""
    message = locked(dead_pid)
    with pytest.raises(backend_lock.Held) as refused:
        refuse(connection, message)
    assert refused.value.hint.endswith("pulumi cancel --stack locked")
    with monkeypatch.context() as there:
        there.setattr(place, "here", lambda: ELSEWHERE)
        engines.note(connection, "locked")
    with pytest.raises(backend_lock.Held):
        refuse(connection, message)


def test_a_run_of_ours_is_known_before_its_program_begins(connection, locked, dead_pid):
    """It writes itself down before it starts the engine; only a lock that it can have taken is its own."""
    engines.begin(connection, "locked")
    refuse(connection, locked(dead_pid))
    for strange in (
        locked(dead_pid, at=datetime.now(UTC) - timedelta(minutes=1)),
        locked(dead_pid, at=datetime.now(UTC) + timedelta(minutes=1)),
        locked(dead_pid, host="another"),
    ):
        with pytest.raises(backend_lock.Held):
            refuse(connection, strange)


def test_who_comes_second_leaves_the_holder_written_down(connection, locked, dead_pid):
    """A run that is refused must not make the next one forget whose the lock is."""
    message = locked(dead_pid)
    engines.note(connection, "locked")
    engines.begin(connection, "locked")
    refuse(connection, message)


def test_a_lock_is_gone_with_the_worker_that_took_it(connection, locked, dead_pid, monkeypatch):
    """On another machine: the worker is off the list, or gives no sign of life for a lease; one that gives any lives, however late."""
    monkeypatch.setattr(workers, "LEASE", 1.5)
    worker = f"ghost:7:{ELSEWHERE}-0123abcd"
    with monkeypatch.context() as there:
        there.setattr(place, "here", lambda: ELSEWHERE)
        there.setenv(engines.WORKER, worker)
        message = locked(dead_pid, host="ghost")
        engines.note(connection, "locked")

    def beat():
        with transaction() as control:
            control.execute(
                "INSERT INTO workers (id, host, pid) VALUES (%s, 'ghost', 7) ON CONFLICT (id) DO UPDATE SET seen_at = now()", [worker]
            )

    beat()
    later = threading.Timer(0.7, beat)
    later.start()
    with pytest.raises(backend_lock.Held, match=f"of the worker {worker}"):
        refuse(connection, message)
    later.join()
    began = time.monotonic()
    refuse(connection, message)
    assert time.monotonic() - began > 1
    workers.leave(worker)
    refuse(connection, message)


def test_a_worker_of_another_container_is_not_taken_for_dead(connection, dead_pid, monkeypatch):
    """Its process id means nothing here; it has its lease."""
    here = workers.Worker(workers.new_id(), socket.gethostname(), dead_pid, datetime.now(UTC))
    assert here.gone
    monkeypatch.setattr(place, "here", lambda: ELSEWHERE)
    assert not here.gone


def test_a_worker_is_this_process_until_it_leaves(connection):
    """The engine is told which worker starts it."""
    worker = workers.new_id()
    assert workers.own() is None
    workers.beat(worker)
    assert workers.own() == worker
    workers.leave("another")
    assert workers.own() == worker
    workers.leave(worker)
    assert workers.own() is None
