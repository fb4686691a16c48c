"""What a process of the service does when it starts, no request does: the loop makes no routes, and nobody reads the fleet."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from tenantry.declaration import kept
from tenantry.errors import InputError
from tenantry.operations import declarations, tenants
from tenantry.web import starting
from tenantry.web.starting import ReadingAhead


def test_no_route_is_made_by_the_first_request(monkeypatch):
    router, app = APIRouter(), FastAPI()
    router.add_api_route("/there", lambda: "here")
    app.include_router(router)
    starting.make_routes(app)
    monkeypatch.setattr("fastapi.routing._EffectiveRouteContext.from_api_route", None)
    assert TestClient(app).get("/there").json() == "here"


def test_whoever_declares_the_first_tenant_reads_no_other_file(tmp_path, monkeypatch):
    """Not the process's first request, nor another one."""
    monkeypatch.setenv("TENANTRY_TENANTS", str(tmp_path))
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "starter.yaml").write_text("isolation: rls\n")
    for slug in ("one", "two"):
        (tmp_path / f"{slug}.yaml").write_text(f"name: X\ntier: starter\nstate: active\nadmin: {{name: A, email: a@{slug}.example}}\n")
    ahead = ReadingAhead(lambda: None)
    ahead.start()
    assert ahead.wait(30)
    monkeypatch.setattr(kept, "load", None)
    assert "name: Three" in tenants.prepare(tmp_path, tenants.NewTenant("three", "starter"))


def test_declarations_that_cannot_be_read_are_told_to_whoever_asks_and_keep_nobody_waiting(monkeypatch, capsys):
    def refuse() -> None:
        raise InputError("no folder", "make it")

    monkeypatch.setattr(declarations, "read_ahead", refuse)
    ahead = ReadingAhead(lambda: pytest.fail("nothing was read"))
    assert not ahead.over
    ahead.start()
    assert ahead.wait(30)
    assert ahead.over
    assert "no folder" in capsys.readouterr().err
