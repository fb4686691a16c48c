"""What the API does: declared, provisioned, watched, configured; each request once."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from tenantry.control import runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.control.invitations import token_of
from tenantry.declaration.generator import NewTenant, create
from tenantry.declaration.store import DeclarationStore
from tenantry.operations.lifecycle import change as lifecycle_change
from tenantry.operations.run_feed import RunFeed
from tenantry.work.step import Run
from tests.service.web.conftest import MINE
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def named(name=None):
    return {"headers": {"Idempotency-Key": name or uuid4().hex}}


def count(kind):
    with transaction() as connection:
        rows = connection.execute("SELECT count(*) AS n FROM runs WHERE subject = %s AND kind = %s", [MINE, kind]).fetchone()
    return rows["n"]


@pytest.fixture
def on_branch(service, tmp_path, monkeypatch):
    """The service's declarations on a branch in the place of its folder: what git has of a tenant's file there."""

    def git(*command, cwd=tmp_path / "work"):
        named = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *command]
        return subprocess.run(named, cwd=cwd, check=True, capture_output=True)

    shutil.copytree(service.tenants / "defaults", tmp_path / "work" / "tenants" / "defaults")
    shutil.copy(service.tenants / f"{MINE}.yaml", tmp_path / "work" / "tenants")
    for command in ("init -q", "checkout -qb main", "add .", "commit -qm x", "init -q --bare ../kept.git"):
        git(*command.split())
    git("push", "-q", "../kept.git", "main")
    monkeypatch.delenv("TENANTRY_TENANTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TENANTRY_DECLARATIONS", f"git:{tmp_path}/kept.git#main")
    return lambda *command: git(*command, cwd=tmp_path / "kept.git").stdout


def test_what_is_wrong_with_the_declarations_is_not_the_partners_fault(service, declared, on_branch, tmp_path, capsys):
    """Another partner's broken file, or a branch that is gone: told apart from a wrong request, and said to the engineers alone."""
    clone = tmp_path / "clone"

    def git(*command):
        settings = ("-c", "user.name=x", "-c", "user.email=x@x.example")
        subprocess.run(["git", *settings, *command], cwd=clone, check=True, capture_output=True)

    def refused():
        capsys.readouterr()
        answer = service.ask("POST", "/v1/tenants", json={"slug": declared, "tier": "starter"})
        assert (answer.status_code, answer.json()["code"]) == (503, "declarations.unusable"), answer.text
        assert answer.headers["Retry-After"]
        assert "confidential" not in answer.text
        assert str(tmp_path) not in answer.text
        return capsys.readouterr().err

    subprocess.run(["git", "clone", "-q", "--branch", "main", "kept.git", "clone"], cwd=tmp_path, check=True)
    (clone / "tenants" / "confidential.yaml").write_text("name: [confidential\n")
    git("add", ".")
    git("commit", "-qm", "by hand")
    git("push", "-q")
    assert "confidential.yaml" in refused()
    git("rm", "-q", "tenants/confidential.yaml")
    git("commit", "-qm", "by hand")
    git("push", "-q")
    on_branch("branch", "-m", "main", "trunk")
    assert "has no branch main" in refused()
    on_branch("branch", "-m", "trunk", "main")
    wanted = {"slug": declared, "tier": "starter", "domains": ["portal.heron.example"]}
    assert service.ask("POST", "/v1/tenants", json=wanted).status_code == 201
    taken = service.ask("POST", "/v1/tenants", service.theirs, json={**wanted, "slug": f"{declared}-b"})
    assert (taken.status_code, taken.json()["code"]) == (409, "domain.taken")
    there = service.ask("POST", "/v1/tenants", service.theirs, json={**wanted, "domains": []})
    assert (there.status_code, there.json()["code"]) == (409, "tenant.exists")
    assert not [word for word in (declared, "kept.git", ".yaml") if word in taken.json()["detail"] + there.json()["detail"]]
    patch = {"json": {"theme": {"primary": "no colour"}}, "headers": {"If-Match": "*"}}
    wrong = service.ask("PATCH", f"/v1/tenants/{declared}/declaration", **patch)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "declaration.invalid"), wrong.text
    assert "colour" in wrong.json()["detail"]


