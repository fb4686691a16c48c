"""200 requests at once, each for another tenant, to a service of two processes; and how long its health probe waits meanwhile.

    python -m benchmarks --only service

Each is accepted, or told to wait and asked again by the same name; afterwards there is one run for each tenant. Beside them somebody tries
passwords, and somebody uploads pictures: what costs the most processor of all that can be asked.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx
from PIL import Image

from benchmarks import private
from local.cloud import ports
from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import aws
from tenantry.control.database import transaction
from tenantry.operations import api_keys
from tenantry.work import queue
from tests import checkout
from tests.service import control_database, directory

AIM_MS: Final = 100
"""The 99th of a hundred probes, by another process."""
WORKERS: Final = 2
TRIES: Final = 30
PASSWORDS, PICTURES = 20, 10
"""How many passwords are tried, and how many pictures uploaded, one after the other."""
PAINTED: Final = "painted"
BUCKET: Final = "crowd-pictures"

PROBE: Final = """
import json, select, sys, time, http.client
port, took = int(sys.argv[1]), []
while not select.select([sys.stdin], [], [], 0)[0]:  # its end is the end
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/health")
    assert connection.getresponse().read()
    took.append((time.monotonic() - began) * 1000)
    connection.close()
    time.sleep(0.01)
print(json.dumps(took))
"""


@dataclass(frozen=True)
class Asked:
    """What came of one tenant's request: every status in turn, and the run."""

    slug: str
    statuses: tuple[int, ...]
    run: str | None


def measure(tenants: int = 200, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Seconds until all were accepted, the statuses, runs that there are, and the probe's milliseconds, idle and meanwhile."""
    with private.cloud(lambda line: None), tempfile.TemporaryDirectory() as folder:
        slugs = declare(Path(folder), tenants)
        os.environ["TENANTRY_TENANTS"] = folder
        control_database.make()
        queue.client()
        directory.tenant(PAINTED, "schema", bucket=BUCKET)
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
        key = api_keys.make("the crowd", list(api_keys.SCOPES), actor=Actor("benchmark")).text
        with serving(WORKERS) as port:
            idle = probe(port, lambda: time.sleep(3))
            say("nobody asks: " + _said(idle))
            began = time.monotonic()
            asked: list[Asked] = []
            beside: Counter[str] = Counter()
            busy = probe(port, lambda: asked.extend(asyncio.run(crowd(port, key, slugs, beside))))
            seconds = time.monotonic() - began
        statuses = Counter(status for each in asked for status in each.statuses)
        say(f"{tenants} at once: {seconds:.1f} s, {dict(statuses)}; beside them {dict(beside)}; " + _said(busy))
        return {
            "seconds": seconds,
            "statuses": dict(statuses),
            "lost": [each.slug for each in asked if each.run is None],
            "beside": dict(beside),
            "runs": runs_of(slugs),
            "idle_ms": _figures(idle),
            "probe_ms": _figures(busy),
            "aim_ms": AIM_MS,
        }


def declare(folder: Path, tenants: int) -> list[str]:
    """Writes the files of new tenants; their slugs."""
    checkout.declared(folder)
    slugs = [f"crowd-{number:03d}" for number in range(tenants)]
    for slug in slugs:
        text = f"name: {slug}\ntier: starter\nisolation: schema\nstate: active\nadmin: {{name: A, email: a@{slug}.example}}\n"
        (folder / f"{slug}.yaml").write_text(text)
    return slugs


def runs_of(slugs: Sequence[str]) -> int:
    """How many runs there are of these tenants."""
    with transaction() as connection:
        ids = [naming.tenant_id(slug) for slug in slugs]
        row = connection.execute("SELECT count(*) AS n FROM runs WHERE tenant_id = ANY(%s)", [ids]).fetchone()
        return int(row["n"]) if row else 0


@contextmanager
def serving(workers: int, **environment: str) -> Iterator[int]:
    """The port of a service of so many processes."""
    port = ports.choose()
    program = Path(sys.executable).with_name("tenantry")
    command = [program, "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120  # on a machine that has much else to do
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the service does not answer")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


async def crowd(port: int, key: str, slugs: Sequence[str], beside: Counter[str] | None = None) -> list[Asked]:
    """All ask for their tenants to be provisioned at once; whoever is told to wait asks again under the same name.

    With ``beside`` passwords are tried and pictures uploaded meanwhile: what was answered is counted there.
    """
    limits = httpx.Limits(max_connections=len(slugs))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=120, limits=limits
    ) as client:
        costly = [_try_passwords(client, beside), _upload(client, beside)] if beside is not None else []
        asked = asyncio.gather(*(_ask(client, slug) for slug in slugs))
        await asyncio.gather(asked, *costly)
        return list(asked.result())


async def _try_passwords(client: httpx.AsyncClient, beside: Counter[str]) -> None:
    for number in range(PASSWORDS):
        shown = {"email": f"ada{number}@painted.example", "password": "correct horse battery staple"}
        answer = await client.post("/v1/session", json=shown, headers={"Host": f"{PAINTED}.x.example", "Authorization": ""})
        beside[f"password {answer.status_code}"] += 1


async def _upload(client: httpx.AsyncClient, beside: Counter[str]) -> None:
    for number in range(PICTURES):
        picture = io.BytesIO()
        Image.effect_noise((600, 600 + number), 50).save(picture, "PNG")
        answer = await client.put(
            f"/v1/tenants/{PAINTED}/configuration/branding.logo/picture",
            content=picture.getvalue(),
            headers={"If-Match": "*", "Content-Type": "application/octet-stream"},
        )
        beside[f"picture {answer.status_code}"] += 1


async def _ask(client: httpx.AsyncClient, slug: str) -> Asked:
    statuses: list[int] = []
    for _ in range(TRIES):
        answer = await client.post(f"/v1/tenants/{slug}/provision", json={}, headers={"Idempotency-Key": slug})
        statuses.append(answer.status_code)
        if answer.status_code not in (409, 429, 503):
            return Asked(slug, tuple(statuses), answer.json().get("run"))
        await asyncio.sleep(float(answer.headers["Retry-After"]))
    return Asked(slug, tuple(statuses), None)


def probe(port: int, work: Callable[[], object]) -> list[float]:
    """Milliseconds of each answer to the health probe of another process while ``work`` is done."""
    watch = subprocess.Popen([sys.executable, "-c", PROBE, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    work()
    out, _ = watch.communicate()
    return [float(each) for each in json.loads(out)]


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _figures(took: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(took, n=100)
    return {"probes": len(took), "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(took)}


def _said(took: Sequence[float]) -> str:
    return "probe " + ", ".join(f"{name} {value:.0f}" for name, value in _figures(took).items())
