"""Work on a tenant that the API only translates: moves, restores, clones, deletions, roll-outs; and whose run anybody sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tenantry.actor import Actor
from tenantry.control import runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.declaration.placement import Place
from tenantry.errors import InputError
from tenantry.operations import lifecycle, migrate, rotation
from tenantry.operations.backup import entries
from tenantry.operations.clone import work as clone
from tenantry.operations.lifecycle import records
from tenantry.operations.move import begin
from tenantry.operations.move import request as move
from tenantry.operations.restore import beside, ending
from tenantry.operations.restore import run as restore
from tenantry.settings import platform_settings
from tenantry.sweep import Swept
from tests.service.web.conftest import MINE, THEIRS, key

pytestmark = pytest.mark.service


@pytest.fixture
def calls(monkeypatch):
    """Puts a stand-in in an operation's place, which says the run that it asked for; what each was called with."""
    heard = []

    def stand_in(module, name, answer):
        monkeypatch.setattr(module, name, lambda *args, **more: heard.append((name, args, more)) or answer)

    stand_in.heard = heard
    return stand_in


def test_a_move_is_begun_finished_and_taken_back(service, calls):
    run = uuid4()
    calls(begin, "begin", begin.Begun(run, Place("database", "main"), edited=True))
    calls(move, "follow_up", run)
    path = f"/v1/tenants/{MINE}/moves"
    begun = service.ask("POST", path, json={"to": "database", "keep_seconds": 3600})
    assert begun.status_code == 202, begun.text
    assert begun.json() == {"run": str(run), "target": {"isolation": "database", "cell": "main"}, "edited": True}
    for follow_up in ("finish", "rollback"):
        assert service.ask("POST", f"{path}/{follow_up}").json() == {"run": str(run)}
    (_, args, more), *others = calls.heard
    assert (args, more["keep"]) == ((MINE, "database", None), timedelta(hours=1))
    assert (more["actor"].name, more["actor"].via, more["actor"].in_request) == ("me", "service", True)
    assert [args for _, args, _ in others] == [("move-finish", MINE), ("move-rollback", MINE)]

    calls(begin, "begin", begin.Begun(None, Place("schema", "main"), edited=False))
    there = service.ask("POST", path, json={"to": "schema"})
    assert (there.status_code, there.json()["run"]) == (200, None)


def test_a_move_that_cannot_be_is_refused_before_anything_is_touched(service):
    answer = service.ask("GET", f"/v1/tenants/{MINE}/moves/plan?to=database")
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant.state"), "it was never made"
    assert service.ask("GET", f"/v1/tenants/{MINE}/moves").json() == []
    assert service.ask("POST", f"/v1/tenants/{MINE}/moves/finish").json()["code"] == "move.none"


def test_a_backup_is_put_in_place_beside_confirmed_and_taken_back(service, calls):
    run = uuid4()
    calls(entries, "chosen", "b1")
    calls(restore, "request", run)
    calls(restore, "request_rollback", run)
    calls(beside, "prepare", True)
    calls(beside, "make", run)
    path = f"/v1/tenants/{MINE}/restores"
    assert service.ask("POST", path, json={"backup": "newest"}).json() == {"run": str(run)}
    made = service.ask("POST", f"{path}/beside", json={"backup": "newest", "into": "web-beside"})
    assert (made.status_code, made.json()) == (202, {"run": str(run), "written": True})
    assert service.ask("POST", f"{path}/rollback").json() == {"run": str(run)}
    heard = {name: (args, more) for name, args, more in calls.heard}
    assert heard["request"][0] == (MINE, "b1")
    assert heard["prepare"] == ((MINE, "b1", "web-beside"), {"labels": {"partner": "me"}, "read": False})

    for body in ({"backup": "b1", "into": THEIRS}, {"backup": "b1", "into": "web-nobody"}):
        refused = service.ask("POST", path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "tenant.unknown"), "nothing is put into another partner's tenant"
    taken = service.ask("POST", f"{path}/beside", json={"backup": "b1", "into": THEIRS})
    assert (taken.status_code, taken.json()["code"]) == (409, "tenant.exists")


def test_a_restore_is_confirmed_by_whoever_looked_at_it(service, monkeypatch):
    restore_id = str(uuid4())
    with transaction() as connection:
        tenant = connection.execute("SELECT id FROM tenants WHERE slug = %s", [MINE]).fetchone()["id"]
        connection.execute(
            "INSERT INTO restores (tenant_id, id, backup_id, state, keep_until) VALUES (%s, %s, 'b1', 'kept', now() + interval '7 days')",
            [tenant, restore_id],
        )
    monkeypatch.setattr(ending.swap, "drop_kept", lambda store: None)  # there are no tables
    try:
        (seen,) = service.ask("GET", f"/v1/tenants/{MINE}/restores").json()
        assert (seen["id"], seen["state"]) == (restore_id, "kept")
        done = service.ask("POST", f"/v1/tenants/{MINE}/restores/confirm")
        assert (done.status_code, done.json()["state"], done.json()["keep_until"]) == (200, "confirmed", None), done.text
        assert service.ask("POST", f"/v1/tenants/{MINE}/restores/confirm").json()["code"] == "restore.none"
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM restores WHERE tenant_id = %s", [tenant])


