"""The service and a worker beside it, as they are started on a sandbox, and how the tests ask them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from tenantry_client import AuthenticatedClient
from tenantry_client.api.runs import runs_one
from tenantry_client.models import Asked
from tenantry_client.types import Response

from local.home import CLONE
from tests.waiting import wait_for


@contextmanager
def serving(platform: Any, *scopes: str, partner: str) -> Iterator[AuthenticatedClient]:
    """Both at work, and a client with a key of the partner's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    needed = [word for scope in scopes for word in ("--scope", scope)]
    key = platform.tenantry("key", "new", "portal", *needed, "--label", f"partner={partner}").stdout.strip()
    worker = platform.start("worker")
    program = Path(sys.executable).with_name("tenantry")
    service = subprocess.Popen(
        [program, "serve", "--port", str(port)], env=platform.environment, cwd=CLONE, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        with AuthenticatedClient(f"http://127.0.0.1:{port}", token=key, timeout=httpx.Timeout(60)) as client:
            wait_for(lambda: _answers(client.get_httpx_client()))
            yield client
    finally:
        platform.kill(worker)
        service.kill()
        service.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.HTTPError:
        return False


def named() -> str:
    """A name for a request of its own."""
    return uuid4().hex


def watched(api: AuthenticatedClient, asked: Response[Any]) -> tuple[list[str], Any]:
    """The names of a run's steps as they were told to be over, and the run as it ended."""
    assert isinstance(asked.parsed, Asked), asked.content
    steps: list[str] = []
    kind = ""
    with api.get_httpx_client().stream("GET", f"/v1/runs/{asked.parsed.run}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "step":
                told = json.loads(line.removeprefix("data: "))
                steps += [told["name"]] if told["state"] in ("done", "skipped") else []
    return steps, runs_one.sync(asked.parsed.run, client=api)
