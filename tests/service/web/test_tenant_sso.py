"""A tenant's own provider: used at its hosts, believed of its people alone, and asked as the stranger that it is."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import oidc_provider_mock
import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import outbound
from tenantry.control import configuration
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import platform_admins, provider_requests, sso_secret, users
from tenantry.operations.oidc_provider import Provider
from tests.service.web.conftest import ADMINS, MINE, THEIRS, user
from tests.service.web.test_sso import HOST, come_back, issuer, leave, log_in, provider, someone, through

pytestmark = pytest.mark.service

__all__ = ["issuer", "provider"]  # fixtures of there; `issuer` is the platform's

TENANT, OTHER, THERE = naming.tenant_id(MINE), naming.tenant_id(THEIRS), f"{THEIRS}.x.example"


@pytest.fixture(scope="module")
def local():
    """Providers of the tests are on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(outbound.LOCAL, "1")
        yield


@pytest.fixture(scope="module")
def theirs(local):
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def declare(tenant, address, client_id="us"):
    kept = configuration.read_declared(str(tenant)) or {}
    rows = {"sign_in.issuer": json.dumps(address), "sign_in.client_id": json.dumps(client_id)} if address else {}
    configuration.write_declared(str(tenant), {**{key: text for key, text in kept.items() if not key.startswith("sign_in.")}, **rows})


@pytest.fixture
def own(service, theirs):
    """My tenant has its own provider, which wants a secret; the other one has the platform's."""
    declare(TENANT, theirs)
    sso_secret.put(MINE, "hush", actor=Actor("test"))
    yield theirs
    declare(TENANT, None)
    for slug in (MINE, THEIRS):
        sso_secret.erase(slug)


def email():
    return f"t{uuid4().hex[:8]}@acme.example"


def test_it_is_used_at_the_tenant_s_hosts_and_nowhere_else(service, issuer, own):
    assert leave(service)[0].startswith(f"{own}/")
    assert leave(service, THERE)[0].startswith(f"{issuer}/")
    assert leave(service, ADMINS)[0].startswith(f"{issuer}/")
    address = email()
    user(service, MINE, "admin", address)
    found = someone(through(service, own, uuid4().hex, email=address, email_verified=True), service)
    assert (found["email"], found["tenant"], found["role"], found["way"]) == (address, MINE, "admin", "oidc")


def test_whom_it_asserts_is_nobody_of_another_tenant_and_of_the_platform(service, issuer, own):
    """The same `sub` and address as theirs and as an administrator's: refused, at whichever host its answer is brought."""
    address, sub = email(), uuid4().hex
    user(service, THEIRS, "admin", address)
    platform_admins.link(address, actor=Actor("test"))
    someone(through(service, issuer, sub, THERE, email=address, email_verified=True), service, THERE)
    someone(through(service, issuer, sub, ADMINS, email=address, email_verified=True), service, ADMINS)
    claims = {"email": address, "email_verified": True}
    answer = through(service, own, sub, **claims)
    assert (answer.status_code, answer.json()["code"]) == (403, "sso.unknown")
    for host in (THERE, ADMINS):
        where, flow = leave(service)
        assert come_back(service, log_in(own, where, sub, **claims), flow, host).json()["code"] == "sso.refused"
        own_flow = leave(service, host)[1]  # of a question to the platform's
        where, _ = leave(service)
        assert come_back(service, log_in(own, where, sub, **claims), own_flow, host).json()["code"] == "sso.refused"
    with transaction() as connection:
        bound = connection.execute("SELECT issuer, tenant FROM identities WHERE subject = %s", [sub]).fetchall()
    assert {(row["issuer"], row["tenant"]) for row in bound} == {(issuer, OTHER), (issuer, None)}
    platform_admins.revoke(address, actor=Actor("test"))


def test_two_tenants_with_one_provider_do_not_share_their_people(service, own):
    """Both name the same: who is somebody at one is nobody at the other."""
    address, sub = email(), uuid4().hex
    user(service, MINE, "member", address)
    someone(through(service, own, sub, email=address, email_verified=True), service)
    declare(OTHER, own)
    sso_secret.put(THEIRS, "hush", actor=Actor("test"))
    try:
        assert through(service, own, sub, THERE, email=address, email_verified=True).json()["code"] == "sso.unknown"
    finally:
        declare(OTHER, None)


def test_the_platform_s_provider_lets_nobody_in_there_any_more(service, issuer, theirs):
    address, sub = email(), uuid4().hex
    user(service, MINE, "member", address)
    where, flow = leave(service)
    back = log_in(issuer, where, sub, email=address, email_verified=True)
    someone(through(service, issuer, sub, email=address, email_verified=True), service)
    declare(TENANT, theirs)
    try:
        assert come_back(service, back, flow).json()["code"] == "sso.refused", "it was asked before the file changed"
    finally:
        declare(TENANT, None)


def test_nor_does_it_at_the_platform_s_address_by_the_domain(service, issuer, own):
    kept = configuration.read_declared(str(TENANT))
    configuration.write_declared(str(TENANT), {**kept, "sign_in.email_domains": '["own.example"]'})
    with transaction() as connection:
        connection.execute(
            "INSERT INTO email_domains (tenant, domain, token, verified_at) VALUES (%s, 'own.example', 'x', now())", [TENANT]
        )
    answer = through(service, issuer, uuid4().hex, ADMINS, email="a@own.example", email_verified=True)
    assert (answer.status_code, answer.json()["code"], answer.json()["hint"]) == (403, "sso.foreign", f"https://{HOST}")
    found = someone(through(service, own, uuid4().hex, email="a@own.example", email_verified=True), service)
    assert (found["email"], found["role"]) == ("a@own.example", "member")
    with transaction() as connection:
        connection.execute("DELETE FROM email_domains")


