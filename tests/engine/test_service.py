"""A tenant's life by the API alone, through the client in clients/python, with the real engine: from its declaration until it is back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from tenantry_client import AuthenticatedClient
from tenantry_client.api.backups import backups_listed, backups_take
from tenantry_client.api.configuration import configuration_one, configuration_put
from tenantry_client.api.runs import runs_listed
from tenantry_client.api.tenants import (
    tenants_declare,
    tenants_offboard,
    tenants_one,
    tenants_preview,
    tenants_provision,
    tenants_suspend,
    tenants_undelete,
)
from tenantry_client.models import NewBackup, NewTenantBody, NewValue, NoBody, OffboardBody, UndeleteBody

from tests.engine.provisioning import STEPS, mails_to
from tests.engine.serving import named, serving, watched
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
    needed = ("tenants:read", "tenants:write", "tenants:lifecycle", "configuration:read", "configuration:write", "backups:write")
    with serving(platform, *needed, partner="ivy") as client:
        yield client


class Person:
    """Somebody in front of a browser at the tenant's host."""

    def __init__(self, api: AuthenticatedClient, **shown: str) -> None:
        base = str(api.get_httpx_client().base_url)
        begun = httpx.post(f"{base}/v1/session", json=shown, headers=HOST)
        assert begun.status_code == 201, begun.text
        cookie = begun.headers["set-cookie"].partition(";")[0]  # Secure, and this is no browser: it would not send it here
        origin = {"Origin": f"https://{HOST['Host']}", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": begun.json()["csrf"]}
        self.http = httpx.Client(
            base_url=base, headers={**HOST, **origin, "Cookie": cookie}, timeout=60, limits=httpx.Limits(max_keepalive_connections=0)
        )
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