@pytest.mark.parametrize("kept", ["folder", "branch"])
def test_a_tenant_is_declared_as_tenantry_new_and_edits_would(service, declared, tmp_path, kept, request):
    on_branch = request.getfixturevalue("on_branch") if kept == "branch" else None
    tmp_path = tmp_path / "by hand"
    tmp_path.mkdir()
    body = {
        "slug": declared, "tier": "business", "name": "Großkopf & Söhne", "isolation": "schema", "domains": ["portal.grosskopf.example"],
        "admin": {"name": "Hank", "email": "hank@globex.example"}, "theme": {"primary": "#123456"}, "features": {"reports": True},
    }  # fmt: skip
    answer = service.ask("POST", "/v1/tenants", json=body)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/tenants/{declared}")
    assert answer.json()["labels"] == {"partner": "me"}
    assert service.ask("GET", f"/v1/tenants/{declared}").json() == answer.json(), "it is seen before it is provisioned"
    assert service.ask("GET", f"/v1/tenants/{declared}", service.theirs).status_code == 404

    (tmp_path / "defaults").symlink_to(service.tenants / "defaults")
    by_hand = create(tmp_path, NewTenant(declared, "business", "Großkopf & Söhne", "hank@globex.example", "schema"))
    edits = {"theme.primary": "#123456", "features.reports": True, "labels.partner": "me", "admin.name": "Hank"}
    DeclarationStore(tmp_path).edit(declared, edits)
    with by_hand.open("a") as file:
        file.write("domains: [portal.grosskopf.example]\n")
    if on_branch is None:
        assert (service.tenants / f"{declared}.yaml").read_bytes() == by_hand.read_bytes()
        return
    assert on_branch("show", f"main:tenants/{declared}.yaml") == by_hand.read_bytes()
    seen = service.ask("GET", f"/v1/tenants/{declared}/declaration")
    edit = {"theme": {"primary": "#654321"}, "limits": {"users": 7}}
    answer = service.ask("PATCH", f"/v1/tenants/{declared}/declaration", json=edit, headers={"If-Match": seen.headers["ETag"]})
    DeclarationStore(tmp_path).edit(declared, {"theme.primary": "#654321", "limits.users": 7})
    assert on_branch("show", f"main:tenants/{declared}.yaml") == by_hand.read_bytes() == answer.json()["text"].encode()
    again = service.ask("PATCH", f"/v1/tenants/{declared}/declaration", json=edit, headers={"If-Match": seen.headers["ETag"]})
    assert (again.status_code, again.json()["code"]) == (412, "edit.outdated")
    about = on_branch("log", "-2", "--format=%an: %s (%(trailers:key=Tenantry-Actor,valueonly,separator=))", "main").decode().splitlines()
    assert about == [f"me: {declared}: theme.primary, limits.users edited (me (service))", f"me: {declared}: declared (me (service))"]
    requests = on_branch("log", "-1", "--format=%(trailers:key=Tenantry-Request,valueonly)", "main~1").decode().strip()
    run = service.ask("POST", f"/v1/tenants/{declared}/provision").json()["run"]
    assert runs.read(UUID(run))["commit"] == on_branch("rev-parse", "main").decode().strip(), "workers can tell whether their files have it"
    with transaction() as connection:
        assert connection.execute("SELECT route FROM api_requests WHERE id = %s", [requests]).fetchone() == {"route": "POST /v1/tenants"}