def test_its_people_have_no_passwords_and_others_do(service, own, monkeypatch):
    monkeypatch.setenv("TENANTRY_OIDC_FOR", "platform")
    body = {"email": "x@acme.example", "password": "x" * 12}
    assert service.client.post("/v1/session", json=body, headers={"Host": HOST}).json()["code"] == "password.none"
    assert service.client.post("/v1/session", json=body, headers={"Host": THERE}).json()["code"] == "password.wrong"
    there = user(service, MINE, "member", email())
    assert there.ask("PUT", "/v1/session/password", json={"password": "a long enough one"}).json()["code"] == "password.none"
    assert there.ask("POST", "/v1/session/passkeys/options").json()["code"] == "password.none"
    monkeypatch.delenv("TENANTRY_OIDC_ISSUER")
    assert leave(service)[0].startswith(f"{own}/"), "without a provider of the platform's, too"
    link = users.link(MINE, there.ask("GET", "/v1/session").json()["email"], actor=Actor("test")).url.partition("#")[2]
    assert service.client.post("/v1/session", json={"link": link}, headers={"Host": HOST}).status_code == 201
    service.client.cookies.clear()


def test_the_secret_is_kept_beside_and_shown_to_the_provider_alone(service, own):
    with pytest.raises(InputError) as refused:
        sso_secret.put(THEIRS, "hush", actor=Actor("test"))
    assert refused.value.code == "sso.none"
    with pytest.raises(InputError) as refused:
        sso_secret.put(MINE, "hush\x1b[2J", actor=Actor("test"))
    assert "hush" not in f"{refused.value} {refused.value.hint}"
    assert sso_secret.erase(MINE)
    assert sso_secret.show(MINE).secret is False
    address, sub = email(), uuid4().hex
    user(service, MINE, "member", address)
    claims = {"email": address, "email_verified": True}
    assert through(service, own, sub, **claims).json()["code"] == "sso.refused", "this provider wants one"
    sso_secret.put(MINE, "hush-1", actor=Actor("test"))
    assert sso_secret.read(MINE) == "hush-1"
    assert sso_secret.show(MINE).callbacks == (f"https://{HOST}/v1/session/oidc/callback",)
    someone(through(service, own, sub, **claims), service)
    with transaction() as connection:
        rows = connection.execute("SELECT DISTINCT outcome FROM audit_log WHERE action = 'sso secret' AND tenant_id = %s", [TENANT])
        assert [row["outcome"] for row in rows] == ["set"]
    assert sso_secret.remove(MINE, actor=Actor("test")) is True
    assert sso_secret.read(MINE) is None
    assert sso_secret.remove(MINE, actor=Actor("test")) is False


@pytest.mark.parametrize(
    "address", ["http://10.0.0.7", "https://localhost", "https://127.0.0.1:8443", "https://169.254.169.254", "file:///etc/passwd", "https://[::1]"]
)  # fmt: skip
def test_an_address_of_ours_is_never_asked(service, own, address):
    """Whatever came into the row."""
    declare(TENANT, address)
    answer = service.client.get("/v1/session/oidc", headers={"Host": HOST}, follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "sso.unreachable")


@pytest.fixture(scope="module")
def stranger(local):
    """A provider whose document says whatever a test wants; and what it was asked for."""
    said, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = said["body"] if isinstance(said["body"], bytes) else json.dumps(said["body"]).encode()
            self.send_response(said.get("status", 200))
            if "location" in said:
                self.send_header("Location", said["location"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", said, asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer": "https://login.other.example"}, "sso.refused"),
        ({"authorization_endpoint": "http://10.0.0.7/authorize"}, "input.invalid"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "input.invalid"),
        ({"token_endpoint": 7}, "sso.refused"),
        ([], "sso.unreachable"),
        (b"<html>", "sso.unreachable"),
        (b"x" * (outbound.PAGE + 1), "sso.unreachable"),
        (b"[" * 100_000, "sso.unreachable"),
    ],
)
def test_a_document_that_is_none_leads_nowhere(service, own, stranger, change, code):
    address, said, asked = stranger
    asked.clear()
    whole = {"issuer": address, **{name: f"{address}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}}
    said.update(body={**whole, **change} if isinstance(change, dict) else change, status=200)
    declare(TENANT, address, uuid4().hex)
    answer = service.client.get("/v1/session/oidc", headers={"Host": HOST}, follow_redirects=False)
    assert answer.json().get("code") == code, answer.text
    said.update(status=302, location=f"{address}/elsewhere", body=b"")
    declare(TENANT, address, uuid4().hex)
    answer = service.client.get("/v1/session/oidc", headers={"Host": HOST}, follow_redirects=False)
    del said["location"]
    assert answer.json()["code"] == "sso.unreachable"
    assert "/elsewhere" not in asked


def test_its_document_sets_no_options_of_our_client():
    """Authlib hands what a provider says of itself to its HTTP client: `proxy`, `verify` and the like would count there."""
    texts = {name: f"https://login.acme.example/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    said = {
        "issuer": "https://login.acme.example",
        **texts,
        "proxy": "http://10.0.0.7:3128",
        "verify": False,
        "mounts": {},
        "jwks": {"keys": []},
    }
    kept = provider_requests.described(Provider("https://login.acme.example", "us", None, "tenants", "acme"), said)
    assert kept == {"issuer": "https://login.acme.example", **texts}
