"""Single sign-on through a real provider (oidc-provider-mock): who comes in, and by no answer but the provider's to this browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import oidc_provider_mock
import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import invite, oidc_provider, platform_admins, returns
from tests.service.web.conftest import ADMINS, MINE, THEIRS, Browser, user

pytestmark = pytest.mark.service

HOST, FLOW = f"{MINE}.x.example", "__Host-tenantry-sso"


@pytest.fixture(scope="module")
def issuer():
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(autouse=True)
def provider(service, issuer, monkeypatch):
    with transaction() as connection:
        connection.execute("DELETE FROM rate_limits")
    for name, value in {"ISSUER": issuer, "CLIENT_ID": "tenantry", "CLIENT_SECRET": "hush", "FOR": "all"}.items():
        monkeypatch.setenv(f"TENANTRY_OIDC_{name}", value)
    yield
    service.client.cookies.clear()


def cookie(answer, name):
    found = re.search(rf"(?:^|, ){name}=([^;]+);", answer.headers.get("set-cookie", ""))
    return found[1] if found else ""


def leave(service, host=HOST, **query):
    """Where the browser is sent, and its cookie."""
    answer = service.client.get("/v1/session/oidc", params=query, headers={"Host": host}, follow_redirects=False)
    service.client.cookies.clear()
    assert answer.status_code == 302, answer.text
    return answer.headers["location"], cookie(answer, FLOW)


def log_in(issuer, where, sub, **claims):
    """What somebody does at the provider; where it sends the browser back."""
    httpx.put(f"{issuer}/users/{sub}", json=claims).raise_for_status()
    answer = httpx.post(where, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def come_back(service, back, flow, host=HOST):
    parts = urlsplit(back)
    headers = {"Host": host, "Cookie": f"{FLOW}={flow}"}
    answer = service.client.get(urlunsplit(("", "", *parts[2:])), headers=headers, follow_redirects=False)
    service.client.cookies.clear()
    return answer


def through(service, issuer, sub, host=HOST, query=None, **claims):
    where, flow = leave(service, host, **(query or {}))
    return come_back(service, log_in(issuer, where, sub, **claims), flow, host)


def someone(answer, service, host=HOST):
    assert answer.status_code == 302, answer.text
    return Browser(service.client, host, cookie(answer, "__Host-tenantry"), "").ask("GET", "/v1/session").json()


def test_a_user_is_found_by_the_verified_address_and_then_by_who_he_is(service, issuer):
    email, sub = f"u{uuid4().hex[:6]}@acme.example", uuid4().hex
    there = user(service, MINE, "admin", email)
    unverified = through(service, issuer, sub, email=email)
    assert (unverified.status_code, unverified.json()["code"]) == (403, "sso.unknown")
    unverified = through(service, issuer, sub, email=email, email_verified="true")
    assert (unverified.status_code, unverified.json()["code"]) == (403, "sso.unknown"), "a text is no word of the provider's"
    answer = through(service, issuer, sub, query={"return_to": "/settings?x=1"}, email=email, email_verified=True)
    assert answer.headers["location"] == "/settings?x=1"
    found = someone(answer, service)
    assert (found["email"], found["tenant"], found["way"], found["role"]) == (email, MINE, "oidc", "admin")
    assert there.ask("GET", "/v1/session").json()["person"] == found["person"]
    renamed = someone(through(service, issuer, sub, email="other@acme.example", email_verified=True), service)
    assert renamed["person"] == found["person"]
    elsewhere = through(service, issuer, sub, f"{THEIRS}.x.example", email=email, email_verified=True)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "sso.unknown"), "the tenant is that of the host"
    with transaction() as connection:
        connection.execute("DELETE FROM users WHERE tenant_id = %s AND email = %s", [naming.tenant_id(MINE), email])
    assert through(service, issuer, sub, email=email, email_verified=True).status_code == 403


def test_the_first_log_in_finds_its_invitation(service, issuer):
    """By the verified address, or by the code that the link had: then whatever address the provider knows."""
    by_address, by_code = f"i{uuid4().hex[:6]}@acme.example", f"c{uuid4().hex[:6]}@acme.example"
    invite.invite(MINE, by_address, "Ida", "member", Actor("test"))
    code = invite.invite(MINE, by_code, "Cy", "admin", Actor("test")).link.rpartition("/")[2]
    found = someone(through(service, issuer, uuid4().hex, email=by_address.upper(), email_verified=True, name="Ida B."), service)
    assert (found["email"], found["role"]) == (by_address, "member")
    sub = uuid4().hex
    foreign = through(service, issuer, uuid4().hex, f"{THEIRS}.x.example", {"invitation": code}, email="x@y.example", email_verified=True)
    assert foreign.json()["code"] == "sso.unknown"
    found = someone(through(service, issuer, sub, query={"invitation": code}, email="private@mail.example", name="x\u202ey"), service)
    assert (found["email"], found["role"]) == (by_code, "admin")
    assert through(service, issuer, uuid4().hex, query={"invitation": code}).json()["code"] == "sso.unknown", "it is used"
    with transaction() as connection:
        kept = connection.execute("SELECT name FROM users WHERE email = ANY(%s) ORDER BY email", [[by_address, by_code]]).fetchall()
    assert [row["name"] for row in kept] == ["Cy", "Ida B."], "what is no visible line is not taken from the provider"


def test_an_administrator_of_the_platform_comes_in_at_its_address_only(service, issuer):
    platform_admins.link("sso@platform.example", actor=Actor("test"))
    claims = {"email": "sso@platform.example", "email_verified": True}
    found = someone(through(service, issuer, "boss", ADMINS, **claims), service, ADMINS)
    assert (found["role"], found["tenant"]) == ("platform", None)
    assert through(service, issuer, "boss", **claims).json()["code"] == "sso.unknown"
    platform_admins.revoke("sso@platform.example", actor=Actor("test"))
    assert through(service, issuer, "boss", ADMINS, **claims).json()["code"] == "sso.unknown"


def test_the_browser_is_sent_with_state_nonce_and_pkce_to_come_back_to_a_host_of_ours(service, issuer):
    where, flow = leave(service)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    assert where.startswith(f"{issuer}/")
    assert asked["redirect_uri"] == f"https://{HOST}/v1/session/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 20
    assert len(flow) == 43
    for host in ("evil.example", f"{HOST}.evil.example", ""):
        answer = service.client.get("/v1/session/oidc", headers={"Host": host}, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "sso.none"), host
    with_port = leave(service, f"{HOST}:8443")[0]
    assert parse_qs(urlsplit(with_port).query)["redirect_uri"] == [f"https://{HOST}/v1/session/oidc/callback"]


def test_no_other_answer_lets_anybody_in(service, issuer):
    """Another browser's, one that comes twice, one with another state, code or none, one to another host, one that is late."""
    claims = {"email": user_email(service), "email_verified": True}
    where, flow = leave(service)
    back = log_in(issuer, where, "somebody", **claims)
    assert come_back(service, back, "").json()["code"] == "sso.refused"
    other_flow = leave(service)[1]
    assert come_back(service, back, other_flow).json()["code"] == "sso.refused"
    assert come_back(service, back, flow, f"{THEIRS}.x.example").json()["code"] == "sso.refused"
    assert come_back(service, back, flow).status_code == 302
    assert come_back(service, back, flow).json()["code"] == "sso.refused", "once"
    for damage in (
        lambda text: re.sub("state=[^&]+", "state=made-up", text),
        lambda text: re.sub("code=[^&]+", "code=made-up", text),
        lambda text: text.partition("?")[0],
        lambda text: text.partition("?")[0] + "?error=access_denied",
    ):
        where, flow = leave(service)
        answer = come_back(service, damage(log_in(issuer, where, "somebody", **claims)), flow)
        assert (answer.status_code, answer.json()["code"]) == (403, "sso.refused")
    where, flow = leave(service)
    with transaction() as connection:
        connection.execute("UPDATE sign_in_flows SET expires_at = now()")
    assert come_back(service, log_in(issuer, where, "somebody", **claims), flow).json()["code"] == "sso.refused"
    where, flow = leave(service)
    with transaction() as connection:  # the code was asked for with another verifier and nonce
        other = """'"(code_verifier|nonce)": "[^"]+"', '"\\1": "x"', 'g'"""
        connection.execute(f"UPDATE sign_in_flows SET content = regexp_replace(content::text, {other})::jsonb")
    assert come_back(service, log_in(issuer, where, "somebody", **claims), flow).json()["code"] == "sso.refused"