def test_while_the_branchs_remote_is_away_people_are_shut_out_all_the_same(service, on_branch, declared):
    """What is only a line in a file is refused until it is back; the run of the suspension says its line then."""
    on_branch("remote", "add", "origin", "/nowhere.git")
    refused = service.ask("POST", "/v1/tenants", json={"slug": declared, "tier": "starter"})
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (503, "work.transient", "5")
    edit = {"json": {"theme": {"primary": "#123456"}}, "headers": {"If-Match": "*"}}
    assert service.ask("PATCH", f"/v1/tenants/{MINE}/declaration", **edit).status_code == 503
    asked = service.ask("POST", f"/v1/tenants/{MINE}/suspend")
    assert asked.status_code == 202
    with transaction() as connection:
        assert connection.execute("SELECT state FROM tenants WHERE slug = %s", [MINE]).fetchone() == {"state": "suspended"}
    assert b"suspended" not in on_branch("show", f"main:tenants/{MINE}.yaml")
    on_branch("remote", "remove", "origin")
    run_id = UUID(asked.json()["run"])
    runs_at_work.claim(run_id, "test")
    lifecycle_change._declare(Run.of(runs.read(run_id), "test"))
    assert b"state: suspended" in on_branch("show", f"main:tenants/{MINE}.yaml")
    assert on_branch("log", "-1", "--format=%an: %s", "main") == f"me: {MINE}: state: suspended\n".encode()
    runs_at_work.finish(run_id, "test", "done")
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'active' WHERE slug = %s", [MINE])
        connection.execute("DELETE FROM runs WHERE id = %s", [run_id])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slug": MINE}, "tenant.exists"),
        ({"slug": "Not A Slug"}, "input.invalid"),
        ({"tier": "no-such-tier"}, "input.invalid"),
        ({"theme": {"primary": "url(javascript:1)"}}, "input.invalid"),
        ({"state": "suspended"}, "declaration.invalid"),
        ({"admin": ["x"]}, "declaration.invalid"),
        ({"labels": ["x"]}, "declaration.invalid"),
        ({"labels": {"a\nstate: suspended #": "x"}}, "input.invalid"),
        ({"theme": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "declaration.invalid"),
        ({"name": "x\x00y"}, "input.invalid"),
        ({"name": "\ud800"}, "input.invalid"),
        ({"branding": {"logo": ["x"]}}, "declaration.invalid"),
        ({"no_such_key": 1}, "input.invalid"),
        ({"labels": {"partner": "them"}, "name": "x\ny: z"}, "input.invalid"),
        ({"slug": "../../etc/passwd"}, "input.invalid"),
    ],
)
def test_what_cannot_be_declared_is_refused_and_leaves_no_file(service, declared, change, code):
    before = sorted(service.tenants.iterdir())
    text = json.dumps({"slug": declared, "tier": "starter", **change})  # ASCII: also what is no character can be said
    answer = service.ask("POST", "/v1/tenants", content=text, json=None, headers={"Content-Type": "application/json"})
    assert (answer.json()["code"], answer.status_code) == (code, 409 if code == "tenant.exists" else 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert sorted(service.tenants.iterdir()) == before


def test_a_partner_cannot_give_its_tenant_to_another(service, declared):
    answer = service.ask("POST", "/v1/tenants", json={"slug": declared, "tier": "starter", "labels": {"partner": "them", "region": "eu"}})
    assert answer.json()["labels"] == {"partner": "me", "region": "eu"}


def test_of_two_that_declare_one_host_name_at_once_one_wins(service, declared):
    slugs = [f"{declared}-{n}" for n in range(4)]

    def ask(slug):
        answer = service.ask("POST", "/v1/tenants", json={"slug": slug, "tier": "starter", "domains": ["one.host.example"]})
        return answer.status_code, answer.json().get("code")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, slugs)) == [(201, None), *[(409, "domain.taken")] * 3]
    for slug in slugs:
        (service.tenants / f"{slug}.yaml").unlink(missing_ok=True)


