"""PostgreSQL is restarted while the service is asked: nothing is lost, nothing is doubled, and nobody has to start the service again."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from uuid import UUID, uuid4

import httpx
import pytest

from benchmarks import service as bench
from local.cloud.postgres import PostgresServer
from tenantry.actor import Actor
from tenantry.control import runs_at_work
from tenantry.control.database import transaction
from tenantry.operations import api_keys
from tenantry.work import queue
from tests import checkout
from tests.environment import entered
from tests.service import directory

pytestmark = pytest.mark.service

TENANTS = 12
PASSWORD = "secret"


@pytest.fixture
def server(cloud, tmp_path):
    """A server of the test's own, with tenants in its registry."""
    postgres = PostgresServer(tmp_path / "postgres")
    postgres.init("postgres", PASSWORD)
    try:
        port = postgres.start()
        folder = checkout.declared(tmp_path / "declared")
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGPASSWORD": PASSWORD, "TENANTRY_TENANTS": str(folder)}
        with entered({**cloud.environment, **own}):
            directory.make()
            for number in range(TENANTS):
                directory.tenant(f"lasting-{number}", "schema")
            queue.client()
            yield postgres
    finally:
        postgres.destroy()


def test_postgresql_is_restarted_while_the_service_is_asked(server):
    headers = {"Authorization": f"Bearer {api_keys.make('lasting', list(api_keys.SCOPES), actor=Actor('test')).text}"}
    with bench.serving(1) as port:
        address = f"http://127.0.0.1:{port}"
        statuses: dict[int, list[int]] = {number: [] for number in range(TENANTS)}
        made: dict[int, list[str]] = {number: [] for number in range(TENANTS)}
        over = threading.Event()

        def ask(number):
            """Asks for one backup after the other, each by a name of its own until it is accepted, as a partner's program does.

            It is asked as fast as the machine allows, so that it may be told to wait, too (429), as all share one key.
            """
            while not over.is_set():
                name, run = uuid4().hex, None
                while run is None:
                    answer = None
                    with suppress(httpx.HTTPError):
                        answer = httpx.post(
                            f"{address}/v1/tenants/lasting-{number}/backups",
                            headers={**headers, "Idempotency-Key": name},
                            json={},
                            timeout=30,
                        )
                    statuses[number].append(answer.status_code if answer is not None else 0)
                    if answer is not None and answer.status_code == 202:
                        run = answer.json()["run"]
                        made[number].append(run)
                        with suppress(Exception):  # it is done, unless the server is away: then the next request joins it
                            runs_at_work.claim(UUID(run), "test")
                            runs_at_work.finish(UUID(run), "test", "done")
                    else:
                        wait = answer.headers.get("Retry-After") if answer is not None and answer.status_code == 429 else None
                        time.sleep(float(wait or 0.2))

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(TENANTS)]
        for asker in askers:
            asker.start()
        time.sleep(2)
        for _ in range(2):
            server.stop()
            time.sleep(0.5)
            server.start()
            time.sleep(2)
        over.set()
        for asker in askers:
            asker.join(90)
        assert not any(asker.is_alive() for asker in askers)
        assert httpx.get(f"{address}/ready").status_code == 200
        watched(address, headers)
    seen = {status for each in statuses.values() for status in each}
    assert seen <= {0, 202, 409, 429, 503}, seen
    assert 503 in seen, "it was told that the server is away"
    with transaction() as connection:
        kept = {str(row["id"]) for row in connection.execute("SELECT id FROM runs WHERE kind = 'backup'")}
    assert kept == {run for each in made.values() for run in each}, "each that was accepted is there, and there is no other"


def watched(address, headers):
    """The feed of runs has found the server again: a stream tells what happens now."""
    name = {"Idempotency-Key": uuid4().hex}
    run = httpx.post(f"{address}/v1/tenants/lasting-0/backups", headers={**headers, **name}, json={}).json()["run"]
    told: list[str] = []

    def read():
        with httpx.stream("GET", f"{address}/v1/runs/{run}/events", headers=headers, timeout=30) as stream:
            told.extend(line for line in stream.iter_lines() if line.startswith("event: "))

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1)
    with suppress(Exception):
        runs_at_work.claim(UUID(run), "test")
    runs_at_work.finish(UUID(run), "test", "done")
    reader.join(30)
    assert told[-1] == "event: run"
    with transaction() as connection:
        connection.execute("DELETE FROM api_requests WHERE run_id = %s", [run])
        connection.execute("DELETE FROM runs WHERE id = %s", [run])