def test_a_clone_gets_the_labels_of_whoever_asks(service, calls):
    run = uuid4()
    calls(clone, "request", run)
    asked = service.ask("POST", f"/v1/tenants/{MINE}/clones", json={"slug": "web-copy", "salt": "s", "isolation": "rls"})
    assert (asked.status_code, asked.json()) == (202, {"run": str(run)}), asked.text
    (_, args, more) = calls.heard[0]
    assert args == (MINE, "web-copy")
    assert (more["labels"], more["salt"], more["isolation"], more["admin"]) == ({"partner": "me"}, "s", "rls", None)
    assert service.ask("GET", f"/v1/tenants/{MINE}/clones").json() == service.ask("GET", "/v1/clones").json() == []


def test_clones_are_listed_to_those_who_see_them(service):
    with transaction() as connection:
        ids = {row["slug"]: row["id"] for row in connection.execute("SELECT slug, id FROM tenants WHERE slug = ANY(%s)", [[MINE, THEIRS]])}
        for slug, source in ((MINE, THEIRS), (THEIRS, MINE)):
            connection.execute(
                "INSERT INTO clones (tenant_id, source_id, salt, classification, state) VALUES (%s, %s, 's', 'c', 'ready')",
                [ids[slug], ids[source]],
            )
    try:
        assert [each["slug"] for each in service.ask("GET", "/v1/clones").json()] == [MINE]
        assert service.ask("GET", f"/v1/tenants/{MINE}/clones").json() == [], "the clone of mine is theirs"
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM clones WHERE tenant_id = ANY(%s)", [[*ids.values()]])


def test_a_tenant_is_deleted_by_whoever_says_its_slug_once_more(service, calls):
    path, run = f"/v1/tenants/{MINE}/delete", uuid4()
    assert service.ask("POST", path, json={"confirm": MINE}).json()["code"] == "tenant.state", "it is not off-boarded"
    calls(lifecycle, "request_deletion", run)
    wrong = service.ask("POST", path, json={"confirm": "web-other"})
    assert (wrong.status_code, calls.heard) == (422, [])
    assert service.ask("POST", path, json={"confirm": MINE, "outcome": "archived"}).json() == {"run": str(run)}
    assert calls.heard[0][1] == (MINE, "archived")