def test_a_request_is_done_once_by_its_name(service):
    before, name = count("backup"), named()
    first = service.ask("POST", f"/v1/tenants/{MINE}/backups", json={"reason": "once"}, **name)
    assert (first.status_code, first.headers["Location"]) == (202, f"/v1/runs/{first.json()['run']}")
    runs_at_work.claim(UUID(first.json()["run"]), "test")
    runs_at_work.finish(UUID(first.json()["run"]), "test", "done")
    again = service.ask("POST", f"/v1/tenants/{MINE}/backups", json={"reason": "once"}, **name)
    assert (again.status_code, again.json()) == (202, first.json())
    assert count("backup") == before + 1
    other = service.ask("POST", f"/v1/tenants/{MINE}/backups", json={"reason": "another"}, **name)
    assert (other.status_code, other.json()["code"]) == (422, "request.other")
    assert runs.read(UUID(first.json()["run"]))["via"] == "service"
    assert runs.read(UUID(first.json()["run"]))["requested_by"] == "me"


def test_a_service_that_died_between_the_run_and_the_answer_has_asked_for_one_run(service):
    name = named()
    first = service.ask("POST", f"/v1/tenants/{MINE}/backups", **name)
    run_id = UUID(first.json()["run"])
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "done")
    with transaction() as connection:  # as it stood when the run was committed
        connection.execute("UPDATE api_requests SET status = NULL, answer = NULL WHERE run_id = %s", [run_id])
    busy = service.ask("POST", f"/v1/tenants/{MINE}/backups", **name)
    assert (busy.status_code, busy.json()["code"]) == (409, "request.underway"), "another process may be at it yet"
    with transaction() as connection:
        connection.execute("UPDATE api_requests SET held_until = now() - interval '1 s' WHERE run_id = %s", [run_id])
    before = count("backup")
    assert service.ask("POST", f"/v1/tenants/{MINE}/backups", **name).json() == first.json()
    assert count("backup") == before


def test_many_at_once_under_one_name_ask_for_one_run(service):
    before, name = count("suspend"), named()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.ask("POST", f"/v1/tenants/{MINE}/suspend", **name), range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["run"] for answer in answers if answer.status_code == 202}) == 1
    assert count("suspend") == before + 1
    assert "state: suspended" in (service.tenants / f"{MINE}.yaml").read_text()
    run_id = UUID(next(answer.json()["run"] for answer in answers if answer.status_code == 202))
    runs_at_work.claim(run_id, "test")
    runs_at_work.finish(run_id, "test", "done")
    assert service.ask("GET", f"/v1/tenants/{MINE}").json()["state"] == "suspended"
    back = service.ask("POST", f"/v1/tenants/{MINE}/reactivate")
    runs_at_work.claim(UUID(back.json()["run"]), "test")
    runs_at_work.finish(UUID(back.json()["run"]), "test", "done")
    with transaction() as connection:  # as the run's steps would have it
        connection.execute("UPDATE tenants SET state = 'active' WHERE slug = %s", [MINE])


def test_an_edit_is_of_what_its_editor_saw(service):
    path = f"/v1/tenants/{MINE}/configuration/theme.primary"
    seen = service.ask("GET", path)
    assert seen.json()["value"] == "#0b5fff"
    bare = service.ask("PUT", path, json={"value": "#111111"})
    assert (bare.status_code, bare.json()["code"]) == (428, "edit.unconditional")
    changed = service.ask("PUT", path, json={"value": "#111111"}, headers={"If-Match": seen.headers["ETag"]})
    assert (changed.status_code, changed.json()["value"], changed.json()["source"]) == (200, "#111111", "runtime")
    late = service.ask("PUT", path, json={"value": "#222222"}, headers={"If-Match": seen.headers["ETag"]})
    assert (late.status_code, late.json()["code"]) == (412, "edit.outdated")
    wrong = service.ask("PUT", path, json={"value": "red;}"}, headers={"If-Match": "*"})
    assert wrong.status_code == 422
    back = service.ask("DELETE", path, headers={"If-Match": changed.headers["ETag"]})
    assert (back.json()["value"], back.json()["source"]) == ("#0b5fff", "declaration")


