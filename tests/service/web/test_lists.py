"""Lists of the API: filtered, sorted, page by page, and as lines for another program; nobody gets what is not his."""

from __future__ import annotations

import csv
import io
import json
import os
from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.operations import run_log
from tenantry.stores import usage
from tests.commands import Command
from tests.service import directory
from tests.service.web.conftest import MINE, THEIRS, key

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def five(service):
    """Five more tenants of mine, made one after the other; not in the order of their slugs."""
    slugs = [f"web-list-{letter}" for letter in "cadbe"]
    ids = [directory.tenant(slug, "schema", labels={"partner": "me", "external_id": f"crm/{slug[-1]}"}) for slug in slugs]
    yield slugs
    directory.forget(*ids)


def paged(service, path, what, **query):
    """Everything of a list, asked for two at a time."""
    found, after = [], None
    while True:
        parameters = {**query, "limit": 2, **({"after": after} if after else {})}
        answer = service.ask("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page[what]) <= 2
        found += page[what]
        after = page["after"]
        if after is None:
            return found


@pytest.mark.parametrize("sort", ["slug", "-slug", "created_at", "-created_at", "updated_at", "-updated_at"])
def test_pages_of_each_order_have_every_tenant_once(service, five, sort):
    found = [each for each in paged(service, "/v1/tenants", "tenants", sort=sort)]
    assert {each["slug"] for each in found} == {MINE, *five}
    assert len(found) == len(five) + 1
    values = [(each[sort.removeprefix("-")], each["slug"]) for each in found]
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_tenants_are_found_by_label_and_by_somebody_elses_id(service, five):
    assert [each["slug"] for each in paged(service, "/v1/tenants", "tenants", label="external_id=crm/a")] == ["web-list-a"]
    assert [each["slug"] for each in paged(service, "/v1/tenants", "tenants", external_id="crm/b")] == ["web-list-b"]
    assert paged(service, "/v1/tenants", "tenants", label=["external_id=crm/a", "partner=them"]) == []
    assert paged(service, "/v1/tenants", "tenants", label="partner=them") == [], "not his own in their place"


def test_only_the_fields_that_are_asked_for_are_told(service, five):
    found = service.ask("GET", "/v1/tenants?fields=slug,state&label=external_id=crm/a").json()["tenants"]
    assert found == [{"slug": "web-list-a", "state": "active"}]
    wrong = service.ask("GET", "/v1/tenants?fields=slug,password")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "input.invalid")


@pytest.fixture
def journal(service):
    """Five runs of my tenant and one of another partner's, asked for by different people; one is what a table would compute."""
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "plain"]
    with transaction() as connection:
        made = [
            runs.request(
                connection, runs.Request("backup", MINE, naming.tenant_id(MINE), arguments={"n": n}, actor=Actor(name), declared=str(n))
            )
            for n, name in enumerate(names)
        ]
        theirs = runs.request(connection, runs.Request("backup", THEIRS, naming.tenant_id(THEIRS), actor=Actor("plain")))
    yield [str(row["id"]) for row in made], str(theirs["id"])
    with transaction() as connection:
        ids = [row["id"] for row in (*made, theirs)]
        connection.execute("DELETE FROM audit_log WHERE run_id = ANY(%s)", [ids])
        connection.execute("DELETE FROM runs WHERE id = ANY(%s)", [ids])


def test_the_log_is_filtered_and_read_page_by_page(service, journal):
    made, theirs = journal
    found = [run["id"] for run in paged(service, "/v1/runs", "runs", tenant=MINE, kind="backup")]
    assert set(made) <= set(found)
    assert len(found) == len(set(found))
    moments = [run["requested_at"] for run in paged(service, "/v1/runs", "runs")]
    assert moments == sorted(moments, reverse=True)
    assert [run["id"] for run in paged(service, "/v1/runs", "runs", by="plain")] == [made[4]], "another partner's is not told"
    assert paged(service, "/v1/runs", "runs", tenant=THEIRS) == []
    assert theirs in {run["id"] for run in service.ask("GET", "/v1/runs?limit=200", key("the log")).json()["runs"]}
    assert paged(service, "/v1/runs", "runs", since="2100-01-01T00:00:00Z") == []
    assert service.ask("GET", "/v1/runs?after=1~nothing").status_code == 422


