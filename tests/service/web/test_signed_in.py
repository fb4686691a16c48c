"""Sessions: begun under a new secret, ended by whatever ends the right to them, and good for one host."""

from __future__ import annotations

import json
import os
import re

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.operations import lifecycle, platform_admins
from tests.commands import Command
from tests.service import directory
from tests.service.web.conftest import ADMINS, MINE, THEIRS, Browser, admin, user
from tests.service.web.test_api_keys import body, filled, routes, said

pytestmark = pytest.mark.service


OF_SESSION = (
    ("GET", "/v1/session"), ("DELETE", "/v1/session"), ("DELETE", "/v1/sessions"), ("PUT", "/v1/session/password"),
    ("GET", "/v1/session/passkeys"), ("POST", "/v1/session/passkeys/options"), ("POST", "/v1/session/passkeys"),
    ("DELETE", "/v1/session/passkeys/00"),
)  # fmt: skip
SHOWN = {
    ("PUT", "/v1/session/password"): {"json": {"password": "x"}},
    ("POST", "/v1/session/passkeys"): {"json": {"credential": {}, "name": "x"}},
}


@pytest.fixture
def other(service):
    """A tenant of the test's own, whose state it changes."""
    (service.tenants / "web-other.yaml").write_text(
        "name: X\ntier: starter\nisolation: schema\nstate: active\nadmin: {name: A, email: a@x.example}\n"
    )
    tenant_id = directory.tenant("web-other", "schema")
    yield "web-other"
    with transaction() as connection:
        for table in ("audit_log", "outbox", "users", "holds", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE {'tenant' if table == 'holds' else 'tenant_id'} = %s", [tenant_id])
    directory.forget(tenant_id)
    (service.tenants / "web-other.yaml").unlink()


def link(email="ada@platform.example"):
    return platform_admins.link(email, actor=Actor("test")).url.partition("#")[2]


def test_a_link_signs_in_once_and_within_its_time(service):
    code, host = link(), {"Host": ADMINS}
    assert service.client.post("/v1/session", json={"link": code}, headers={"Host": "evil.example"}).status_code == 404
    first = service.client.post("/v1/session", json={"link": code}, headers=host)
    assert (first.status_code, first.json()["role"], first.json()["tenant"]) == (201, "platform", None), first.text
    cookie = first.headers["set-cookie"]
    assert re.fullmatch(r"__Host-tenantry=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", cookie), cookie
    assert first.headers["cache-control"] == "no-store"
    service.client.cookies.clear()
    again = service.client.post("/v1/session", json={"link": code}, headers=host)
    assert (again.status_code, again.json()["code"]) == (404, "link.unknown")
    late = link()
    with transaction() as connection:
        connection.execute("UPDATE sign_in_links SET expires_at = now()")
    assert said(service.client.post("/v1/session", json={"link": late}, headers=host)) == said(again)
    replaced, _ = link(), link()
    assert said(service.client.post("/v1/session", json={"link": replaced}, headers=host)) == said(again)


def test_nothing_that_is_kept_signs_anybody_in(service):
    code, browser = link("kept@platform.example"), admin(service)
    with transaction() as connection:
        kept = "".join(
            str(connection.execute(f"SELECT t.*, encode(digest, 'escape') AS said FROM {table} t").fetchall())
            for table in ("sessions", "sign_in_links")
        )
    assert browser.csrf in kept
    assert browser.secret not in kept
    assert code not in kept


def test_who_signs_in_has_another_secret_and_what_the_browser_had_ends(service):
    """Fixation: an attacker who has put a session into the browser is not in the one that begins."""
    planted = admin(service)
    answer = service.client.post(
        "/v1/session", json={"link": link()}, headers={"Host": ADMINS, "Cookie": f"__Host-tenantry={planted.secret}"}
    )
    assert planted.secret not in answer.headers["set-cookie"]
    assert answer.json()["csrf"] != planted.csrf
    assert not planted.works()
    made_up = service.client.post("/v1/session", json={"link": link()}, headers={"Host": ADMINS, "Cookie": "__Host-tenantry=chosen"})
    assert "chosen" not in made_up.headers["set-cookie"]
    service.client.cookies.clear()


def test_signing_out_ends_one_session_or_all_of_them(service):
    one, two, three = admin(service), admin(service), admin(service, "bea@platform.example")
    gone = one.ask("DELETE", "/v1/session")
    assert (gone.status_code, gone.headers["set-cookie"].partition(";")[0]) == (204, '__Host-tenantry=""')
    assert [browser.works() for browser in (one, two, three)] == [False, True, True]
    one = admin(service)
    assert two.ask("DELETE", "/v1/sessions").status_code == 204
    assert [browser.works() for browser in (one, two, three)] == [False, False, True]
    platform_admins.revoke("bea@platform.example", actor=Actor("test"))
    assert not three.works()


@pytest.mark.parametrize("command", ["suspend", "offboard"])
def test_whoever_is_signed_in_is_out_when_the_tenant_is(service, other, command):
    """In the transaction that changes the tenant's state: no step of the run has been done."""
    mine, foreign = user(service, other, "admin"), user(service, THEIRS, "admin")
    assert mine.works()
    assert foreign.works()
    lifecycle.request(command, other, actor=Actor("test"))
    with transaction() as connection:
        assert connection.execute("SELECT FROM sessions WHERE tenant = %s", [naming.tenant_id(other)]).fetchall() == []
    assert not mine.works()
    assert foreign.works()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET role = 'member' WHERE tenant_id = %s",
        "UPDATE users SET email = 'new@x.example' WHERE tenant_id = %s",
        "DELETE FROM users WHERE tenant_id = %s",
        "DELETE FROM tenant_domains WHERE tenant_id = %s",
        "UPDATE tenant_domains SET status = 'pending' WHERE tenant_id = %s",
        "UPDATE sessions SET idle_until = now() WHERE tenant = %s",
        "UPDATE sessions SET expires_at = now() WHERE tenant = %s",
    ],
)
def test_a_session_ends_with_the_right_to_it(service, other, change):
    browser = user(service, other, "admin")
    with transaction() as connection:
        connection.execute("UPDATE users SET name = 'Other' WHERE tenant_id = %s", [naming.tenant_id(other)])
    assert browser.works()
    with transaction() as connection:
        connection.execute(change, [naming.tenant_id(other)])
    assert not browser.works()


