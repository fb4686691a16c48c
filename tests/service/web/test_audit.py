"""The log of who did and read what: whole for the platform, in part for partners, and without others for a tenant's own people."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.operations import audit_log, credentials, rotation
from tests.commands import Command
from tests.service.web.conftest import MINE, THEIRS, admin, key, user
from tests.waiting import wait_for

pytestmark = pytest.mark.service

FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def story(service):
    """What happened: each kind of line, by several people, about my tenant and another partner's."""
    mine, theirs = naming.tenant_id(MINE), naming.tenant_id(THEIRS)
    with transaction() as connection:
        for tenant in (mine, theirs, None):
            runs.audit(connection, tenant, "ops@platform.example", credentials.READ, "acme__app")
        runs.audit(connection, mine, FORMULA, rotation.RENEWED, "acme__app2 in the place of acme__app")
        run = runs.request(connection, runs.Request("backup", MINE, mine, actor=Actor("nightly")))
        runs.audit(connection, mine, "nightly", "backup", "done", run["id"])
    boss, platform = user(service, MINE, "admin"), admin(service, "ops@platform.example")
    boss.ask("PUT", f"/v1/tenants/{MINE}/configuration/theme.primary", json={"value": "#123456"}, headers={"If-Match": "*"})
    asked = [
        boss.ask("GET", f"/v1/tenants/{MINE}/configuration/theme.primary"),
        platform.ask("GET", f"/v1/tenants/{MINE}/users"),
        platform.ask("GET", f"/v1/tenants/{THEIRS}/users"),
        platform.ask("GET", "/v1/tenants?state=active"),
        service.ask("GET", "/v1/tenants?state=active"),
        service.ask("GET", f"/v1/tenants/{MINE}/usage"),
    ]
    ids = [answer.headers["tenantry-request"] for answer in asked]

    def written():
        with transaction() as connection:
            return connection.execute("SELECT count(*) AS n FROM audit_reads WHERE request_id = ANY(%s)", [ids]).fetchone()["n"] == len(ids)

    wait_for(written, seconds=10)
    yield boss, platform
    with transaction() as connection:
        connection.execute("DELETE FROM audit_log WHERE actor = 'ops@platform.example'")
        connection.execute("DELETE FROM tenant_configuration_history WHERE tenant_id = %s", [mine])
        connection.execute("DELETE FROM tenant_configurations WHERE tenant_id = %s", [mine])


def lines(browser, path="/v1/log", **query):
    answer = browser.ask("GET", path, params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["lines"]


def test_doing_and_reading_stand_beside_each_other_the_newest_first(service, story):
    _, platform = story
    found = lines(platform, tenant=MINE)
    moments = [line["at"] for line in found]
    assert moments == sorted(moments, reverse=True)
    told = {(line["kind"], line["action"], line["detail"]) for line in found}
    assert told >= {
        ("done", credentials.READ, "acme__app"), ("done", "backup", "done"), ("done", "backup", "asked for, cli"),
        ("done", "configuration", "theme.primary"), ("read", "GET /v1/tenants/{slug}/users", ""),
        ("read", "GET /v1/tenants/{slug}/configuration/{key}", "key=theme.primary"),
    }  # fmt: skip
    assert {line["tenant"] for line in found} == {MINE}
    assert not any("#123456" in str(line) for line in found), "no values"
    (read,) = [line for line in found if line["who"] == "ops@platform.example" and line["kind"] == "read"]
    assert (read["credential"], read["address"], read["reads"]) == ("session", "testclient", 1)


def test_it_is_filtered_and_read_page_by_page(service, story):
    _, platform = story
    everything = lines(platform)
    seen, after = [], None
    while True:
        page = platform.ask(
            "GET", "/v1/log", params={"limit": 3, "until": everything[0]["at"], **({"after": after} if after else {})}
        ).json()
        seen += page["lines"]
        after = page["after"]
        if after is None:
            break
    before = [line for line in everything if line["at"] < everything[0]["at"]]
    assert seen == before, "each line once, whichever table it is of"
    assert {line["kind"] for line in lines(platform, kind="read")} == {"read"}
    assert {line["action"] for line in lines(platform, action="backup")} == {"backup"}
    assert {line["who"] for line in lines(platform, who="nightly")} == {"nightly"}
    assert lines(platform, since="2100-01-01T00:00:00Z") == lines(platform, tenant="web-nobody") == []
    assert platform.ask("GET", "/v1/log?after=1").status_code == 422


def test_a_partner_sees_his_tenants_and_himself_and_no_address_of_others(service, story):
    found = lines(service)
    assert {line["tenant"] for line in found} == {MINE, None}
    assert {line["who"] for line in found if line["tenant"] is None} == {"me"}
    assert {line["address"] for line in found if line["who"] != "me"} == {None}
    assert {line["address"] for line in found if line["who"] == "me" and line["kind"] == "read"} == {"testclient"}
    theirs = service.ask("GET", "/v1/log", service.theirs, params={"tenant": MINE}).json()["lines"]
    assert theirs == []


def test_it_is_exported_and_no_table_computes_anything(service, story):
    _, platform = story
    answer = platform.ask("GET", f"/v1/log/export?format=csv&tenant={MINE}&action={rotation.RENEWED}")
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["who"], row["detail"]) == (f"'{FORMULA}", "acme__app2 in the place of acme__app")
    found = [json.loads(line) for line in platform.ask("GET", f"/v1/log/export?tenant={MINE}&kind=done").text.splitlines()]
    assert FORMULA in {line["who"] for line in found}, "a program gets what is there"