def test_a_roll_out_is_for_keys_that_are_for_every_tenant(service, calls):
    for method, path in (("GET", ""), ("GET", "/plan"), ("POST", "")):
        refused = service.ask(method, f"/v1/migrations{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "key.tenants")
    everything = key("fleet")
    head = service.ask("GET", "/v1/migrations", everything).json()["head"]
    planned = service.ask("GET", "/v1/migrations/plan", everything)
    assert (planned.status_code, planned.json()["head"]) == (200, head), planned.text
    run, found = uuid4(), migrate.Plan(head, ("x",), (), (), (), (), ())
    calls(migrate, "plan", found)
    calls(migrate, "request", run)
    asked = service.ask("POST", "/v1/migrations", everything, json={"canary": 1, "budget": 2})
    assert (asked.status_code, asked.json()) == (202, {"run": str(run), "head": head, "lagging": 1}), asked.text
    assert calls.heard[-1][1] == ([], migrate.Options(canary=1, budget=2))


def test_a_run_without_a_tenant_is_seen_by_whoever_asked_for_it(service):
    """A clone whose file is not written, a change of many tenants, a deletion that is over: there is no tenant that says whose it is."""
    with transaction() as connection:
        made = [
            runs.request(connection, runs.Request("config-bulk", "a key of 2 tenants", actor=Actor(name, via)))["id"]
            for name, via in (("me", "service"), ("me", "cli"), ("them", "service"))
        ]
    try:
        answers = [service.ask("GET", f"/v1/runs/{run}") for run in made]
        assert [answer.status_code for answer in answers] == [200, 404, 404]
        absent = service.ask("GET", f"/v1/runs/{uuid4()}")
        assert all(answer.json() == absent.json() for answer in answers[1:])
        assert service.ask("GET", f"/v1/runs/{made[2]}", key("everything")).status_code == 200
    finally:
        with transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ANY(%s)", [made])


def test_a_run_of_a_tenant_that_was_given_away_is_its_new_partners(service):
    run = service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"]
    runs_at_work.claim(run, "test")
    runs_at_work.finish(run, "test", "done")
    with transaction() as connection:
        connection.execute("""UPDATE tenants SET labels = '{"partner": "them"}' WHERE slug = %s""", [MINE])
    try:
        assert service.ask("GET", f"/v1/runs/{run}").status_code == 404
        assert service.ask("GET", f"/v1/runs/{run}", service.theirs).status_code == 200
    finally:
        with transaction() as connection:
            connection.execute("""UPDATE tenants SET labels = '{"partner": "me"}' WHERE slug = %s""", [MINE])


def test_a_password_is_renewed_by_a_run_once_for_each_name(service, calls):
    path, run = f"/v1/tenants/{MINE}/credentials/rotations", uuid4()
    none = service.ask("POST", path)
    assert (none.status_code, none.json()["code"]) == (409, "credentials.none"), "this platform keeps no secrets of logins"
    calls(rotation, "request", run)
    name = {"headers": {"Idempotency-Key": uuid4().hex}}
    first, again = (service.ask("POST", path, json={"now": True}, **name) for _ in range(2))
    assert (first.status_code, first.json(), first.headers["Location"]) == (202, {"run": str(run)}, f"/v1/runs/{run}")
    assert again.json() == first.json()
    ((_, args, more),) = calls.heard
    assert (args, more["now"], more["older_than"], more["actor"].name) == ((MINE,), True, None, "me")
    calls(rotation, "request", None)
    young = service.ask("POST", path, json={"older_than_days": 90})
    assert (young.status_code, young.json()) == (200, {"run": None})
    assert calls.heard[-1][2]["older_than"] == timedelta(days=90)


def test_a_renewed_password_is_a_run_of_the_journal(service, monkeypatch):
    kept = replace(platform_settings(), login_secrets="ssm")
    monkeypatch.setattr("tenantry.stores.login_secret.platform_settings", lambda: kept)
    monkeypatch.setattr("tenantry.operations.rotation.platform_settings", lambda: kept)
    asked = service.ask("POST", f"/v1/tenants/{MINE}/credentials/rotations")
    assert asked.status_code == 202, asked.text
    told = service.ask("GET", f"/v1/runs/{asked.json()['run']}").json()
    assert (told["kind"], told["requested_by"]) == ("rotate", "me")


def test_whoever_sees_some_tenants_renews_no_login_that_others_have(service, calls):
    """A cell's, which all of its tenants in shared tables have; and those of the whole fleet."""
    with transaction() as connection:
        connection.execute("UPDATE tenants SET isolation = 'rls' WHERE slug = %s", [MINE])
    try:
        calls(rotation, "request", uuid4())
        for path in (f"/v1/tenants/{MINE}/credentials/rotations", "/v1/credentials/rotations"):
            assert service.ask("POST", path).json()["code"] == "key.tenants", path
        assert calls.heard == []
        everything = key("renewing")
        assert service.ask("POST", f"/v1/tenants/{MINE}/credentials/rotations", everything).status_code == 202
    finally:
        with transaction() as connection:
            connection.execute("UPDATE tenants SET isolation = 'schema' WHERE slug = %s", [MINE])


def test_the_oldest_passwords_of_all_are_renewed_and_the_rest_counted(service, calls):
    run, moment = uuid4(), datetime.now(UTC)
    refused = InputError("it lets in still", code="credentials.recent")
    calls(rotation, "request_all", Swept([("a", run), ("b", None)], [("c", refused)]))
    calls(rotation, "due", [rotation.LoginAge(slug, slug, slug, moment, None) for slug in "abcde"])
    asked = service.ask("POST", "/v1/credentials/rotations", key("renewing all"), json={"older_than_days": 90, "most": 3})
    assert asked.status_code == 202, asked.text
    assert asked.json() == {
        "rotations": [{"tenant": "a", "run": str(run)}, {"tenant": "b", "run": None}],
        "refused": [{"tenant": "c", "code": "credentials.recent", "detail": "it lets in still"}],
        "left": 2,
    }
    (_, args, more) = calls.heard[-1]
    assert (args, more["most"], more["actor"].request) == ((timedelta(days=90),), 3, None)
    assert service.ask("POST", "/v1/credentials/rotations", key("too many"), json={"most": 51}).status_code == 422


def test_deletions_are_listed_to_whoever_sees_every_tenant(service, calls):
    entry = records.DeletionEntry(uuid4(), "web-gone", uuid4(), "deleted", datetime.now(UTC), "k1")
    calls(records, "listed", (entry,))
    assert service.ask("GET", "/v1/deletions").json()["code"] == "key.tenants"
    (told,) = service.ask("GET", "/v1/deletions", key("deletions")).json()
    assert (told["id"], told["slug"], told["outcome"], told["key_id"]) == (str(entry.id), "web-gone", "deleted", "k1")