def test_the_log_is_exported_and_no_table_computes_anything(service, journal):
    made, _ = journal
    answer = service.ask("GET", f"/v1/runs/export?format=csv&tenant={MINE}&kind=backup")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    for run_id, name in zip(made, ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "plain"], strict=True):
        assert rows[run_id]["requested_by"] == name
    lines = [json.loads(line) for line in service.ask("GET", f"/v1/runs/export?tenant={MINE}&kind=backup").text.splitlines()]
    told = {row["id"]: row["requested_by"] for row in lines}
    assert [told[run_id] for run_id in made[:2]] == ["=cmd|' /C calc'!A0", "+1"], "a program gets what is there"
    done = Command(os.environ, "log", MINE, "--export", "csv", apart=True)
    assert done.wait(60) == 0, done.stderr.read()
    assert f"{made[0]},backup,{MINE},queued,'=cmd" in done.stdout.read()
    assert Command(os.environ, "log", "--export", "xml").wait(60) == 2


def test_an_export_reads_many_pages(service, monkeypatch):
    monkeypatch.setattr(run_log, "_EACH", 2)
    with transaction() as connection:
        requests = [runs.Request("config-bulk", f"key {n}", actor=Actor("many", "service"), declared=str(n)) for n in range(5)]
        ids = [runs.request(connection, each)["id"] for each in requests]
    try:
        wanted = run_log.Filters(by="many")
        assert len(list(run_log.exported("jsonl", wanted, sight=EVERYTHING))) == 5
        assert len(list(run_log.exported("csv", wanted, sight=Sight({"partner": "me"}), name="many"))) == 6
        assert list(run_log.exported("jsonl", wanted, sight=Sight({"partner": "me"}), name="me")) == []
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ANY(%s)", [ids])


def test_usage_is_told_of_tenants_in_sight(service):
    assert service.ask("GET", f"/v1/tenants/{MINE}/usage").json() is None
    figures = {"rows": 3, "database_bytes": 10, "objects": 1, "object_bytes": 5, "users": 9, "connections": None}
    found = [{"limit": "users", "used": 9, "allowed": 10, "percent": 90, "level": "near"}]
    ids = [naming.tenant_id(slug) for slug in (MINE, THEIRS)]
    for tenant in ids:
        usage.record(tenant, figures, {"users": 10}, found)
    try:
        (entry,) = service.ask("GET", "/v1/usage").json()
        assert (entry["slug"], entry["rows"], entry["findings"][0]["level"]) == (MINE, 3, "near")
        assert service.ask("GET", f"/v1/tenants/{MINE}/usage").json() == entry
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM tenant_usage WHERE tenant_id = ANY(%s)", [ids])


def test_a_configuration_has_its_history(service):
    path = f"/v1/tenants/{MINE}/configuration"
    service.ask("PUT", f"{path}/theme.primary", json={"value": "#333333"}, headers={"If-Match": "*"})
    service.ask("DELETE", f"{path}/theme.primary", headers={"If-Match": "*"})
    newest, before, *_ = service.ask("GET", f"{path}/history?key=theme.primary").json()
    assert (before["new_value"], before["changed_by"], newest["old_value"]) == ("#333333", "me", "#333333")
    assert service.ask("GET", f"{path}/history?key=no.such").status_code == 404


def change(**more):
    return {"key": "limits.users", "value": 77, **more}


