"""A tenant's life by the API alone, through the client in clients/python, with the real engine: from its declaration until it is back."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tenantry_client import AuthenticatedClient
from tenantry_client.api.backups import backups_listed, backups_take
from tenantry_client.api.configuration import configuration_one, configuration_put
from tenantry_client.api.runs import runs_listed, runs_one
from tenantry_client.api.tenants import (
    tenants_declare,
    tenants_offboard,
    tenants_one,
    tenants_preview,
    tenants_provision,
    tenants_suspend,
    tenants_undelete,
)
from tenantry_client.models import Asked, NewBackup, NewTenantBody, NewValue, NoBody, OffboardBody, UndeleteBody
from tenantry_client.types import Response

from local.home import CLONE
from tests.engine.provisioning import STEPS, mails_to
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

HOST = {"Host": "ivy.tenantry.example"}
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.up("--stack", "shared")
    return sandbox


@pytest.fixture(scope="module")
def api(platform) -> Iterator[AuthenticatedClient]:
    """The service and a worker, as they are started, and a client that has a key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    needed = ("tenants:read", "tenants:write", "tenants:lifecycle", "configuration:read", "configuration:write", "backups:write")
    scopes = [word for scope in needed for word in ("--scope", scope)]
    key = platform.tenantry("key", "new", "portal", *scopes, "--label", "partner=ivy").stdout.strip()
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


class Person:
    """Somebody in front of a browser at the tenant's host."""

    def __init__(self, api: AuthenticatedClient, **shown: str) -> None:
        base = str(api.get_httpx_client().base_url)
        begun = httpx.post(f"{base}/v1/session", json=shown, headers=HOST)
        assert begun.status_code == 201, begun.text
        cookie = begun.headers["set-cookie"].partition(";")[0]  # Secure, and this is no browser: it would not send it here
        origin = {"Origin": f"https://{HOST['Host']}", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": begun.json()["csrf"]}
        self.http = httpx.Client(base_url=base, headers={**HOST, **origin, "Cookie": cookie}, timeout=60)
        self.role = begun.json()["role"]

    @property
    def is_in(self) -> bool:
        return self.http.get("/v1/session").status_code == 200


def test_a_life_by_the_api_alone(platform, api):
    http = api.get_httpx_client()

    def ask(call, body=None):
        return call.sync_detailed("ivy", client=api, body=NoBody() if body is None else body, idempotency_key=named())

    def runtime(name):
        return http.get(f"/runtime/{name}", headers=HOST)

    def state():
        return tenants_one.sync("ivy", client=api).state

    wanted = {"slug": "ivy", "tier": "starter", "isolation": "schema", "name": "Ivy", "admin": {"name": "Ada", "email": "ada@ivy.example"}}
    made = tenants_declare.sync(client=api, body=NewTenantBody.from_dict(wanted), idempotency_key=named())
    assert (made.slug, made.state, made.labels.to_dict()) == ("ivy", "declared", {"partner": "ivy"})
    _, seen = watched(api, ask(tenants_preview))
    assert {change.verb for change in seen.changes} == {"create"}
    assert any(change.type_.endswith("Store") for change in seen.changes)
    assert state() == "declared", "nothing was touched"
    steps, ended = watched(api, ask(tenants_provision))
    assert (ended.state, ended.requested_by) == ("done", "portal")
    assert sorted(steps) == sorted(STEPS)
    (welcome,) = mails_to(platform, "ada@ivy.example")
    assert state() == "active"
    wait_for(lambda: runtime("branding.json").status_code == 200)

    _, seen = watched(api, ask(tenants_preview))
    assert (seen.state, seen.changes) == ("done", [])

    code = re.search(r"https://ivy\.tenantry\.example/invitations/(\S+)", welcome.text)[1]
    ada = Person(api, invitation=code, password=PASSWORD, name="Ada Byron")
    assert ada.role == "admin"
    colour = ada.http.get("/v1/tenants/ivy/configuration/theme.primary")
    changed = ada.http.put(
        "/v1/tenants/ivy/configuration/theme.primary", json={"value": "#0a0b0c"}, headers={"If-Match": colour.headers["ETag"]}
    )
    assert (changed.status_code, changed.json()["source"]) == (200, "runtime"), changed.text
    wait_for(lambda: "#0a0b0c" in runtime("theme.css").text, seconds=5)
    tag = configuration_one.sync_detailed("ivy", "legal.terms", client=api).headers["ETag"]
    assert (
        configuration_put.sync("ivy", "legal.terms", client=api, body=NewValue("https://ivy.example/terms"), if_match=tag).source
        == "runtime"
    )
    assert watched(api, ask(backups_take, NewBackup(reason="before it goes")))[1].state == "done"
    assert [backup.reason for backup in backups_listed.sync("ivy", client=api)] == ["before it goes"]

    suspended = ask(tenants_suspend)
    wait_for(lambda: runtime("branding.json").status_code == 403, seconds=5)
    assert watched(api, suspended)[1].state == "done"
    assert not ada.is_in
    assert watched(api, ask(tenants_offboard, OffboardBody()))[1].state == "done"
    assert state() == "offboarding"
    assert watched(api, ask(tenants_undelete, UndeleteBody(to="active")))[1].state == "done"
    wait_for(lambda: "#0a0b0c" in runtime("theme.css").text, seconds=10)
    assert not ada.is_in
    assert Person(api, email="ada@ivy.example", password=PASSWORD).is_in
    assert "nothing to do" in platform.tenantry("preview", "ivy").stderr.lower()
    kinds = [run.kind for run in runs_listed.sync(client=api, tenant="ivy").runs]
    assert kinds == ["undelete", "offboard", "suspend", "backup", "preview", "provision", "preview"]
