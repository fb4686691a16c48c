"""Links to one page: made for what the key is for, opened once at the tenant's host, and good for that page of that tenant alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tenantry.actor import Actor
from tenantry.control import portal_links as kept
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import api_keys, portal_links
from tests.service.web.conftest import MINE, THEIRS, key
from tests.service.web.test_api_keys import filled, routes, said

pytestmark = pytest.mark.service

HOST = f"{MINE}.x.example"


@pytest.fixture(autouse=True)
def _fresh(service):
    yield
    with transaction() as connection:
        connection.execute("DELETE FROM portal_links; DELETE FROM return_hosts; DELETE FROM rate_limits")
        connection.execute("UPDATE tenants SET state = 'active' WHERE slug = %s", [MINE])


def made(service, intent="configuration", who="", **more):
    answer = service.ask("POST", f"/v1/tenants/{MINE}/portal-links", who, json={"intent": intent, **more})
    assert answer.status_code == 201, answer.text
    address, _, code = answer.json()["url"].partition("#")
    assert address == f"https://{HOST}/portal"
    return code


def opened(service, code, host=HOST, **headers):
    return service.client.post("/v1/portal-links/open", json={"code": code}, headers={"Host": host, **headers})


def test_it_opens_once_and_just_that_page(service):
    """What the intent may, of this tenant; every other route is refused, and every other tenant is as none."""
    answer = opened(service, made(service, return_url=f"https://{HOST}/settings"))
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["tenant"], page["intent"], page["return_url"]) == (MINE, "configuration", f"https://{HOST}/settings")
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    token = page["token"]
    assert service.ask("GET", f"/v1/tenants/{MINE}/configuration", token).status_code == 200
    theirs = service.ask("GET", f"/v1/tenants/{THEIRS}/configuration", token)
    assert said(theirs) == said(service.ask("GET", "/v1/tenants/web-nobody/configuration", token))
    assert theirs.status_code == 404
    put = service.ask("PUT", f"/v1/tenants/{MINE}/configuration/theme.primary", token, json={"value": "#123456"}, headers={"If-Match": "*"})
    assert put.status_code == 200, put.text
    refused = service.ask("PUT", f"/v1/tenants/{MINE}/configuration/limits.users", token, json={"value": 9}, headers={"If-Match": "*"})
    assert refused.status_code in (403, 422), "what is not the tenant's own to set"
    for method, path in routes(service):
        if "configuration" not in path and "{" in path:
            more = {"json": {}} if method in ("PUT", "PATCH") else {}
            assert service.ask(method, filled(path, slug=MINE), token, **more).status_code == 403, (method, path)
    with transaction() as connection:
        row = connection.execute("SELECT updated_by FROM tenant_configurations WHERE config_key = 'theme.primary' AND source = 'runtime'")
        assert row.fetchone()["updated_by"].startswith("link:")
    service.ask("DELETE", f"/v1/tenants/{MINE}/configuration/theme.primary", headers={"If-Match": "*"})


@pytest.mark.parametrize("intent", portal_links.INTENTS)
def test_the_key_must_be_for_what_the_page_does(service, intent):
    """To make a link is no way to what a key is not for."""
    needed = portal_links.INTENTS[intent][0]
    for scope in needed:
        less = key(f"less {intent} {scope}", scopes=[each for each in api_keys.SCOPES if each != scope], labels={"partner": "me"})
        refused = service.ask("POST", f"/v1/tenants/{MINE}/portal-links", less, json={"intent": intent})
        assert (refused.status_code, refused.json()["code"]) == (403, "key.scope")
    enough = key(f"enough {intent}", scopes=[*needed, "portal:link"], labels={"partner": "me"})
    assert sorted(opened(service, made(service, intent, enough)).json()["scopes"]) == sorted(needed)


def test_codes_that_do_not_work_are_answered_alike(service):
    used, late, foreign = made(service), made(service), made(service)
    assert opened(service, used).status_code == 200
    with transaction() as connection:
        connection.execute("UPDATE portal_links SET expires_at = now() WHERE digest = sha256(convert_to(%s, 'UTF8'))", [late])
    answers = [
        opened(service, used), opened(service, late), opened(service, "made-up"), opened(service, foreign, f"{THEIRS}.x.example"),
        opened(service, foreign, "evil.example"),
    ]  # fmt: skip
    assert (answers[0].status_code, answers[0].json()["code"]) == (404, "link.unknown")
    assert all(said(answer) == said(answers[0]) for answer in answers)
    assert opened(service, foreign, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert opened(service, foreign).status_code == 200, "nobody else has used it up"


def test_of_two_at_once_one_opens_it(service):
    code = made(service)
    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(answer.status_code for answer in threads.map(lambda _: opened(service, code), range(4)))
    assert statuses == [200, 404, 404, 404]


@pytest.mark.parametrize("ending", ["suspended", "key ended", "tenant given to another", "time over"])
def test_link_and_page_end_with_the_right_to_them(service, ending):
    mine = key(f"ending {ending}", labels={"partner": "me"})
    token, waiting = opened(service, made(service, who=mine)).json()["token"], made(service, who=mine)
    assert service.ask("GET", f"/v1/tenants/{MINE}/configuration", token).status_code == 200
    change = {
        "suspended": "UPDATE tenants SET state = 'suspended' WHERE slug = %s",
        "tenant given to another": """UPDATE tenants SET labels = '{"partner": "else"}' WHERE slug = %s""",
        "time over": "UPDATE portal_links SET pass_until = now(), expires_at = now() WHERE %s <> ''",
    }
    try:
        if ending in change:
            with transaction() as connection:
                connection.execute(change[ending], [MINE])
        else:
            api_keys.revoke(mine.split("_")[2], actor=Actor("test"))
        assert service.ask("GET", f"/v1/tenants/{MINE}/configuration", token).status_code == 401
        assert opened(service, waiting).status_code == 404
    finally:
        with transaction() as connection:
            connection.execute("""UPDATE tenants SET state = 'active', labels = '{"partner": "me"}' WHERE slug = %s""", [MINE])


def test_the_way_back_leads_to_the_tenant_or_where_the_holder_is_registered(service):
    good = "https://portal.globex.example/done?x=1"
    path = f"/v1/tenants/{MINE}/portal-links"

    def status(url, who=""):
        return service.ask("POST", path, who, json={"intent": "people", "return_url": url}).status_code

    assert status(good) == 422
    assert portal_links.return_hosts("me", add=["portal.globex.example"], actor=Actor("test")) == ("portal.globex.example",)
    assert status(good) == status(f"https://{HOST}/") == 201
    for url in (
        "http://portal.globex.example/", "https://portal.globex.example:8443/", "https://portal.globex.example.evil.example/",
        "https://portal.globex.example@evil.example/", "https://evil.example/?https://portal.globex.example/", "//portal.globex.example/",
        "https://portal.globex.example\\.evil.example/", "https:portal.globex.example/", "javascript:alert(1)", "/done",
        "https://PORTAL.globex.example/", "https://portal.globex.example/\nSet-Cookie: x", "https://sub.portal.globex.example/",
        f"https://{THEIRS}.x.example/", "",
    ):  # fmt: skip
        assert status(url) == 422, url
    assert (
        service.ask("POST", f"/v1/tenants/{THEIRS}/portal-links", service.theirs, json={"intent": "people", "return_url": good}).status_code
        == 422
    )
    portal_links.return_hosts("me", remove=["portal.globex.example"], actor=Actor("test"))
    assert status(good) == 422


@pytest.mark.parametrize(
    "host", ["https://x.example", "x.example/", "X.example", "x.example:443", "localhost", "10.0.0.1", "a b.example", ""]
)
def test_what_is_no_public_host_is_not_registered(service, host):
    with pytest.raises(InputError):
        portal_links.return_hosts("me", add=[host], actor=Actor("test"))


def test_no_secret_is_kept(service):
    name = {"Idempotency-Key": uuid4().hex}
    first, again = (service.ask("POST", f"/v1/tenants/{MINE}/portal-links", json={"intent": "people"}, headers=name) for _ in range(2))
    assert again.json() == {**first.json(), "url": None}
    code = first.json()["url"].partition("#")[2]
    token = opened(service, code).json()["token"]
    with transaction() as connection:
        for table in ("portal_links", "api_requests", "audit_log"):
            found = str(connection.execute(f"SELECT * FROM {table}").fetchall())
            assert code not in found
            assert token not in found


def test_links_that_have_run_out_are_forgotten(service):
    made(service)
    assert kept.purge() == 0
    with transaction() as connection:
        connection.execute("UPDATE portal_links SET expires_at = now() - interval '2 days'")
    assert kept.purge() == 1
