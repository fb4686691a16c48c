"""A tenant's users by the API and by the command: seen, given a role, removed; never the last administrator."""

from __future__ import annotations

import json
import os
from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.control.database import transaction
from tests.commands import Command
from tests.service.web.conftest import MINE, THEIRS

pytestmark = pytest.mark.service


@pytest.fixture
def people(service):
    """Ids of an administrator and a member of my tenant, and of an administrator of another partner's."""
    made = {}
    with transaction() as connection:
        for slug, name, role in ((MINE, "ada", "admin"), (MINE, "bea", "member"), (THEIRS, "eve", "admin")):
            row = connection.execute(
                "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, %s, %s, %s) RETURNING id",
                [naming.tenant_id(slug), f"{name}@x.example", name.title(), role],
            ).fetchone()
            made[name] = str(row["id"])
    yield made
    with transaction() as connection:
        for slug in (MINE, THEIRS):
            connection.execute("DELETE FROM users WHERE tenant_id = %s", [naming.tenant_id(slug)])


def test_a_tenant_keeps_an_administrator(service, people):
    path = f"/v1/tenants/{MINE}/users"
    assert [(user["email"], user["role"]) for user in service.ask("GET", path).json()] == [
        ("ada@x.example", "admin"),
        ("bea@x.example", "member"),
    ]
    for call in (f"{path}/{people['ada']}/role", f"{path}/{people['ada']}/remove"):
        last = service.ask("POST", call, json={"role": "member"} if call.endswith("role") else {})
        assert (last.status_code, last.json()["code"]) == (409, "user.last")
    raised = service.ask("POST", f"{path}/{people['bea']}/role", json={"role": "admin"})
    assert (raised.status_code, raised.json()["role"]) == (200, "admin"), raised.text
    assert service.ask("POST", f"{path}/{people['ada']}/remove").json()["email"] == "ada@x.example"
    assert [user["email"] for user in service.ask("GET", path).json()] == ["bea@x.example"]
    with transaction() as connection:
        told = connection.execute(
            "SELECT actor, outcome FROM audit_log WHERE tenant_id = %s AND action = 'user' ORDER BY id", [naming.tenant_id(MINE)]
        ).fetchall()
    assert [(line["actor"], line["outcome"]) for line in told] == [
        ("me", f"{people['bea']}, now admin"),
        ("me", f"{people['ada']} removed"),
    ]


def test_another_tenants_user_is_as_one_that_there_is_not(service, people):
    for what, body in (("role", {"role": "member"}), ("remove", {})):
        foreign = service.ask("POST", f"/v1/tenants/{MINE}/users/{people['eve']}/{what}", json=body)
        absent = service.ask("POST", f"/v1/tenants/{MINE}/users/{uuid4()}/{what}", json=body)
        assert (foreign.status_code, foreign.json()) == (404, absent.json())


def test_the_commands_do_the_same(service, people):
    shown = Command(os.environ, "user", "list", MINE, "--json", apart=True)
    assert shown.wait(60) == 0, shown.stderr.read()
    assert [user["email"] for user in json.loads(shown.stdout.read())] == ["ada@x.example", "bea@x.example"]
    assert Command(os.environ, "user", "role", MINE, "bea@x.example", "admin").wait(60) == 0
    assert Command(os.environ, "user", "remove", MINE, people["ada"]).wait(60) == 0
    last = Command(os.environ, "user", "remove", MINE, "BEA@x.example", "--json")
    assert last.wait(60) == 2
    assert json.loads(last.stdout.read())["code"] == "user.last"
