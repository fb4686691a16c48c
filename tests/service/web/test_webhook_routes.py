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
        {"events": ["x.y"]},
    ],
)
def test_what_cannot_be_a_webhook_is_refused(service, more):
    assert service.ask("POST", "/v1/webhooks", json={**BODY, **more}).status_code == 422
    assert service.ask("GET", "/v1/webhooks").json() == []
