"""Changes that are proposed on a forge: each once, whatever the forge answers, and followed to the run and its end."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from tenantry.clients import forges
from tenantry.control import runs_at_work
from tenantry.control.database import transaction
from tenantry.operations import proposals
from tests.service.web import forge as fake
from tests.service.web.conftest import MINE

pytestmark = pytest.mark.service


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request, service, monkeypatch):
    """The service with its changes proposed on a forge of each kind; a hanging answer is given up soon."""
    monkeypatch.setattr(forges, "AWAY", 0.5)
    monkeypatch.setattr(proposals, "_AWAY", {})
    with fake.running(request.param) as running:
        monkeypatch.setenv("TENANTRY_DECLARATIONS", running.setting)
        monkeypatch.setenv(forges.TOKEN, fake.TOKEN)
        yield running
    with transaction() as connection:
        connection.execute("DELETE FROM proposals")


@pytest.fixture
def slug(service):
    name = f"new-{uuid4().hex[:8]}"
    yield name
    (service.tenants / f"{name}.yaml").unlink(missing_ok=True)
    with transaction() as connection:
        connection.execute("DELETE FROM runs WHERE subject = %s", [name])


def ask(service, slug, *domains, **more):
    return service.ask("POST", "/v1/tenants", json={"slug": slug, "tier": "starter", "domains": list(domains)}, **more)


def shown(service, proposal):
    return service.ask("GET", f"/v1/proposals/{proposal}").json()


def test_a_tenant_is_proposed_merged_and_made(service, forge, slug, monkeypatch):
    """The same bytes that a folder would have; the one who asked is the author; the run is asked for when the file is here."""
    answer = ask(service, slug, f"portal.{slug}.example")
    found = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/proposals/{found['id']}")
    assert (found["state"], found["tenant"], found["kind"], found["requested_by"]) == ("proposed", slug, "create", "me")
    assert found["link"] == f"{forge.place}/{fake.REPOSITORY}/pulls/1"
    assert service.ask("GET", f"/v1/tenants/{slug}").json()["state"] == "proposed"
    assert service.ask("GET", f"/v1/tenants/{slug}", service.theirs).status_code == 404
    assert service.ask("GET", f"/v1/proposals/{found['id']}", service.theirs).status_code == 404
    assert service.ask("GET", "/v1/proposals", service.theirs).json() == {"proposals": [], "after": None}
    assert not (service.tenants / f"{slug}.yaml").exists()

    (commit,) = forge.commits
    author = commit.get("author") or {"name": commit["author_name"], "email": commit["author_email"]}
    assert author == {"name": "me", "email": "me@tenantry.example"}
    message = commit.get("message") or commit["commit_message"]
    assert message.startswith(f"{slug}: declared\n\nTenantry-Actor: me (service)\nTenantry-Request: ")

    proposals.advance(now=True)
    assert shown(service, found["id"])["state"] == "proposed", "nobody has decided"
    forge.decide(1, "merged")
    proposals.advance(now=True)
    proposals.advance(now=True)
    waiting = shown(service, found["id"])
    assert (waiting["state"], waiting["run"]) == ("merged", None)
    assert slug in waiting["cause"], "the file is not on this machine yet"
    written = forge.files["main"][f"tenants/{slug}.yaml"]
    (service.tenants / f"{slug}.yaml").write_bytes(written)
    proposals.advance(now=True)
    going = shown(service, found["id"])
    assert (going["state"], going["cause"]) == ("run", None)
    assert service.ask("GET", f"/v1/runs/{going['run']}").json()["kind"] == "provision"
    runs_at_work.claim(UUID(going["run"]), "test")
    runs_at_work.finish(UUID(going["run"]), "test", "done")
    assert shown(service, found["id"])["state"] == "done"
    assert proposals.advance(now=True)["proposals looked after"] == 0

    monkeypatch.delenv("TENANTRY_DECLARATIONS")
    (service.tenants / f"{slug}.yaml").unlink()
    assert ask(service, slug, f"portal.{slug}.example").status_code == 201
    assert (service.tenants / f"{slug}.yaml").read_bytes() == written


def test_what_is_turned_down_frees_its_names(service, forge, slug):
    found = ask(service, slug, f"portal.{slug}.example").json()
    again = ask(service, slug)
    assert (again.status_code, again.json()["code"]) == (409, "tenant.exists")
    other = ask(service, f"{slug}-b", f"portal.{slug}.example")
    assert (other.status_code, other.json()["code"]) == (409, "domain.taken")
    forge.decide(1, "closed")
    proposals.advance(now=True)
    rejected = shown(service, found["id"])
    assert (rejected["state"], rejected["decided_at"] is None) == ("rejected", False)
    assert service.ask("GET", f"/v1/tenants/{slug}").status_code == 404
    assert ask(service, slug, f"portal.{slug}.example").json()["state"] == "proposed"


def test_of_many_at_once_one_is_proposed(service, forge, slug):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: ask(service, f"{slug}-{n % 2}", f"portal.{slug}.example"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"tenant.exists", "domain.taken"}
    assert len(forge.pulls) == 1


@pytest.mark.parametrize("trouble", [[500], [503, 502], ["hang"], ["drip"], ["lost"], [None, "lost"], [None, None, "lost"], [401], [429]])
def test_whatever_the_forge_does_nothing_is_lost_or_doubled(service, forge, slug, trouble):
    """The request is accepted and kept; the task goes on where the forge stopped, and finds what was made."""
    forge.trouble = list(trouble)
    answer = ask(service, slug)
    assert answer.status_code == 202
    found = answer.json()
    if found["state"] == "pending":
        assert found["cause"]
        assert fake.TOKEN not in answer.text
    for _ in range(4):
        proposals.advance(now=True)
    assert shown(service, found["id"]) | {"created_at": 0} == found | {
        "state": "proposed", "link": f"{forge.place}/{fake.REPOSITORY}/pulls/1", "cause": None, "created_at": 0,
    }  # fmt: skip
    assert (len(forge.pulls), len(forge.commits), len(forge.files)) == (1, 1, 2)


def test_a_forge_that_hangs_keeps_only_two_requests_waiting(service, forge, slug):
    """The others are written down at once, and proposed when it answers again."""
    forge.trouble = ["hang"] * 2
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: ask(service, f"{slug}-{n}"), range(6)))
    assert [answer.status_code for answer in answers] == [202] * 6
    assert sum(call.startswith(("GET", "POST")) for call in forge.asked) <= 2 * 3 + 6 * 4
    for _ in range(2):
        proposals.advance(now=True)
    assert len(forge.pulls) == len(forge.commits) == 6


def test_an_edit_is_proposed_against_what_it_was_made_of(service, forge):
    """The file stays until it is merged; a second edit waits for the first one's decision."""
    file = service.tenants / f"{MINE}.yaml"
    before = file.read_bytes()
    forge.files["main"][f"tenants/{MINE}.yaml"] = before
    seen = service.ask("GET", f"/v1/tenants/{MINE}/declaration")
    edit = {"json": {"theme": {"primary": "#123456"}}, "headers": {"If-Match": seen.headers["ETag"]}}
    answer = service.ask("PATCH", f"/v1/tenants/{MINE}/declaration", **edit)
    assert (answer.status_code, answer.headers["ETag"], answer.json()["text"]) == (202, seen.headers["ETag"], before.decode())
    proposal = answer.json()["proposal"]
    assert (proposal["state"], proposal["kind"]) == ("proposed", "edit")
    again = service.ask("PATCH", f"/v1/tenants/{MINE}/declaration", **edit)
    assert (again.status_code, again.json()["code"]) == (409, "proposal.open")
    forge.decide(1, "merged")
    assert b"#123456" in forge.files["main"][f"tenants/{MINE}.yaml"]
    assert file.read_bytes() == before


def test_the_token_is_said_nowhere(service, forge, slug, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(forges.TOKEN, "another-secret")
    answer = ask(service, slug)
    assert "401" in answer.json()["cause"]
    proposals.advance(now=True)
    assert "another-secret" not in answer.text + caplog.text + str(shown(service, answer.json()["id"]))
    monkeypatch.delenv(forges.TOKEN)
    proposals.advance(now=True)
    assert f"{forges.TOKEN} is not set" in shown(service, answer.json()["id"])["cause"]


def test_the_command_asks_and_shows(service, forge, slug, cloud):
    found = ask(service, slug).json()
    forge.decide(1, "closed")
    variables = {"TENANTRY_TENANTS": str(service.tenants), "TENANTRY_DECLARATIONS": forge.setting, forges.TOKEN: fake.TOKEN}
    done = cloud.tenantry("proposals", "--json", **variables)
    assert done.returncode == 0, done.stderr
    assert f'"id": "{found["id"]}"' in done.stdout
    assert '"state": "rejected"' in done.stdout
