"""Keys: which of them work, and that one sees and does nothing but what it is for."""

from __future__ import annotations

import threading

import psycopg
import pytest

from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import api_keys
from tests.service.web.conftest import MINE, THEIRS, key

pytestmark = pytest.mark.service

OF_PEOPLE = ("/v1/session", "/v1/portal-links/open")
"""What routes about the session of a browser begin with, which a key has none of, and what a link opens there."""
NO_RUN = "00000000-0000-4000-8000-000000000000"


def routes(service):
    """Method and path of each route of the API that a key can be for, with the tenant and the run in braces."""
    found = service.client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path)
        for path, methods in found.items()
        if path.startswith("/v1") and not path.startswith(OF_PEOPLE)
        for method in methods
    ]


IN_PATHS = {
    "slug": "web-nobody", "run": NO_RUN, "record": NO_RUN, "user": NO_RUN, "key": "theme.primary", "id": "000000000000", "webhook": NO_RUN,
    "proposal": NO_RUN, "event": NO_RUN,
}  # fmt: skip


def filled(path, **places):
    """The path with what is in braces put in."""
    return path.format(**{**IN_PATHS, **places})


def body(path):
    """What a route needs to be asked at all."""
    needed = {
        "/v1/tenants": {"slug": "web-never", "tier": "starter"},
        "/v1/tenants/{slug}/invitations": {"email": "bea@x.example", "name": "Bea"},
        "/v1/tenants/{slug}/invitations/revoke": {"email": "bea@x.example"},
        "/v1/invitations/accept": {"code": "x"},
        "/v1/tenants/{slug}/restores": {"backup": "newest"},
        "/v1/tenants/{slug}/restores/beside": {"backup": "newest", "into": "web-never"},
        "/v1/tenants/{slug}/clones": {"slug": "web-never"},
        "/v1/keys": {"holder": "me", "scopes": ["tenants:read"]},
        "/v1/configuration/bulk/preview": {"key": "limits.users", "value": 5},
        "/v1/configuration/bulk": {"key": "limits.users", "value": 5, "plan": "x"},
        "/v1/tenants/{slug}/users/{user}/role": {"role": "member"},
        "/v1/tenants/{slug}/delete": {"confirm": "x"},
        "/v1/tenants/{slug}/portal-links": {"intent": "people"},
        "/v1/webhooks": {"url": "https://10.0.0.1/", "contact": "ops@x.example"},
        "/v1/webhooks/{webhook}/redeliver": {"events": [NO_RUN]},
    }.get(path)
    return {"json": needed} if needed else {}


def said(response):
    """All that tells two answers apart."""
    return response.status_code, response.json(), {name: value for name, value in response.headers.items() if name != "date"}


def test_no_key_that_does_not_work_is_told_from_another(service):
    """None, made up, cut off, another platform's, ended, expired: on every route the same answer."""
    ended, expired = key("short-lived"), key("short-lived", days=1)
    api_keys.revoke(ended.split("_")[2], actor=Actor("test"))
    with transaction() as connection:
        connection.execute("UPDATE api_keys SET expires_at = now() WHERE id = %s", [expired.split("_")[2]])
    forged = service.mine[:-72] + "0" * 64
    forged += api_keys._check(forged)
    foreign = service.mine.replace("_", "_x", 1)
    keys = (None, "x", service.mine[:-1], forged, foreign, ended, expired)
    for method, path in routes(service):
        path = filled(path, slug=MINE)
        answers = [said(service.ask(method, path, each, **({"json": {}} if method in ("PUT", "PATCH") else {}))) for each in keys]
        assert answers[0][0] == 401, (method, path)
        assert all(answer == answers[0] for answer in answers), (method, path)
    assert service.ask("GET", "/v1/tenants").status_code == 200


@pytest.mark.parametrize("scope", api_keys.SCOPES)
def test_a_key_without_a_scope_is_refused_where_that_is_needed(service, scope):
    text = key(f"all but {scope}", scopes=[each for each in api_keys.SCOPES if each != scope], labels={"partner": "me"})
    refused = set()
    for method, path in routes(service):
        more = {"json": {"value": "x"}} if method in ("PUT", "PATCH") else body(path) if method == "POST" else {}
        answer = service.ask(method, filled(path), text, **more)
        if answer.status_code == 403 and answer.json()["code"] != "key.tenants":
            assert answer.json()["code"] == "key.scope"
            refused.add(f"{method} {path}")
    everything = {f"{method} {path}" for method, path in routes(service)}
    assert refused == {each for each in everything if needed(each) == scope}


