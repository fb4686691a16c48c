"""A link that opens a tenant to whoever reads it is made where a person reads it, or where it was asked for."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tenantry import console
from tenantry.commands import engine
from tenantry.control.admitted import Admitted
from tenantry.control.ledger import Ledger
from tenantry.declaration import Declarations
from tenantry.engine import fleet
from tenantry.engine.outcome import Outcome
from tenantry.operations import invite, updates


@pytest.mark.parametrize(
    ("terminal", "options", "shown"),
    [
        (False, {}, False),
        (False, {"as_json": True}, False),
        (True, {"as_json": True}, False),
        (True, {}, True),
        (False, {"show_links": True}, True),
        (False, {"show_links": True, "as_json": True}, True),
    ],
)
def test_links_are_for_a_terminal_or_asked_for(monkeypatch, terminal, options, shown):
    """AUDIT S9: elsewhere none is even made, and a line says how the administrator gets one."""
    outcome = Outcome("acme", {"create": 1}, (), 1.0)
    made = []
    admitted = Admitted(Declarations({}), {}, {}, Ledger("shared", {}, {}, False), frozenset(), {}, {})
    monkeypatch.setattr(updates, "choose", lambda *_, **__: updates.Chosen(("acme",), admitted))
    monkeypatch.setattr(fleet, "over", lambda *_, **__: [fleet.Result("acme", outcome, None)])
    monkeypatch.setattr(invite, "first_links", lambda *_: made.append(1) or {"acme": "https://acme.example/invitations/TOKEN"})
    monkeypatch.setattr(invite, "uninvited", lambda *_: ["acme"])
    monkeypatch.setattr("tenantry.control.registry.tenants", list)
    monkeypatch.setattr(console, "answers", lambda: terminal)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    engine.up(slug="acme", **options)
    assert bool(made) == shown
    assert ("/invitations/TOKEN" in out.getvalue()) == shown
    if options.get("as_json"):
        assert bool(json.loads(out.getvalue())["invitations"]) == shown
    elif not shown:
        assert "acme: its administrator has no invitation link yet: tenantry invite acme --mail" in out.getvalue()