def user_email(service):
    email = f"s{uuid4().hex[:6]}@acme.example"
    user(service, MINE, "member", email)
    return email


def test_a_provider_that_is_away_is_said(service, monkeypatch):
    monkeypatch.setenv("TENANTRY_OIDC_ISSUER", "http://localhost:9")
    answer = service.client.get("/v1/session/oidc", headers={"Host": HOST}, follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "sso.unreachable")


def test_where_people_have_single_sign_on_there_are_no_passwords(service, monkeypatch):
    body = {"email": "x@acme.example", "password": "x"}
    asked = {"json": body, "headers": {"Host": HOST}}
    assert service.client.post("/v1/session", **asked).json()["code"] == "password.none"
    monkeypatch.setenv("TENANTRY_OIDC_FOR", "platform")
    assert service.client.post("/v1/session", **asked).json()["code"] == "password.wrong"
    answer = service.client.get("/v1/session/oidc", headers={"Host": HOST}, follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "sso.none")


@pytest.mark.parametrize(
    ("name", "value"),
    [("ISSUER", "http://login.example"), ("ISSUER", "login.example"), ("CLIENT_ID", ""), ("FOR", "everybody")],
)
def test_a_provider_that_is_half_set_is_said(monkeypatch, name, value):
    monkeypatch.setenv(f"TENANTRY_OIDC_{name}", value)
    with pytest.raises(InputError):
        oidc_provider.provider()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil.example", "/x\\..\\evil", "https:/evil.example",
        f"https://{HOST}@evil.example/", f"https://{HOST}.evil.example/", f"http://{HOST}/", f"https://{HOST}:8443/", "javascript:alert(1)",
        "data:text/html,x", "/\t/evil.example", "/\n/evil.example", " /x", "", "x", f"https://{THEIRS}.x.example/", "https:evil.example",
        "https://evil.example\\@" + HOST, "/" + "x" * 2000, "https://[::1", f"https://{HOST}//evil.example",
    ],
)  # fmt: skip
def test_nobody_is_sent_on_to_another_site(service, elsewhere):
    with pytest.raises(InputError) as refused:
        returns.checked(elsewhere, HOST)
    assert refused.value.code == "return.foreign"
    if elsewhere:
        answer = service.client.get("/v1/session/oidc", params={"return_to": elsewhere}, headers={"Host": HOST}, follow_redirects=False)
        assert answer.status_code == 422


def test_one_is_sent_on_to_a_page_of_ours_or_another_host_of_the_tenant(service):
    for text in ("/", "/settings?a=b#c", f"https://{HOST}/x", f"https://{HOST}"):
        assert returns.checked(text, HOST) == text
    with transaction() as connection:
        connection.execute(
            "INSERT INTO tenant_domains (host, tenant_id, kind, status) VALUES ('portal.mine.example', %s, 'custom', 'pending')",
            [naming.tenant_id(MINE)],
        )
    with pytest.raises(InputError):
        returns.checked("https://portal.mine.example/x", HOST)
    with transaction() as connection:
        connection.execute("UPDATE tenant_domains SET status = 'active' WHERE host = 'portal.mine.example'")
    assert returns.checked("https://portal.mine.example/x", HOST)
    with pytest.raises(InputError):
        returns.checked("https://portal.mine.example/x", ADMINS)