def needed(route):
    """What a key has to be for, said once more."""
    method, path = route.split()
    last = path.rpartition("/")[2]
    if "portal-links" in path:
        return "portal:link"
    if "/credentials" in path:
        return "credentials:write"
    if "/log" in path:
        return "log:read"
    if "webhooks" in path:
        return "webhooks:read" if method == "GET" else "webhooks:write"
    if "invitations" in path or "/users" in path or "/email-domains" in path:
        return "people:read" if method == "GET" else "people:write"
    for what, scope in {"/plan": "tenants:move", "/clones/check": "clones:write"}.items():
        if path.endswith(what) and "migrations" not in path:
            return scope
    if path.startswith("/v1/keys"):
        return "keys:read" if method == "GET" else "keys:write"
    if path.startswith("/v1/configuration/bulk"):
        return "configuration:write"
    if "configuration" in path:
        return "configuration:read" if method == "GET" else "configuration:write"
    if method == "GET":
        return "tenants:read"
    for part, scope in {
        "backups": "backups:write", "restores": "backups:restore", "moves": "tenants:move",
        "clones": "clones:write", "/delete": "tenants:delete", "migrations": "fleet:write",
    }.items():  # fmt: skip
        if part in path:
            return scope
    return "tenants:write" if last in ("tenants", "preview", "provision", "declaration") else "tenants:lifecycle"


def test_another_partners_tenant_is_as_one_that_there_is_not(service):
    run = service.ask("POST", f"/v1/tenants/{THEIRS}/backups", service.theirs).json()["run"]
    assert service.ask("GET", f"/v1/runs/{run}", service.theirs).status_code == 200
    for method, path in routes(service):
        if "{" not in path or "{webhook}" in path:  # whose a webhook is: test_webhook_routes.py
            continue
        more = {"json": {"value": "x"}, "headers": {"If-Match": "*"}} if method == "PUT" else body(path) if method == "POST" else {}
        if method in ("DELETE", "PATCH"):
            more = {"headers": {"If-Match": "*"}, **({"json": {"name": "x"}} if method == "PATCH" else {})}
        foreign = service.ask(method, filled(path, slug=THEIRS, run=run), **more)
        absent = service.ask(method, filled(path), **more)
        if absent.status_code == 403:
            assert absent.json()["code"] == "key.tenants"  # it is about every tenant
            continue
        assert foreign.status_code == 404, (method, path)
        assert said(foreign) == said(absent), (method, path)
    listed = service.ask("GET", "/v1/tenants").json()["tenants"]
    assert [tenant["slug"] for tenant in listed] == [MINE]


@pytest.fixture
def asked_of_postgresql(monkeypatch):
    """The statements of the threads that answer requests, in their order."""
    heard = []

    def listening(execute):
        def listened(self, query, *args, **more):
            if "AnyIO" in threading.current_thread().name:
                heard.append(str(query))
            return execute(self, query, *args, **more)

        return listened

    monkeypatch.setattr(psycopg.Cursor, "execute", listening(psycopg.Cursor.execute))
    return heard


def test_what_is_refused_takes_the_same_work_whether_it_is_there_or_not(service, asked_of_postgresql):
    """By the statements, not by a clock: of another partner's tenant, of one that only his file declares, and of none."""
    (service.tenants / "web-theirs-declared.yaml").write_text(
        "name: X\ntier: starter\nadmin: {name: A, email: a@x.example}\nlabels: {partner: them}\n"
    )
    run = service.ask("POST", f"/v1/tenants/{THEIRS}/backups", service.theirs).json()["run"]
    theirs = service.theirs.split("_")[2]

    def statements(method, path, **places):
        more = {"json": {"value": "x"}, "headers": {"If-Match": "*"}} if method == "PUT" else body(path) if method == "POST" else {}
        if method in ("DELETE", "PATCH"):
            more = {"headers": {"If-Match": "*"}, **({"json": {"name": "x"}} if method == "PATCH" else {})}
        asked_of_postgresql.clear()
        service.ask(method, filled(path, **places), **more)
        return list(asked_of_postgresql)

    compared = 0
    for method, path in routes(service):
        if not any(f"{{{place}}}" in path for place in ("slug", "run", "id")):
            continue
        absent = statements(method, path)
        assert statements(method, path, slug=THEIRS, run=run, id=theirs) == absent, (method, path)
        if "{slug}" in path:
            assert statements(method, path, slug="web-theirs-declared") == absent, (method, path)
        compared += bool(absent)
    assert compared > 40
    (service.tenants / "web-theirs-declared.yaml").unlink()


def test_a_holder_has_two_keys_that_work_and_no_third(service):
    first, _ = key("rotating"), key("rotating")
    with pytest.raises(InputError, match="has 2 keys that work") as refused:
        key("rotating")
    assert refused.value.code == "key.excess"
    api_keys.revoke(first.split("_")[2], actor=Actor("test"))
    assert api_keys.revoke(first.split("_")[2], actor=Actor("somebody else")).revoked_by == "test", "repeating it is a no-op"
    assert api_keys.authenticate(first) is None
    assert api_keys.authenticate(key("rotating")) is not None


def test_only_the_digest_of_a_key_is_kept(service):
    with transaction() as connection:
        kept = str(connection.execute("SELECT k.*, encode(digest, 'escape') AS said FROM api_keys k").fetchall())
    assert service.mine.split("_")[3] not in kept
