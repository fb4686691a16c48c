"""`tenantry serve` as it is started: it answers, it ends at once with readers looking on, and they go on with its successor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from tenantry.control import runs_at_work
from tests.service.web.conftest import MINE
from tests.waiting import wait_for

pytestmark = pytest.mark.service

VIEWERS = 50


@contextmanager
def serving(port):
    process = subprocess.Popen(
        [Path(sys.executable).with_name("tenantry"), "serve", "--port", str(port)], env=dict(os.environ), stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: answers(port), seconds=90)  # 4 s of processor, on a machine that has much else to do
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.HTTPError:
        return False


def test_it_ends_at_once_with_readers_who_go_on_with_its_successor(service):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    headers = {"Authorization": f"Bearer {service.mine}"}
    address = f"http://127.0.0.1:{port}"
    seen: list[list[str]] = [[] for _ in range(VIEWERS)]
    left = threading.Barrier(VIEWERS + 1)

    def read(number, run, last):
        with httpx.stream("GET", f"{address}/v1/runs/{run}/events", headers={**headers, "Last-Event-ID": last}, timeout=30) as stream:
            seen[number] += [line.removeprefix("id: ") for line in stream.iter_lines() if line.startswith("id: ")]

    def view(number, run):
        with suppress(httpx.HTTPError):  # what it was reading had no end
            read(number, run, "")
        left.wait(30)
        left.wait(30)  # the next one answers
        read(number, run, seen[number][-1] if seen[number] else "")

    with serving(port) as process:
        name = {"Idempotency-Key": uuid4().hex}
        run = httpx.post(f"{address}/v1/tenants/{MINE}/backups", headers={**headers, **name}, json={}).json()["run"]
        runs_at_work.claim(UUID(run), "test")
        runs_at_work.begin_step(UUID(run), "test", 1, "one")
        runs_at_work.end_step(UUID(run), "test", 1, "one", "done", summary="")
        viewers = [threading.Thread(target=view, args=(number, run), daemon=True) for number in range(VIEWERS)]
        for viewer in viewers:
            viewer.start()
        time.sleep(2)  # most of them are reading
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        process.wait(15)
        took = time.monotonic() - begun
    left.wait(30)
    runs_at_work.begin_step(UUID(run), "test", 2, "two")
    runs_at_work.end_step(UUID(run), "test", 2, "two", "done", summary="")
    runs_at_work.finish(UUID(run), "test", "done")
    with serving(port):
        left.wait(30)
        for viewer in viewers:
            viewer.join(30)
    print(f"down after {took:.1f} s")
    assert process.returncode is not None
    assert all(ids[-1] == "end" for ids in seen)
    assert all(len(ids) == len(set(ids)) for ids in seen), "nobody is told a step twice"
    assert all(any(each.startswith("1.1d") for each in ids) and any("2.1d" in each for each in ids) for ids in seen)
