"""Webhooks by the API: made, seen and changed by their holder alone; a secret is in the first answer and nowhere else."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.operations import api_keys
from tests.service.web.conftest import key

pytestmark = pytest.mark.service

BODY = {"url": "https://hooks.globex.example/", "contact": "ops@globex.example", "events": ["run.done"]}


@pytest.fixture(autouse=True)
def _none_left(service):
    yield
    with transaction() as connection:
        connection.execute("DELETE FROM webhook_endpoints; DELETE FROM webhook_events")


def made(service, who="", **more):
    answer = service.ask("POST", "/v1/webhooks", who, json={**BODY, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_secret_is_shown_once(service):
    """Asked again under the same name the answer is the same, but for the secret, which nothing has kept."""
    name = {"Idempotency-Key": uuid4().hex}
    first, again = (service.ask("POST", "/v1/webhooks", json=BODY, headers=name) for _ in range(2))
    assert (first.status_code, again.status_code, first.headers["Location"]) == (201, 201, again.headers["Location"])
    told = first.json()
    assert told["secret"].startswith("whsec_")
    assert again.json() == {**told, "secret": None}
    assert service.ask("GET", first.headers["Location"]).json() == again.json()
    assert service.ask("GET", "/v1/webhooks").json() == [again.json()]
    rotated = service.ask("POST", f"/v1/webhooks/{told['id']}/rotate").json()
    assert rotated["secret"] not in (None, told["secret"])
    assert rotated["former_until"] is not None
    refused = service.ask("POST", f"/v1/webhooks/{told['id']}/rotate")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook.rotating")
    with transaction() as connection:
        kept = str(connection.execute("SELECT * FROM api_requests").fetchall())
    for secret in (told["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_") not in kept


def test_it_is_its_holders_and_nobody_elses(service):
    """Nor does another key of the holder's see it that sees fewer tenants; one that sees as many does."""
    mine = made(service)["id"]
    fewer = key("me", labels={"partner": "me", "region": "eu"})
    for path in ("", "/deliveries"):
        for who in (service.theirs, fewer):
            foreign = service.ask("GET", f"/v1/webhooks/{mine}{path}", who)
            absent = service.ask("GET", f"/v1/webhooks/{uuid4()}{path}", who)
            assert (foreign.status_code, foreign.json()) == (absent.status_code, absent.json()) == (404, foreign.json())
    edit = {"json": {"description": "x"}, "headers": {"If-Match": "*"}}
    assert service.ask("PATCH", f"/v1/webhooks/{mine}", service.theirs, **edit).status_code == 404
    assert service.ask("POST", f"/v1/webhooks/{mine}/deliveries/{uuid4()}/skip", service.theirs).json()["code"] == "webhook.unknown"
    for action in ("test", "rotate", "remove", "redeliver"):
        more = {"json": {"events": [str(uuid4())]}} if action == "redeliver" else {}
        assert service.ask("POST", f"/v1/webhooks/{mine}/{action}", service.theirs, **more).status_code == 404
    assert service.ask("GET", "/v1/webhooks", service.theirs).json() == []
    api_keys.revoke(fewer.split("_")[2], actor=Actor("test"))
    as_many = key("me", labels={"partner": "me"})
    assert service.ask("GET", f"/v1/webhooks/{mine}", as_many).status_code == 200
    api_keys.revoke(as_many.split("_")[2], actor=Actor("test"))


def test_it_is_tried_listed_and_removed(service):
    identifier = made(service)["id"]
    asked = service.ask("POST", f"/v1/webhooks/{identifier}/test")
    assert asked.status_code == 202
    (event,) = asked.json()["events"]
    (waiting,) = service.ask("GET", f"/v1/webhooks/{identifier}/deliveries", params={"state": "queued"}).json()
    assert (waiting["event"], waiting["type"], waiting["sequence"], waiting["state"]) == (event, "webhook.test", None, "queued")
    assert service.ask("POST", f"/v1/webhooks/{identifier}/redeliver", json={"events": [event]}).status_code == 202
    unknown = service.ask("POST", f"/v1/webhooks/{identifier}/redeliver", json={"events": [str(uuid4())]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "delivery.unknown")
    name = {"Idempotency-Key": uuid4().hex}
    gone, again = (service.ask("POST", f"/v1/webhooks/{identifier}/remove", headers=name) for _ in range(2))
    assert (gone.status_code, gone.json()) == (again.status_code, again.json()) == (200, {**gone.json(), "id": identifier})
    assert service.ask("GET", f"/v1/webhooks/{identifier}").status_code == 404


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://hooks.globex.example/"},
        {"url": "https://169.254.169.254/"},
        {"url": "https://[::1]/"},
        {"contact": "x"},
        {"description": "two\nlines"},
        {"events": ["x.y"]},
    ],
)
def test_what_cannot_be_a_webhook_is_refused(service, more):
    assert service.ask("POST", "/v1/webhooks", json={**BODY, **more}).status_code == 422
    assert service.ask("GET", "/v1/webhooks").json() == []


def test_it_is_edited_as_it_was_seen_and_another_address_is_untested(service):
    told = made(service)
    path = f"/v1/webhooks/{told['id']}"

    def edit(match, **body):
        headers = {"If-Match": match} if match else {}
        return service.ask("PATCH", path, json=body, headers=headers)

    tag = service.ask("GET", path).headers["ETag"]
    edited = edit(tag, description="Globex, in earnest", events=[])
    assert (edited.status_code, edited.json()["description"], edited.json()["events"]) == (200, "Globex, in earnest", []), edited.text
    assert edited.json()["state"] == "active", "the address is the same"
    assert edit(tag, description="x").json()["code"] == "edit.outdated"
    assert edit(None, description="x").status_code == 428
    assert edited.headers["ETag"] == service.ask("GET", path).headers["ETag"] != tag
    for wrong in ("http://hooks.globex.example/", "https://169.254.169.254/", "https://[::1]/", "https://localhost/"):
        assert edit("*", url=wrong).status_code == 422
    moved = edit(edited.headers["ETag"], url="https://other.globex.example/").json()
    assert (moved["state"], moved["url"], moved["contact"]) == ("untested", "https://other.globex.example/", told["contact"])
    assert service.ask("POST", f"{path}/redeliver", json={"events": [str(uuid4())]}).json()["code"] == "webhook.disabled"
    with transaction() as connection:
        lines = connection.execute(
            "DELETE FROM audit_log WHERE action = 'edit webhook' AND starts_with(outcome, %s) RETURNING id, outcome", [told["id"]]
        ).fetchall()
    assert [line["outcome"] for line in sorted(lines, key=lambda line: line["id"])] == [
        f"{told['id']} of me",
        f"{told['id']} of me, another address",
    ]


def test_what_no_key_of_the_holder_is_for_cannot_be_edited_in(service):
    less = key("less", scopes=["tenants:read", "webhooks:read", "webhooks:write"], labels={"partner": "me"})
    told = made(service, less)
    refused = service.ask(
        "PATCH", f"/v1/webhooks/{told['id']}", less, json={"events": ["invitation.accepted"]}, headers={"If-Match": "*"}
    )  # fmt: skip
    assert refused.status_code == 422
    assert "people:read" in refused.json()["detail"]
