"""`/runtime/branding.json` of 10,000 hosts, asked uniformly, against a FastAPI route with constant bytes in the same process.

    python -m benchmarks --only runtime

Needs `wrk`. One process of uvicorn (httptools, uvloop) and then of granian serves both, alternating rounds; the constant route has the
bytes of one of the documents. Requests per second depend on what else the machine does, and on wrk, which shares its cores: processor
time of the server for a request is printed beside them.

Before that, how long after its COMMIT a change is in memory: told; while the session that listens is killed; and where that was lost
without a word, because its server process is stopped, which takes everything and answers nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from benchmarks import private
from benchmarks.configuration import fill
from local.cloud import ports
from tenantry.actor import Actor
from tenantry.control import configuration, faces
from tenantry.control.database import transaction
from tenantry.operations.listener import connect
from tenantry.operations.runtime import PROBE, RuntimeFeed, made
from tenantry.rendering.face import KEYS
from tenantry.web.runtime.answers import Answers

AIM: Final = 0.67
"""The constant route's requests per second, as a share of the runtime's: at most this, which is 1.5 times as many for the runtime."""
AIM_MB: Final = 150
AIM_SEEN: Final = 1.0
"""Seconds, for the slowest."""
SECONDS: Final = 4
CONNECTIONS: Final = 32
SERVERS: Final = {
    "uvicorn": ("uvicorn", "--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning", "--host=127.0.0.1"),
    "granian": ("granian", "--interface=asgi", "--workers=1", "--no-ws", "--log-level=warning", "--host=127.0.0.1"),
}

HOSTS: Final = """
local number = 0
init = function() math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 100000) end
request = function()
  return wrk.format("GET", nil, {["Host"] = string.format("t%05d.x.example", math.random(0, TENANTS - 1))})
end
"""
"""The same client's work for both paths: a random host with each request."""

SERVED: Final = """
from contextlib import asynccontextmanager
from fastapi import FastAPI, Response
from tenantry.web.runtime import RuntimeApp

runtime = RuntimeApp()
BODY = open(__file__ + ".body", "rb").read()

@asynccontextmanager
async def lifespan(app):
    await runtime.start(60)
    yield
    await runtime.stop()

plain = FastAPI(lifespan=lifespan)

@plain.get("/constant")
async def constant():
    return Response(BODY, media_type="application/json")

app = runtime.in_front_of(plain)
"""


def measure(tenants: int = 10_000, runs: int = 5, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Of each server: requests per second of both, their ratio, processor time a request, and the memory that the process has."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed")
    with private.cloud(lambda line: None), tempfile.TemporaryDirectory() as folder:
        say(f"{tenants} tenants with their configuration rows and two hosts each are made")
        _fill(tenants)
        module = Path(folder, "served.py")
        module.write_text(SERVED)
        Path(f"{module}.body").write_bytes(_body(tenants))
        script = Path(folder, "hosts.lua")
        script.write_text(HOSTS.replace("TENANTS", str(tenants)))
        found: dict[str, Any] = {"load": _load(runs, say)}
        for name, command in SERVERS.items():
            found[name] = _of_server(command, folder, [wrk, f"-c{CONNECTIONS}", "-t1", "-s", str(script)], runs, say)
        return found


def _fill(tenants: int) -> None:
    fill(tenants)
    with transaction() as connection:
        connection.execute("INSERT INTO tenant_domains SELECT host, id, 'subdomain', 'active' FROM tenants")
        connection.execute("INSERT INTO tenant_domains SELECT 'portal.' || host, id, 'custom', 'active' FROM tenants")
        connection.execute("ANALYZE tenants, tenant_domains, tenant_configurations")


def _body(tenants: int) -> bytes:
    """One tenant's document."""
    with transaction() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM tenants LIMIT 1")]
    with connect() as connection:
        (row,) = faces.of(connection, KEYS, ids)
    return made(row).documents["branding.json"].encode()


