"""A tenant's life by the API alone, with the real engine: from its declaration until it is brought back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.home import CLONE
from tests.engine.provisioning import STEPS, mails_to
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

HOST = {"Host": "ivy.tenantry.example"}


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.up("--stack", "shared")
    return sandbox


@pytest.fixture(scope="module")
def api(platform) -> Iterator[httpx.Client]:
    """The service and a worker, as they are started, and a client that has a key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scopes = [
        word for scope in ("tenants:read", "tenants:write", "tenants:lifecycle", "configuration:write") for word in ("--scope", scope)
    ]
    key = platform.tenantry("key", "new", "portal", *scopes, "--label", "partner=ivy").stdout.strip()
    worker = platform.start("worker")
    program = Path(sys.executable).with_name("tenantry")
    service = subprocess.Popen(
        [program, "serve", "--port", str(port)], env=platform.environment, cwd=CLONE, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            wait_for(lambda: _answers(client))
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


def post(api: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return api.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})


def watched(api: httpx.Client, asked: httpx.Response) -> tuple[list[str], dict[str, Any]]:
    """The names of a run's steps as they were told to be over, and how it ended."""
    assert asked.status_code == 202, asked.text
    steps: list[str] = []
    kind, ended = "", {}
    with api.stream("GET", f"{asked.headers['Location']}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                told = json.loads(line.removeprefix("data: "))
                if kind == "run":
                    ended = told
                elif told["state"] in ("done", "skipped"):
                    steps.append(told["name"])
    return steps, ended


def test_a_life_by_the_api_alone(platform, api):
    made = post(
        api, "/v1/tenants", slug="ivy", tier="starter", isolation="schema", name="Ivy", admin={"name": "Ada", "email": "ada@ivy.example"}
    )
    assert made.status_code == 201, made.text
    _, seen = watched(api, post(api, "/v1/tenants/ivy/preview"))
    assert {change["verb"] for change in seen["changes"]} == {"create"}
    assert any(change["type"].endswith("Store") for change in seen["changes"])
    assert api.get("/v1/tenants/ivy").json()["state"] == "declared", "nothing was touched"
    steps, ended = watched(api, post(api, "/v1/tenants/ivy/provision"))
    assert (ended["state"], ended["requested_by"]) == ("done", "portal")
    assert sorted(steps) == sorted(STEPS)
    assert len(mails_to(platform, "ada@ivy.example")) == 1
    assert api.get("/v1/tenants/ivy").json()["state"] == "active"
    wait_for(lambda: api.get("/runtime/branding.json", headers=HOST).status_code == 200)

    _, seen = watched(api, post(api, "/v1/tenants/ivy/preview"))
    assert (seen["state"], seen["changes"]) == ("done", [])

    colour = "/v1/tenants/ivy/configuration/theme.primary"
    tag = api.get(colour).headers["ETag"]
    assert api.put(colour, json={"value": "#0a0b0c"}, headers={"If-Match": tag}).status_code == 200
    wait_for(lambda: "#0a0b0c" in api.get("/runtime/theme.css", headers=HOST).text, seconds=5)

    suspended = post(api, "/v1/tenants/ivy/suspend")
    wait_for(lambda: api.get("/runtime/branding.json", headers=HOST).status_code == 403, seconds=5)
    assert watched(api, suspended)[1]["state"] == "done"
    assert watched(api, post(api, "/v1/tenants/ivy/offboard"))[1]["state"] == "done"
    assert api.get("/v1/tenants/ivy").json()["state"] == "offboarding"
    assert watched(api, post(api, "/v1/tenants/ivy/undelete", to="active"))[1]["state"] == "done"
    wait_for(lambda: "#0a0b0c" in api.get("/runtime/theme.css", headers=HOST).text, seconds=10)
    assert "nothing to do" in platform.tenantry("preview", "ivy").stderr.lower()