def test_an_export_reads_many_pages(service, story, monkeypatch):
    monkeypatch.setattr(audit_log, "_EACH", 2)
    wanted = audit_log.Filters(tenant=naming.tenant_id(MINE), kind="done")
    whole = audit_log.page(wanted, limit=500).lines
    assert len(list(audit_log.exported("jsonl", wanted))) == len(whole) > 4


def test_a_tenants_administrator_sees_his_own_and_of_others_neither_who_nor_whence_nor_how(service, story):
    boss, _ = story
    found = lines(boss, f"/v1/tenants/{MINE}/log")
    said = json.dumps(found)
    for hidden in (
        "platform.example",
        "testclient",
        "acme__app",
        "nightly",
        FORMULA,
        "HYPERLINK",
        "cli",
        service.mine.split("_")[2],
        '"me',
    ):
        assert hidden not in said, hidden
    assert {line["who"].partition(":")[0] for line in found} == {"user", "platform", "program"}
    told = {(line["kind"], line["who"].partition(":")[0], line["action"], line["detail"]) for line in found}
    assert told >= {
        ("done", "platform", credentials.READ, ""), ("done", "platform", rotation.RENEWED, ""), ("done", "platform", "backup", "done"),
        ("done", "platform", "backup", ""), ("done", "user", "configuration", "theme.primary"),
        ("read", "user", "GET /v1/tenants/{slug}/configuration/{key}", "key=theme.primary"),
        ("read", "platform", "GET /v1/tenants/{slug}/users", ""), ("read", "program", "GET /v1/tenants/{slug}/usage", ""),
    }  # fmt: skip
    assert set(found[0]) == {"at", "kind", "who", "action", "detail", "reads"}
    exported = boss.ask("GET", f"/v1/tenants/{MINE}/log/export?format=csv").text
    assert FORMULA not in exported
    assert len(list(csv.DictReader(io.StringIO(exported)))) >= len(found)


def test_another_tenants_log_is_as_one_that_there_is_not(service, story):
    boss, _ = story
    for path in ("log", "log/export"):
        foreign, absent = (boss.ask("GET", f"/v1/tenants/{slug}/{path}") for slug in (THEIRS, "web-nobody"))
        assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, foreign.json())
        assert user(service, MINE, "member").ask("GET", f"/v1/tenants/{MINE}/{path}").status_code == 403
    assert boss.ask("GET", "/v1/log").json()["code"] == "key.tenants"
    assert service.ask("GET", "/v1/log", key("no log", scopes=["tenants:read"])).json()["code"] == "key.scope"


def test_the_command_shows_the_same(service, story):
    def said(*words):
        done = Command(os.environ, "audit", *words, apart=True)
        assert done.wait(60) == 0, done.stderr.read()
        return done.stdout.read()

    _, platform = story
    found = json.loads(said(MINE, "--kind", "done", "--limit", "500", "--json"))
    assert [line["detail"] for line in found] == [line["detail"] for line in lines(platform, tenant=MINE, kind="done")]
    assert "read GET /v1/tenants/{slug}/users" in said(MINE, "--since", "1h")
    assert f"'{FORMULA}" in said(MINE, "--export", "csv")
    for wrong in (["--kind", "x"], ["--since", "soon"], ["--export", "xml"]):
        assert Command(os.environ, "audit", *wrong).wait(60) == 2
