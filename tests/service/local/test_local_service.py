"""`tenantry local service`: the service and its worker beside the local cloud, and a link that signs in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from local.cloud import service
from local.cloud.cloud import Cloud
from local.cloud.record import Record
from local.plugins import kept
from tenantry.actor import Actor
from tenantry.operations import api_keys
from tenantry.work import queue
from tests import checkout
from tests.conftest import PrivateCloud
from tests.environment import entered
from tests.service import directory

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def platform(cloud: PrivateCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A platform with a tenant; its slug."""
    folder = checkout.declared(tmp_path_factory.mktemp("declared"))
    (folder / "served.yaml").write_text("name: X\ntier: starter\nisolation: schema\nadmin: {name: A, email: a@x.example}\n")
    with entered({**cloud.environment, "TENANTRY_TENANTS": str(folder)}):
        directory.make()
        queue.client()
        made = directory.tenant("served", "schema")
        yield "served"
        record = Record.load(cloud.home)
        for command in service.begun(record):
            command.stop(cloud.home, record)
        record.ports.pop("service", None)
        record.ended("service")
        directory.forget(made)


def started(cloud: PrivateCloud) -> Any:
    tenants = os.environ["TENANTRY_TENANTS"]
    done = cloud.tenantry("local", "service", "--admin", "ada@tenantry.example", "--json", TENANTRY_TENANTS=tenants)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_serves_signs_in_and_does_what_it_is_asked_for(cloud: PrivateCloud, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice is no-op; `local env` and `status` know it; what an API call asks for, the worker does; older code is replaced."""
    first = started(cloud)
    address = first["address"]
    assert httpx.get(f"{address}/ready").status_code == 200
    assert json.loads(cloud.tenantry("local", "env", "--json").stdout)["TENANTRY_SERVICE_URL"] == address
    page = httpx.get(f"{address}/sign-in")
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    code = first["link"].partition("#")[2]
    signed_in = httpx.post(f"{address}/v1/session", json={"link": code})
    assert (signed_in.status_code, signed_in.json()["role"]) == (201, "platform")
    again = started(cloud)
    assert [server["pid"] for server in again["servers"]] == [server["pid"] for server in first["servers"]]
    names = {row["name"]: row["state"] for row in json.loads(cloud.tenantry("local", "status", "--json").stdout)}
    assert (names["service"], names["worker"]) == ("running", "running")

    key = api_keys.make("me", ["tenants:read", "tenants:lifecycle"], None, actor=Actor("test")).text
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "local-1"}
    asked = httpx.post(f"{address}/v1/tenants/{platform}/suspend", headers=headers, json={})
    run = asked.json().get("run")
    assert run, asked.text
    end = time.monotonic() + 60
    while (state := httpx.get(f"{address}/v1/runs/{run}", headers=headers).json()["state"]) not in ("done", "failed"):
        assert time.monotonic() < end, state
        time.sleep(0.2)

    # As after an edit, or a pull.
    with monkeypatch.context() as patch:
        patch.setattr(kept, "code", lambda: frozenset({("local/env.py", time.time_ns(), 1)}))
        third = Cloud(cloud.home).serve()
    assert not {server.pid for server in third} & {server["pid"] for server in first["servers"]}
    assert not [server["name"] for server in first["servers"] if at_work(server["pid"])]
    assert httpx.get(f"{address}/ready").status_code == 200


def at_work(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
