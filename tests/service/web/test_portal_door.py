"""By which door what a tenant's people ask comes to the database: their own, but for what is listed here with its reason."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from local.home import CLONE
from tenantry import naming
from tenantry.clients import objects
from tenantry.control import database, invitations
from tenantry.control.database import transaction
from tenantry.naming import CONTROL_PORTAL
from tests.service.web.conftest import MINE, user
from tests.service.web.test_api_keys import filled, routes
from tests.service.web.test_portal_links import made, opened
from tests.service.web.test_signed_in import OF_SESSION, needs

pytestmark = pytest.mark.service

KEPT: Final = {
    "operations.sessions.authenticate": "who asks is not known before",
    "operations.api_requests.begin": "that a request is done once is the service's own word, about all who ask",
    "control.api_requests.answer": "the same",
    "operations.invite._by_own_people": "the link of an invitation: whoever could write its digest could be whom he likes",
    "operations.sign_in.change_password": "a session begins: whoever could write one could be whom he likes",
    "operations.passkeys.offer": "what a browser is asked, once: it is kept beside what is asked of people of whom nothing is known yet",
    "operations.passkeys._challenge": "the same",
    "operations.audit_log._page": "what a tenant's people are not told of others is left out by rules that no column and no row says",
    "operations.email_domains._claims": "what proves a domain is the platform's to make up, and DNS is asked",
    "operations.email_domains._look": "the same",
}
"""What goes by the owner's door although one of a tenant's people asks, and why; docs/sign-in.md has each."""


@pytest.fixture
def doors(monkeypatch) -> Iterator[set[tuple[str, str]]]:
    """Which doors were opened, each with the function of ours that opened it."""
    opened: set[tuple[str, str]] = set()
    entered = database.acting

    def noting(connection: Any, role: str = database.CONTROL_OWNER) -> Any:
        who = _asker()
        if not who.startswith("operations.read_log."):  # on a thread of its own, about everybody's reads
            opened.add((role, who))
        return entered(connection, role)

    monkeypatch.setattr(database, "acting", noting)
    return opened


def _asker() -> str:
    """The function that is listed and opens a door, or calls what does; else the innermost of a use case, or of control."""
    names, frame = [], sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("tenantry.control.", "tenantry.operations.", "tenantry.stores.")) and module != database.__name__:
            names.append(f"{module.removeprefix('tenantry.')}.{frame.f_code.co_qualname.partition('.<locals>')[0]}")
        frame = frame.f_back
    listed = next((name for name in names if name in KEPT), None)
    return listed or next((name for name in names if name.startswith("operations.")), names[0] if names else "?")


SVG: Final = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9'/></svg>"
CONFIGURATION: Final = "/v1/tenants/{slug}/configuration"
TENANT: Final = "/v1/tenants/{slug}"
WHATEVER: Final = {"If-Match": "*"}
ASKS: Final[dict[str, tuple[dict[str, Any], int]]] = {
    f"GET {CONFIGURATION}": ({}, 200),
    f"GET {CONFIGURATION}/history": ({}, 200),
    f"GET {CONFIGURATION}/{{key}}": ({}, 200),
    f"PUT {CONFIGURATION}/{{key}}": ({"json": {"value": "#112233"}, "headers": WHATEVER}, 200),
    f"DELETE {CONFIGURATION}/{{key}}": ({"headers": WHATEVER}, 200),
    f"PUT {CONFIGURATION}/{{key}}/picture": ({"content": SVG, "headers": WHATEVER}, 200),
    f"POST {TENANT}/invitations": ({"json": {"email": "bea@x.example", "name": "Bea"}}, 201),
    f"GET {TENANT}/invitations": ({}, 200),
    f"POST {TENANT}/invitations/revoke": ({"json": {"email": "bea@x.example"}}, 200),
    "POST /v1/invitations/accept": ({"json": {"code": "its code"}}, 200),
    f"GET {TENANT}/users": ({}, 200),
    f"POST {TENANT}/users/{{user}}/role": ({"json": {"role": "admin"}}, 200),
    f"POST {TENANT}/users/{{user}}/remove": ({}, 200),
    f"GET {TENANT}/log": ({}, 200),
    f"GET {TENANT}/log/export": ({}, 200),
    f"GET {TENANT}/email-domains": ({}, 200),
    f"POST {TENANT}/email-domains/check": ({}, 200),
    "GET /v1/session": ({}, 200),
    "GET /v1/session/passkeys": ({}, 200),
    "POST /v1/session/passkeys/options": ({}, 200),
    "POST /v1/session/passkeys": ({"json": {"credential": {}, "name": "Laptop"}}, 403),
    "DELETE /v1/session/passkeys/00": ({}, 404),
    "PUT /v1/session/password": ({"json": {"password": "correct horse battery"}}, 200),
    "DELETE /v1/session": ({}, 204),
    "DELETE /v1/sessions": ({}, 204),
}
"""Route → how it is asked so that it does what it is for, and its status then."""
NOTHING_TO_ASK: Final = {"GET /v1/session": "it says what the session is by which he was let in"}


def test_each_route_that_is_open_to_a_tenants_people_is_tried(service):
    """One that is new has to be asked below, and goes by their door or is listed with its reason."""
    boss, member = user(service, MINE, "admin"), user(service, MINE, "member")
    open_ones = set()
    for method, path in routes(service):
        for browser in (boss, member):
            if browser.ask(method, filled(path, slug=MINE), **needs(method, path)).status_code != 403:
                open_ones.add(f"{method} {path}")
    assert open_ones | {" ".join(each) for each in OF_SESSION} == set(ASKS)


def test_each_route_of_a_tenants_people_goes_by_their_door(service, doors, monkeypatch):
    monkeypatch.setattr(objects, "put", lambda *place, **more: None)
    monkeypatch.setattr(objects, "newest", lambda *place: [])
    code = "its code"
    with transaction() as connection:
        connection.execute("DELETE FROM invitations WHERE tenant_id = %s AND invited_by IS NOT NULL", [naming.tenant_id(MINE)])
        connection.execute(
            "UPDATE invitations SET token_hash = %s, issued_at = now(), expires_at = now() + interval '1 day' WHERE tenant_id = %s",
            [invitations.digest(code), naming.tenant_id(MINE)],
        )
    used = set()
    for route, (more, status) in ASKS.items():
        boss, _ = user(service, MINE, "admin"), user(service, MINE, "member")
        with transaction() as connection:
            (somebody,) = connection.execute(
                "SELECT id FROM users WHERE tenant_id = %s AND role = 'member'", [naming.tenant_id(MINE)]
            ).fetchall()
        method, path = route.split()
        places = {"slug": MINE, "key": "branding.logo" if "picture" in path else "theme.primary", "user": somebody["id"]}
        doors.clear()
        answer = boss.ask(method, filled(path, **places), **more)
        opened = set(doors)
        assert answer.status_code == status, (route, answer.text)
        owners = {who for role, who in opened if role != CONTROL_PORTAL}
        assert owners <= KEPT.keys(), route
        used |= owners
        asked_for = owners - {"operations.sessions.authenticate", "operations.api_requests.begin", "control.api_requests.answer"}
        assert asked_for or route in NOTHING_TO_ASK or any(role == CONTROL_PORTAL for role, _ in opened), route
    assert used | {"operations.email_domains._look"} == KEPT.keys(), "what is not used any more is not listed"


@pytest.mark.parametrize(("intent", "scope", "asked"), [("configuration", "/configuration", 5), ("people", "/invitations", 3)])
def test_so_does_the_page_of_a_link(service, doors, intent, scope, asked):
    """And what it writes is the link's, not somebody's."""
    token = opened(service, made(service, intent)).json()["token"]
    with transaction() as connection:
        connection.execute("DELETE FROM invitations WHERE tenant_id = %s AND invited_by IS NOT NULL", [naming.tenant_id(MINE)])
        (last,) = connection.execute("SELECT coalesce(max(id), 0) AS id FROM audit_log").fetchall()
    tried = [route for route in ASKS if scope in route and "/v1/tenants" in route and "picture" not in route]
    assert len(tried) == asked
    for route in tried:
        more, status = ASKS[route]
        method, path = route.split()
        doors.clear()
        answer = service.ask(method, filled(path, slug=MINE, key="theme.primary"), token, **more)
        noted = set(doors)
        assert answer.status_code == status, (route, answer.text)
        assert {who for role, who in noted if role != CONTROL_PORTAL} <= {*KEPT, "operations.portal_links.authenticate"}, route
        assert any(role == CONTROL_PORTAL for role, _ in noted), route
    with transaction() as connection:
        lines = connection.execute(
            "SELECT actor FROM audit_log WHERE tenant_id = %(tenant)s AND id > %(last)s UNION ALL SELECT * FROM ("
            "SELECT changed_by FROM tenant_configuration_history WHERE tenant_id = %(tenant)s ORDER BY change_id DESC LIMIT %(changes)s"
            ") AS c",
            {"tenant": naming.tenant_id(MINE), "last": last["id"], "changes": 2 if intent == "configuration" else 0},
        ).fetchall()
    assert len(lines) >= 2
    assert all(line["actor"].startswith("link:") for line in lines)


def test_the_documentation_has_each_exception():
    text = (CLONE / "docs" / "sign-in.md").read_text()
    for function in KEPT:
        assert f"`{function}`" in text, function