def test_a_file_is_edited_by_whoever_has_seen_it(service, declared):
    service.ask("POST", "/v1/tenants", json={"slug": declared, "tier": "starter"})
    file, path = service.tenants / f"{declared}.yaml", f"/v1/tenants/{declared}/declaration"
    seen = service.ask("GET", path)
    assert seen.json()["text"] == file.read_text()
    patch = {"theme": {"primary": "#123456"}, "name": "Other"}
    assert service.ask("PATCH", path, json=patch).status_code == 428
    done = service.ask("PATCH", path, json=patch, headers={"If-Match": seen.headers["ETag"]})
    assert done.status_code == 200, done.text
    assert 'primary: "#123456"' in file.read_text().replace("'", '"')
    assert service.ask("PATCH", path, json={"name": "Late"}, headers={"If-Match": seen.headers["ETag"]}).status_code == 412
    for refused in (
        {"state": "suspended"},
        {"isolation": "database"},
        {"labels": {"partner": "them"}},
        {"theme": {"primary": "x"}},
        {"domains": []},
    ):
        answer = service.ask("PATCH", path, json=refused, headers={"If-Match": "*"})
        assert answer.status_code == 422, refused
    assert file.read_text() == done.json()["text"]
    assert service.ask("PATCH", path, service.theirs, json=patch, headers={"If-Match": "*"}).status_code == 404


