"""By which door what a tenant's people ask comes to the database: their own, but for what is listed here with its reason."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tenantry.clients import objects
from tenantry.control import database
from tenantry.naming import CONTROL_PORTAL
from tests.service.web.conftest import MINE, user
from tests.service.web.test_api_keys import filled

pytestmark = pytest.mark.service

KEPT: Final = {
    "operations.sessions.authenticate": "who asks is not known before",
    "control.api_requests.begin": "that a request is done once is the service's own word, of all who ask",
    "control.api_requests.answer": "the same",
}
"""What goes by the owner's door although one of a tenant's people asks, and why; docs/sign-in.md names each."""


@pytest.fixture
def doors(monkeypatch) -> Iterator[set[tuple[str, str]]]:
    """Which doors were opened, each with the function of ours that opened it."""
    opened: set[tuple[str, str]] = set()
    entered = database.acting

    def noting(connection: Any, role: str = database.CONTROL_OWNER) -> Any:
        opened.add((role, _asker()))
        return entered(connection, role)

    monkeypatch.setattr(database, "acting", noting)
    return opened


def _asker() -> str:
    """The use case that opens a door; where it is none of its own, the function of control."""
    names, frame = [], sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("tenantry.control.", "tenantry.operations.", "tenantry.stores.")) and module != database.__name__:
            names.append(f"{module.removeprefix('tenantry.')}.{frame.f_code.co_qualname.partition('.<locals>')[0]}")
        frame = frame.f_back
    return next((name for name in names if name.startswith("operations.")), names[0] if names else "?")


SVG: Final = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9'/></svg>"
CONFIGURATION: Final = "/v1/tenants/{slug}/configuration"
ASKS: Final[dict[str, tuple[dict[str, Any], int]]] = {
    f"GET {CONFIGURATION}": ({}, 200),
    f"GET {CONFIGURATION}/history": ({}, 200),
    f"GET {CONFIGURATION}/{{key}}": ({}, 200),
    f"PUT {CONFIGURATION}/{{key}}": ({"json": {"value": "#112233"}, "headers": {"If-Match": "*"}}, 200),
    f"DELETE {CONFIGURATION}/{{key}}": ({"headers": {"If-Match": "*"}}, 200),
    f"PUT {CONFIGURATION}/{{key}}/picture": ({"content": SVG, "headers": {"If-Match": "*"}}, 200),
}
"""Route → how it is asked so that it does what it is for, and its status then."""


def test_each_route_of_a_tenants_people_goes_by_their_door(service, doors, monkeypatch):
    monkeypatch.setattr(objects, "put", lambda *place, **more: None)
    monkeypatch.setattr(objects, "newest", lambda *place: [])
    boss = user(service, MINE, "admin")
    for route, (more, status) in ASKS.items():
        method, path = route.split()
        doors.clear()
        answer = boss.ask(method, filled(path, slug=MINE, key="branding.logo" if "picture" in path else "theme.primary"), **more)
        assert answer.status_code == status, (route, answer.text)
        owners = {who for role, who in doors if role != CONTROL_PORTAL}
        assert owners <= KEPT.keys(), route
        assert any(role == CONTROL_PORTAL for role, _ in doors), route