def _load(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds: reading and making everything, comparing versions alone, and until a change is there."""
    began = time.perf_counter()
    answers = Answers()
    feed = RuntimeFeed(answers)
    feed.start()
    if not feed.wait(120):
        raise SystemExit("not loaded in two minutes")
    loaded = time.perf_counter() - began
    seen = {name: _seen(feed, answers, runs, lose) for name, lose in LOST.items()}
    feed.close()
    with connect() as connection:
        began = time.perf_counter()
        count = len(faces.versions(connection, KEYS))
        compared = time.perf_counter() - began
    say(f"{count} tenants loaded in {loaded:.2f} s; their versions alone {compared:.2f} s")
    for name, took in seen.items():
        say(f"a change is there after {median(took):.3f} s, {max(took):.3f} at most, {name}")
    changes = {
        name: {"seconds": round(max(took), 3), "aim_seconds": AIM_SEEN, "median_s": round(median(took), 3)} for name, took in seen.items()
    }
    return {"load_seconds": round(loaded, 2), "versions_seconds": round(compared, 2), "changes": changes}


def _seen(feed: RuntimeFeed, answers: Answers, runs: int, lose: Callable[[int], None] | None) -> list[float]:
    """Seconds from the COMMIT of each change until the answer is the new one."""
    with transaction() as connection:
        row = connection.execute("SELECT id, host FROM tenants LIMIT 1").fetchone()
    if row is None:
        raise SystemExit("there is no tenant")
    took = []
    for number in range(runs):
        # A session that was lost just after it had begun is not replaced at once; and the change comes at any moment between two probes.
        time.sleep(4 + PROBE * number / runs)
        colour, pid = f"#{secrets.token_hex(3)}", feed.pid
        if pid is None:
            raise SystemExit("nobody listens")
        if lose is not None:
            lose(pid)
        configuration.put(row["id"], "theme.primary", colour, Actor("benchmark"))
        began = time.perf_counter()
        while (kept := answers.of(row["host"].encode())) is None or colour.encode() not in kept.answers["theme.css"].body:
            if time.perf_counter() - began > 60:
                raise SystemExit("the change was not seen within a minute")
            time.sleep(0.002)
        took.append(time.perf_counter() - began)
        if lose is _stop:
            os.kill(pid, signal.SIGCONT)
    return took


def _kill(pid: int) -> None:
    with transaction() as connection:
        connection.execute("RESET ROLE")
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


LOST: Final[dict[str, Callable[[int], None] | None]] = {"told": None, "killed": _kill, "lost without a word": _stop}


def _of_server(command: tuple[str, ...], folder: str, wrk: list[str], runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    port = ports.choose()
    process = subprocess.Popen([sys.executable, "-m", *command, f"--port={port}", "served:app"], cwd=folder)
    try:
        _wait(port)
        there = psutil.Process(process.pid)
        paths = {"constant": f"http://127.0.0.1:{port}/constant", "runtime": f"http://127.0.0.1:{port}/runtime/branding.json"}
        rates: dict[str, list[float]] = {name: [] for name in paths}
        cpu: dict[str, list[float]] = {name: [] for name in paths}
        for number in range(runs + 1):
            for name, path in paths.items():
                rate, micros = _round(wrk, path, there)
                if number:  # the first warms up
                    rates[name].append(rate)
                    cpu[name].append(micros)
        each = [one.memory_info().rss / 1e6 for one in (there, *there.children(recursive=True))]
        memory = max(each)  # granian's answers are one process's, and its parent is beside it
        ratios = [constant / runtime for constant, runtime in zip(rates["constant"], rates["runtime"], strict=True)]
        say(f"{command[0]}: {median(1 / ratio for ratio in ratios):.2f} times the constant route, {memory:.0f} MB")
        return {
            "constant_share": {"ratio": round(median(ratios), 3), "aim": AIM, "each": [round(ratio, 3) for ratio in ratios]},
            "times_the_constant_route": round(median(1 / ratio for ratio in ratios), 2),
            "requests_per_second": {name: round(median(each)) for name, each in rates.items()},
            "cpu_us_per_request": {name: round(median(each), 1) for name, each in cpu.items()},
            "memory": {"ratio": round(memory, 1), "aim": AIM_MB, "unit": "MB", "with_its_parent": round(sum(each), 1)},
        }
    finally:
        process.terminate()
        process.wait(15)


def _wait(port: int) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/runtime/branding.json", headers={"Host": "t00000.x.example"})
            with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310  # our own server
                json.load(answer)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _round(wrk: list[str], path: str, process: psutil.Process) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's processor for one. Every answer must be a 2xx."""
    before = _spent(process)
    said = subprocess.run([*wrk, f"-d{SECONDS}s", path], check=True, capture_output=True, text=True).stdout
    spent = _spent(process) - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    requests = int(next(line for line in said.splitlines() if " requests in " in line).split()[0])
    rate = float(next(line for line in said.splitlines() if line.startswith("Requests/sec")).split()[1])
    return rate, spent / requests * 1e6


def _spent(process: psutil.Process) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in (process, *process.children(recursive=True))))