def events(text):
    """Name, id and data of the events of a stream."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def test_a_run_is_told_as_it_happens_and_resumes_where_a_reader_left(service):
    run_id = UUID(service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"])
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(service.ask, "GET", f"/v1/runs/{run_id}/events")
        feed: RunFeed = service.client.app.state.feed
        wait_for(lambda: run_id in feed._watchers, seconds=10)
        runs_at_work.claim(run_id, "test")
        for number, name in enumerate(("one", "two"), 1):
            runs_at_work.begin_step(run_id, "test", number, name)
            runs_at_work.end_step(run_id, "test", number, name, "done", summary=f"did {name}")
        runs_at_work.finish(run_id, "test", "done")
        told = events(stream.result(20).text)
    assert [name for name, _, _ in told][-1] == "run"
    assert told[-1][2]["state"] == "done"
    assert {(step["name"], step["state"]) for name, _, step in told if name == "step"} >= {("one", "done"), ("two", "done")}
    rest = events(service.ask("GET", f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": "1.1d"}).text)
    assert [step["name"] for name, _, step in rest if name == "step"] == ["two"]
    everything = events(service.ask("GET", f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": "no-such"}).text)
    assert [step["name"] for name, _, step in everything if name == "step"] == ["one", "two"]


def test_steps_that_are_done_in_another_order_are_all_told(service):
    """The engine's are begun together."""
    run_id = UUID(service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"])
    runs_at_work.claim(run_id, "test")
    for number, name in enumerate(("one", "two", "three"), 1):
        runs_at_work.begin_step(run_id, "test", number, name)
    feed: RunFeed = service.client.app.state.feed
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(service.ask, "GET", f"/v1/runs/{run_id}/events")
        wait_for(lambda: run_id in feed._watchers, seconds=10)
        for number, name in ((3, "three"), (1, "one"), (2, "two")):
            runs_at_work.end_step(run_id, "test", number, name, "done", summary="")
        runs_at_work.finish(run_id, "test", "done")
        told = events(stream.result(20).text)
    assert {step["name"] for name, _, step in told if name == "step" and step["state"] == "done"} == {"one", "two", "three"}
    after_two = next(identifier for _, identifier, step in told if step.get("name") == "two" and step["state"] == "running")
    rest = events(service.ask("GET", f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": after_two}).text)
    assert {step["name"] for name, _, step in rest if name == "step"} == {"one", "two", "three"}


def test_a_run_goes_on_being_told_when_the_session_that_listens_was_ended(service):
    run_id = UUID(service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"])
    feed: RunFeed = service.client.app.state.feed
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(service.ask, "GET", f"/v1/runs/{run_id}/events")
        wait_for(lambda: run_id in feed._watchers and feed.pid is not None, seconds=10)
        with transaction() as connection:
            connection.execute("RESET ROLE")
            connection.execute("SELECT pg_terminate_backend(%s)", [feed.pid])
        runs_at_work.claim(run_id, "test")
        runs_at_work.finish(run_id, "test", "done")
        assert events(stream.result(20).text)[-1][2]["state"] == "done"


def test_pages_are_of_the_partners_tenants_and_filters_narrow_them(service):
    def slugs(path, key=""):
        answer = service.ask("GET", path, key).json()
        return [tenant["slug"] for tenant in answer["tenants"]], answer["after"]

    assert slugs("/v1/tenants?limit=1") == ([MINE], None)
    assert slugs(f"/v1/tenants?after={MINE}") == ([], None)
    assert slugs("/v1/tenants?isolation=rls") == ([], None)
    assert service.ask("GET", "/v1/tenants?no_such=1").status_code == 422
    assert service.ask("GET", "/v1/tenants?limit=0").status_code == 422


def test_health_waits_for_nothing(service):
    assert service.client.get("/health").json() == {"status": "ok"}
    assert service.client.get("/ready").status_code == 200


def test_a_colour_that_was_changed_is_in_the_next_style_sheet(service):
    """By the API's PUT, in what a host's application asks for; by Host, and by ?host= with a key only."""
    client = TestClient(service.client.app.state.runtime.in_front_of(service.client.app))
    host = {"Host": f"{MINE}.x.example"}
    wait_for(lambda: client.get("/runtime/branding.json", headers=host).status_code == 200, seconds=10)
    path = f"/v1/tenants/{MINE}/configuration/theme.primary"
    assert service.ask("PUT", path, json={"value": "#0a0b0c"}, headers={"If-Match": "*"}).status_code == 200
    wait_for(lambda: "#0a0b0c" in client.get("/runtime/theme.css", headers=host).text, seconds=5)
    service.ask("DELETE", path, headers={"If-Match": "*"})
    assert client.get(f"/runtime/theme.css?host={MINE}.x.example").status_code == 401
    key = {"Authorization": f"Bearer {service.mine}"}
    assert client.get(f"/runtime/theme.css?host={MINE}.x.example", headers=key).status_code == 200
    assert client.get("/runtime/tenant", headers={"Host": "nobody.example"}).status_code == 404


def test_somebody_is_invited_and_let_in_once(service):
    """By a code that only the mail has; another partner's code is as one that there is not."""
    with transaction() as connection:
        tenant = connection.execute("SELECT id FROM tenants WHERE slug = %s", [MINE]).fetchone()["id"]
    asked = service.ask("POST", f"/v1/tenants/{MINE}/invitations", json={"email": "bea@acme.example", "name": "Bea", "inviter": "Ada"})
    assert (asked.status_code, asked.json()["state"]) == (201, "open"), asked.text
    with transaction() as connection:
        issued = connection.execute("SELECT id, issued_at FROM invitations WHERE id = %s", [asked.json()["id"]]).fetchone()
    code = token_of(issued["id"], issued["issued_at"])
    assert code not in asked.text
    body = {"code": code, "profile": {"title": "Buyer"}}
    foreign = service.ask("POST", "/v1/invitations/accept", service.theirs, json=body)
    absent = service.ask("POST", "/v1/invitations/accept", json={**body, "code": "no such code"})
    assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, absent.json())
    first = service.ask("POST", "/v1/invitations/accept", json=body)
    assert (first.status_code, first.json()["again"], first.json()["role"]) == (200, False, "member"), first.text
    second = service.ask("POST", "/v1/invitations/accept", json=body)
    assert (second.json()["again"], second.json()["user_id"]) == (True, first.json()["user_id"])
    assert [
        entry["state"] for entry in service.ask("GET", f"/v1/tenants/{MINE}/invitations").json() if entry["email"] == "bea@acme.example"
    ] == ["accepted"]
    with transaction() as connection:
        for table in ("outbox", "user_settings", "users"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [tenant])