def test_a_session_is_good_for_the_host_where_it_began(service):
    browser = user(service, MINE, "admin")
    for host in (f"{THEIRS}.x.example", ADMINS, "nobody.example", f"{MINE}.x.example.evil.example", ""):
        assert browser.ask("GET", "/v1/session", headers={"Host": host}).status_code == 401, host
    for host in (f"{MINE}.x.example:443", f"{MINE.upper()}.X.EXAMPLE"):
        assert browser.ask("GET", "/v1/session", headers={"Host": host}).status_code == 200, host


def test_what_a_session_may_is_what_its_person_may(service):
    platform, boss, member = admin(service), user(service, MINE, "admin"), user(service, MINE, "member")
    assert {each["slug"] for each in platform.ask("GET", "/v1/tenants").json()["tenants"]} >= {MINE, THEIRS}
    assert boss.ask("GET", "/v1/tenants").status_code == 403
    path = f"/v1/tenants/{MINE}/configuration/theme.primary"
    assert boss.ask("PUT", path, json={"value": "#111111"}, headers={"If-Match": "*"}).status_code == 200
    limits = boss.ask("PUT", f"/v1/tenants/{MINE}/configuration/limits.users", json={"value": 9}, headers={"If-Match": "*"})
    assert limits.status_code == 422, "that is the platform's to say"
    assert boss.ask("DELETE", path, headers={"If-Match": "*"}).status_code == 200
    invited = boss.ask("POST", f"/v1/tenants/{MINE}/invitations", json={"email": "cy@acme.example", "name": "Cy"})
    assert invited.status_code == 201, invited.text
    assert member.ask("GET", f"/v1/tenants/{MINE}/invitations").status_code == 403
    assert member.ask("GET", "/v1/session").json()["scopes"] == []
    with transaction() as connection:
        (line,) = connection.execute(
            "SELECT actor FROM audit_log WHERE tenant_id = %s AND outcome ~ %s", [naming.tenant_id(MINE), invited.json()["id"]]
        ).fetchall()
    assert line["actor"].startswith("user:"), "the log outlives its people"


def needs(method, path):
    """All that a route needs besides somebody who may ask."""
    more = (
        {"json": {"value": "x"}}
        if method == "PUT"
        else {"json": {"name": "x"}}
        if method == "PATCH"
        else body(path)
        if method == "POST"
        else {}
    )
    return {**more, "headers": {"If-Match": "*"}} if method in ("PUT", "PATCH", "DELETE") else more