def test_one_key_of_many_tenants_is_previewed_changed_just_so_and_taken_back(service, five):
    seen = service.ask("POST", "/v1/configuration/bulk/preview", json=change(labels={"external_id": "crm/a"}))
    assert seen.status_code == 200, seen.text
    assert [each["slug"] for each in seen.json()["changes"]] == ["web-list-a"]
    everybody = service.ask("POST", "/v1/configuration/bulk/preview", json=change()).json()
    assert {each["slug"] for each in everybody["changes"]} == {MINE, *five}, "those of another partner are never chosen"
    other = service.ask("POST", "/v1/configuration/bulk", json=change(plan=seen.json()["plan"]))
    assert other.status_code == 422, "it would do something else"
    asked = service.ask("POST", "/v1/configuration/bulk", json=change(labels={"external_id": "crm/a"}, plan=seen.json()["plan"]))
    assert asked.status_code == 202, asked.text
    run = asked.json()["run"]
    assert service.ask("GET", f"/v1/runs/{run}").json()["kind"] == "config-bulk"
    assert service.ask("GET", f"/v1/runs/{run}", service.theirs).status_code == 404
    foreign = service.ask("GET", f"/v1/configuration/bulk/{run}/undo", service.theirs)
    absent = service.ask("GET", f"/v1/configuration/bulk/{uuid4()}/undo", service.theirs)
    assert (foreign.status_code, foreign.json()) == (404, absent.json())
    assert service.ask("POST", f"/v1/configuration/bulk/{run}/undo").status_code == 422, "it has changed nothing yet"
    with transaction() as connection:
        connection.execute("DELETE FROM api_requests WHERE run_id = %s", [run])
        connection.execute("DELETE FROM runs WHERE id = %s", [run])


@pytest.mark.parametrize("of", [{"slugs": [THEIRS]}, {"slugs": ["web-nobody"]}, {"labels": {"partner": "them"}}, {"cells": ["nowhere"]}])
def test_tenants_of_another_partner_are_as_those_that_there_are_not(service, of):
    answer = service.ask("POST", "/v1/configuration/bulk/preview", json=change(**of))
    assert answer.status_code in (404, 422)
    assert THEIRS not in answer.json()["hint"]


def test_a_key_gives_no_more_than_it_has(service):
    giver = key("giver", scopes=["keys:read", "keys:write", "tenants:read"], labels={"partner": "me"}, days=30)
    name = {"headers": {"Idempotency-Key": uuid4().hex}}
    body = {"holder": "giver/portal", "scopes": ["tenants:read"], "labels": {"region": "eu"}, "days": 7}
    made = service.ask("POST", "/v1/keys", giver, json=body, **name)
    assert (made.status_code, made.json()["labels"]) == (201, {"partner": "me", "region": "eu"}), made.text
    text = made.json()["key"]
    assert service.ask("GET", "/v1/tenants", text).json()["tenants"] == []
    again = service.ask("POST", "/v1/keys", giver, json=body, **name)
    assert (again.json()["id"], again.json()["key"]) == (made.json()["id"], None), "it is shown once"
    with transaction() as connection:
        assert text not in str(connection.execute("SELECT answer FROM api_requests").fetchall())
    for wrong in (
        {"scopes": ["tenants:read", "tenants:delete"]},
        {"labels": {"partner": "them"}},
        {"holder": "me"},
        {"holder": "giver2"},
        {"days": 31},
        {"days": None},
        {"scopes": ["no:such"]},
    ):
        refused = service.ask("POST", "/v1/keys", giver, json={**body, **wrong})
        assert refused.status_code == 422, wrong
    listed = {each["id"] for each in service.ask("GET", "/v1/keys", giver).json()}
    assert listed == {made.json()["id"], giver.split("_")[2]}
    stronger = service.mine.split("_")[2]
    foreign = service.ask("POST", f"/v1/keys/{stronger}/revoke", giver)
    absent = service.ask("POST", "/v1/keys/000000000000/revoke", giver)
    assert (foreign.status_code, foreign.json()) == (404, absent.json()), "a key that is for more cannot be ended"
    assert service.ask("POST", f"/v1/keys/{made.json()['id']}/revoke", giver).json()["works"] is False
    assert service.ask("GET", "/v1/tenants", text).status_code == 401
