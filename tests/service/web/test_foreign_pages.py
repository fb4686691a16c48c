"""Pages of other sites: they change nothing by a browser that is signed in, and no host that a request invents is ours."""

from __future__ import annotations

import pytest

from tests.service.web.conftest import ADMINS, MINE, THEIRS, Browser, admin, user
from tests.service.web.test_api_keys import filled, routes
from tests.service.web.test_signed_in import OF_SESSION, link, needs

pytestmark = pytest.mark.service

HOST = f"{MINE}.x.example"
PATH = f"/v1/tenants/{MINE}/configuration/theme.primary"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-CSRF-Token": None}, "request.token"),
        ({"X-CSRF-Token": "x"}, "request.token"),
        ({"X-CSRF-Token": ""}, "request.token"),
        ({"Origin": None, "Sec-Fetch-Site": None}, "request.foreign"),
        ({"Sec-Fetch-Site": "cross-site"}, "request.foreign"),
        ({"Sec-Fetch-Site": "same-site"}, "request.foreign"),
        ({"Sec-Fetch-Site": "none"}, "request.foreign"),
        ({"Origin": "https://evil.example"}, "request.foreign"),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": None}, "request.foreign"),
        ({"Origin": f"https://{THEIRS}.x.example"}, "request.foreign"),
        ({"Origin": f"http://{HOST}"}, "request.foreign"),
        ({"Origin": f"https://{HOST}:8443"}, "request.foreign"),
        ({"Origin": f"https://{HOST}.evil.example"}, "request.foreign"),
        ({"Origin": "null"}, "request.foreign"),
        ({"Origin": ""}, "request.foreign"),
    ],
)
def test_what_changes_something_is_asked_by_a_page_of_the_same_origin(service, headers, code):
    browser = user(service, MINE, "admin")
    answer = browser.ask("PUT", PATH, json={"value": "#222222"}, headers={"If-Match": "*", **headers})
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert browser.ask("GET", PATH).json()["value"] == "#0b5fff"


@pytest.mark.parametrize("headers", [{}, {"Origin": None}, {"Sec-Fetch-Site": None}])
def test_either_of_what_browsers_say_will_do(service, headers):
    browser = user(service, MINE, "admin")
    assert browser.ask("PUT", PATH, json={"value": "#222222"}, headers={"If-Match": "*", **headers}).status_code == 200
    browser.ask("DELETE", PATH, headers={"If-Match": "*"})


def test_no_route_that_changes_something_does_it_without_the_token(service):
    """Of somebody who may do everything; another session's token is none."""
    platform, other = admin(service), admin(service, "bea@platform.example")
    asked = [*routes(service), *OF_SESSION]
    for method, path in asked:
        if method == "GET":
            continue
        path = filled(path, slug=MINE)
        for token in (None, other.csrf):
            more = needs(method, path)
            answer = platform.ask(method, path, **{**more, "headers": {**more.get("headers", {}), "X-CSRF-Token": token}})
            assert (answer.status_code, answer.json()["code"]) == (403, "request.token"), (method, path)
    assert platform.works()


def test_a_form_of_another_site_signs_nobody_in(service):
    """Else the person would work in the attacker's account."""
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = service.client.post("/v1/session", json={"link": link()}, headers={"Host": ADMINS, **headers})
        assert (answer.status_code, answer.json()["code"]) == (403, "request.foreign")
    text = service.client.post("/v1/session", content=b'{"link": "x"}', headers={"Host": ADMINS, "Content-Type": "text/plain"})
    assert text.status_code == 422, "what a form can send is no JSON"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "127.0.0.1:80@evil.example", "", "[::1]"]
)
def test_no_host_that_a_request_invents_is_the_platforms(service, host):
    answer = service.client.post("/v1/session", json={"link": link()}, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (404, "link.unknown")


def test_a_request_with_two_hosts_has_none(service):
    browser = admin(service)
    assert browser.works()
    twice = Browser(service.client, ADMINS, browser.secret, browser.csrf)
    headers = [("Host", ADMINS), ("Host", "evil.example"), ("Cookie", f"__Host-tenantry={twice.secret}")]
    assert service.client.request("GET", "/v1/session", headers=headers).status_code == 401


def test_what_a_request_says_of_its_host_is_in_no_link(monkeypatch):
    """It is the service's own setting that is."""
    from tenantry.actor import Actor
    from tenantry.errors import InputError
    from tenantry.operations import platform_admins, service_address

    monkeypatch.setenv("TENANTRY_SERVICE_URL", "https://Admin.tenantry.example/")
    assert service_address.url() == "https://admin.tenantry.example"
    assert service_address.is_own("admin.tenantry.example")
    assert not service_address.is_own("127.0.0.1")
    for wrong in ("http://admin.tenantry.example", "https://admin.example/x", "https://a@b.example", "javascript:1", "admin.example"):
        monkeypatch.setenv("TENANTRY_SERVICE_URL", wrong)
        with pytest.raises(InputError):
            platform_admins.link("ada@x.example", actor=Actor("test"))