def test_on_every_route_a_session_that_does_not_work_is_as_none(service):
    expired, foreign = user(service, MINE, "admin", "late@x.example"), user(service, THEIRS, "admin")
    with transaction() as connection:
        connection.execute("UPDATE sessions SET expires_at = now() FROM users u WHERE u.id = user_id AND u.email = 'late@x.example'")
    browsers = (
        Browser(service.client, expired.host, "", ""),
        Browser(service.client, expired.host, "made-up", "x"),
        Browser(service.client, expired.host, "x" * 4000, "x"),
        expired,
        Browser(service.client, expired.host, foreign.secret, foreign.csrf),
    )
    for method, path in [*routes(service), *OF_SESSION]:
        path = filled(path, slug=MINE)
        more = needs(method, path)
        answers = [said(browser.ask(method, path, **more)) for browser in browsers]
        assert answers[0][0] == 401, (method, path)
        assert all(answer == answers[0] for answer in answers), (method, path)


def test_on_every_route_another_tenants_session_sees_what_there_is_not(service):
    """A tenant's administrator and another tenant: refused as for one that there is not. A member is refused everywhere."""
    boss, member = user(service, THEIRS, "admin"), user(service, THEIRS, "member")
    run = service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"]
    allowed = set()
    for method, path in routes(service):
        more = needs(method, path)
        for browser, statuses in ((boss, (403, 404)), (member, (403,))):
            foreign = browser.ask(method, filled(path, slug=MINE, run=run), **more)
            absent = browser.ask(method, filled(path), **more)
            assert foreign.status_code in statuses, (method, path, foreign.text)
            assert said(foreign) == said(absent), (method, path)
            if foreign.status_code == 404:
                allowed.add(f"{method} {path}")
    assert allowed == {
        "GET /v1/tenants/{slug}/configuration",
        "GET /v1/tenants/{slug}/configuration/history",
        "GET /v1/tenants/{slug}/configuration/{key}",
        "PUT /v1/tenants/{slug}/configuration/{key}",
        "DELETE /v1/tenants/{slug}/configuration/{key}",
        "PUT /v1/tenants/{slug}/configuration/{key}/picture",
        "GET /v1/tenants/{slug}/invitations",
        "POST /v1/tenants/{slug}/invitations",
        "POST /v1/tenants/{slug}/invitations/revoke",
        "GET /v1/tenants/{slug}/email-domains",
        "POST /v1/tenants/{slug}/email-domains/check",
        "POST /v1/invitations/accept",
        "GET /v1/tenants/{slug}/log",
        "GET /v1/tenants/{slug}/log/export",
        "GET /v1/tenants/{slug}/users",
        "POST /v1/tenants/{slug}/users/{user}/remove",
        "POST /v1/tenants/{slug}/users/{user}/role",
    }, "what a tenant's administrator may ask at all"


def test_a_key_has_no_session(service):
    for method, path in OF_SESSION:
        assert service.ask(method, path, **SHOWN.get((method, path), {})).json()["code"] == "session.none"


def said_by(*words):
    """What a command prints as JSON."""
    done = Command(os.environ, *words, "--json", apart=True)
    assert done.wait(60) == 0, done.stderr.read()
    return json.loads(done.stdout.read())


def test_the_commands_make_links_that_sign_in_and_end_administrators(service):
    made = said_by("admin", "link", "cli@platform.example")
    assert made["url"].startswith("http://127.0.0.1:8080/sign-in#")
    entered = service.client.post("/v1/session", json={"link": made["url"].partition("#")[2]}, headers={"Host": ADMINS})
    service.client.cookies.clear()
    assert (entered.status_code, entered.json()["email"]) == (201, "cli@platform.example")
    (told,) = [each for each in said_by("admin", "list") if each["email"] == "cli@platform.example"]
    assert (told["sessions"], told["revoked_at"]) == (1, None)
    ended = said_by("admin", "revoke", "CLI@platform.example")
    assert (ended["sessions"], bool(ended["revoked_at"])) == (0, True)
    user(service, MINE, "member", "linked@x.example")
    made = said_by("user", "link", MINE, "linked@x.example")
    assert made["url"].startswith(f"https://{MINE}.x.example/sign-in#")
    unknown = Command(os.environ, "admin", "revoke", "nobody@platform.example", "--json", apart=True)
    assert unknown.wait(60) == 2
    assert json.loads(unknown.stdout.read())["code"] == "admin.unknown"
