"""Every sign-in is in the audit log, and every one that failed: alike ones as one line with a count, and never more lines than a bound."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import failed_sign_ins as rows
from tenantry.control.database import transaction
from tenantry.operations import attempts, failed_sign_ins, platform_admins, sessions
from tenantry.operations.sessions import Place
from tests.service.web.conftest import ADMINS, MINE, admin, user

pytestmark = pytest.mark.service

HOST, TENANT = f"{MINE}.x.example", naming.tenant_id(MINE)


@pytest.fixture(autouse=True)
def fresh(service):
    with transaction() as connection:
        connection.execute("DELETE FROM rate_limits; DELETE FROM failed_sign_ins; DELETE FROM audit_log WHERE action = 'failed sign-in'")
    yield
    service.client.cookies.clear()
    with transaction() as connection:
        connection.execute("DELETE FROM failed_sign_ins; DELETE FROM audit_log WHERE action = 'failed sign-in'")


def lines(tenant=TENANT):
    query = "SELECT actor, outcome FROM audit_log WHERE action = 'failed sign-in' AND tenant_id IS NOT DISTINCT FROM %s ORDER BY id"
    with transaction() as connection:
        return [row["outcome"] for row in connection.execute(query, [tenant]) if row["actor"] == "somebody"]


def try_password(service, email, host=HOST):
    answer = service.client.post("/v1/session", json={"email": email, "password": "not it, certainly"}, headers={"Host": host})
    assert answer.json()["code"] == "password.wrong"


def test_a_wrong_password_is_one_line_for_each_account_with_a_count(service):
    email = f"f{uuid4().hex[:6]}@acme.example"
    person = user(service, MINE, "member", email).ask("GET", "/v1/session").json()["person"]
    for typed in (email, email.upper(), email, "who@acme.example"):
        try_password(service, typed)
    assert lines() == [
        f"by password, 3: user:{person} from testclient",
        "by password, 1: 'who@acme.example' from testclient",
    ]
    with transaction() as connection:
        connection.execute("UPDATE failed_sign_ins SET since = now() - interval '16 minutes'")
    try_password(service, email)
    assert lines()[2:] == [f"by password, 1: user:{person} from testclient"], "another window is another line"
    sessions.purge()
    try_password(service, email)
    assert lines()[2:] == [f"by password, 2: user:{person} from testclient"]


def test_what_a_stranger_types_is_one_short_visible_line_and_no_password(service):
    hostile = "\x1b[2J\u202e" + "a" * 150 + "@x.example\nby password, 9: user"
    for typed in (hostile, "correct horse battery", "@", "a@b from 192.0.2.9"):
        try_password(service, typed)
    (first, second, third) = lines()
    assert first.isprintable()
    assert len(first) < 180
    assert first.startswith("by password, 1: ")
    assert "horse" not in "".join(lines())
    assert second == "by password, 2: nobody known from testclient"
    assert third == "by password, 1: 'a@b from 192.0.2.9' from testclient"


def test_links_passkeys_and_single_sign_on_are_written_down_too(service, monkeypatch):
    for name, value in {"ISSUER": "http://localhost:9", "CLIENT_ID": "us", "FOR": "all"}.items():
        monkeypatch.setenv(f"TENANTRY_OIDC_{name}", value)
    assert service.client.get("/v1/session/oidc/callback", headers={"Host": HOST}).json()["code"] == "sso.refused"
    monkeypatch.delenv("TENANTRY_OIDC_ISSUER")
    assert service.client.post("/v1/session", json={"link": "made up"}, headers={"Host": HOST}).json()["code"] == "link.unknown"
    assert service.client.post("/v1/session/passkey", json={"credential": {}}, headers={"Host": HOST}).json()["code"] == "passkey.refused"
    assert lines() == [f"by {way}, 1: nobody known from testclient" for way in ("oidc", "link", "passkey")]
    code = platform_admins.link("fail@platform.example", actor=Actor("test")).url.partition("#")[2]
    assert service.client.post("/v1/session", json={"link": code}, headers={"Host": HOST}).status_code == 404
    assert lines()[-1] == "by link, 1: fail@platform.example from testclient"
    assert service.client.post("/v1/session", json={"link": "made up"}, headers={"Host": ADMINS}).status_code == 404
    assert lines(None) == ["by link, 1: nobody known from testclient"]
    platform_admins.revoke("fail@platform.example", actor=Actor("test"))


def test_signing_in_and_out_are_lines_as_well(service):
    there = admin(service, "log@platform.example")
    assert there.ask("DELETE", "/v1/session").status_code == 204
    with transaction() as connection:
        found = connection.execute("SELECT action, outcome FROM audit_log WHERE actor = 'log@platform.example' ORDER BY id").fetchall()
    assert [(row["action"], row["outcome"]) for row in found] == [("sign in", "by link"), ("sign out", "this browser")]


def test_a_flood_from_everywhere_is_a_bounded_number_of_lines(service, monkeypatch):
    monkeypatch.setattr(failed_sign_ins, "MOST", 5)
    for number in range(30):
        trying = failed_sign_ins.Trying(Place(HOST, f"2001:db8:{number:x}::1", "x"), "password")
        trying.typed = f"{number}@acme.example"
        trying.failed()
    found = lines()
    assert len(found) == 6
    assert found[0] == "by password, 1: '0@acme.example' from 2001:db8::/64"
    assert found[5] == "by password, 25: others"


def test_who_and_from_where_go_with_the_tenant(service):
    try_password(service, "who@acme.example")
    with transaction() as connection:
        rows.forget(connection, TENANT)
    assert lines() == ["by password, 1"]
    assert attempts.MOST["address"] == 60, "what bounds the tries of one address"
