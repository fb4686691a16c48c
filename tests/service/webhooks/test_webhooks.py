"""What partners' programs are told: written with what it tells, of their tenants alone, signed, and not left lying for ever."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Rollback
from standardwebhooks import Webhook, WebhookVerificationError

from tenantry.control import invitations, keys, lifecycle, runs, webhook_deliveries, webhook_history
from tenantry.control import webhooks as endpoints
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import accept, api_keys, invite, webhook_notices, webhooks
from tests.service import directory
from tests.service.mail.running import kept
from tests.service.webhooks.conftest import ME
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def written():
    with transaction() as connection:
        return [(row["tenant"], row["type"], row["data"]) for row in connection.execute("SELECT * FROM webhook_events ORDER BY number")]


def test_nothing_is_written_where_nobody_listens(platform):
    platform.run()
    assert written() == []


def test_an_event_is_written_with_what_it_tells_and_not_without(platform):
    platform.key()
    platform.endpoint("https://hooks.globex.example/")
    with transaction() as connection, suppress(Rollback), connection.transaction():
        lifecycle.set_state(connection, platform.mine, "suspended")
        raise Rollback
    assert written() == []
    done, failed = platform.run(), platform.run(state="failed")
    with transaction() as connection:
        for state in ("suspended", "suspended", "active"):
            lifecycle.set_state(connection, platform.mine, state)
        lifecycle.set_state(connection, platform.mine, "suspended")
        waiting = runs.request(connection, runs.Request("suspend", "whk-mine", platform.mine, actor=ME))
        runs.cancel(connection, platform.mine, ["suspend"], "changed our mind", ME)
        lifecycle.set_state(connection, platform.mine, "active")
    state = "tenant.state_changed"
    assert written() == [
        (platform.mine, "run.done", {"run": str(done), "kind": "backup", "state": "done"}),
        (platform.mine, "run.failed", {"run": str(failed), "kind": "backup", "state": "failed"}),
        (platform.mine, state, {"previous": "active", "state": "suspended"}),
        (platform.mine, state, {"previous": "suspended", "state": "active"}),
        (platform.mine, state, {"previous": "active", "state": "suspended"}),
        (platform.mine, "run.cancelled", {"run": str(waiting["id"]), "kind": "suspend", "state": "cancelled"}),
        (platform.mine, state, {"previous": "suspended", "state": "active"}),
    ]


def test_tenants_backups_and_people_are_told_of_by_ids_alone(platform):
    platform.key()
    platform.endpoint("https://hooks.globex.example/")
    made = UUID(directory.tenant("whk-new", labels={"partner": "me"}))
    invited = invite.invite("whk-new", "bea@x.example", "Bea Busch", "member", ME, by_mail=False)
    with transaction() as connection:
        row = connection.execute("SELECT id, issued_at FROM invitations WHERE id = %s", [invited.id]).fetchone()
        connection.execute(
            "INSERT INTO backups (tenant_id, id, reason, model, bucket, prefix, state) VALUES (%s, 'b1', 'r', 'rls', 'b', 'p', 'running')",
            [made],
        )
        connection.execute("UPDATE backups SET state = 'done' WHERE id = 'b1'")
    person = accept.accept(invitations.token_of(row["id"], row["issued_at"]), actor=ME)
    with transaction() as connection:
        lifecycle.set_state(connection, made, "deleted")
    found = written()
    assert [(each[0], each[1]) for each in found] == [
        (made, kind) for kind in ("tenant.created", "backup.done", "invitation.accepted", "tenant.state_changed")
    ]
    assert [each[2] for each in found] == [
        {"state": "active", "previous": None},
        {"backup": "b1", "state": "done"},
        {"invitation": str(invited.id), "user": str(person.user_id)},
        {"state": "deleted", "previous": "active"},
    ]
    assert {kind for _, kind, _ in found} | {"run.done", "run.failed", "run.cancelled", "backup.failed"} == set(webhooks.EVENTS)
    assert "bea" not in json.dumps([each[2] for each in found]).lower()
    with transaction() as connection:
        for table in ("audit_log", "outbox", "backups", "user_settings", "users"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [made])
    directory.forget(str(made))


def test_it_is_told_of_tenants_that_its_key_sees(platform, receiving):
    """Of others' nothing; of what it asked for and its key is for; and nothing of a tenant that was given to another since."""
    receiver = receiving()
    platform.key()
    platform.key("them")
    platform.key("runs only", ["tenants:read"], partner="me")
    mine = platform.endpoint(f"{receiver.url}/mine")
    platform.endpoint(f"{receiver.url}/theirs", holder="them")
    platform.endpoint(f"{receiver.url}/chosen", "tenant.state_changed")
    platform.endpoint(f"{receiver.url}/narrow", holder="runs only")
    platform.endpoint(f"{receiver.url}/eu", labels={"partner": "me", "region": "eu"})
    with pytest.raises(InputError, match="people:read"):
        platform.endpoint(receiver.url, "invitation.accepted", holder="runs only")
    platform.run()
    platform.run(platform.theirs)
    with transaction() as connection:
        connection.execute(
            "INSERT INTO webhook_events (tenant, type, scope, data) VALUES (%s, 'invitation.accepted', 'people:read', '{}')",
            [platform.mine],
        )
    with platform.sender():
        platform.delivered(mine, 2)
        wait_for(lambda: len(receiver.requests) == 4, 5)
    assert sorted(
        (request.path.rpartition("/")[2], request.told["type"], request.told["tenant"]["slug"]) for request in receiver.requests
    ) == [
        ("mine", "invitation.accepted", "whk-mine"),
        ("mine", "run.done", "whk-mine"),
        ("narrow", "run.done", "whk-mine"),
        ("theirs", "run.done", "whk-theirs"),
    ]


def test_what_waits_for_a_tenant_that_went_to_another_is_withheld(platform, receiving):
    receiver = receiving()
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.run()
    webhook_deliveries.divide()
    with transaction() as connection:
        connection.execute("""UPDATE tenants SET labels = '{"partner": "them"}' WHERE id = %s""", [platform.mine])
    try:
        with platform.sender():
            wait_for(lambda: states(made) == ["withheld"], 10)
    finally:
        with transaction() as connection:
            connection.execute("""UPDATE tenants SET labels = '{"partner": "me"}' WHERE id = %s""", [platform.mine])
    assert receiver.requests == []


def test_while_no_key_works_it_waits(platform, receiving):
    receiver = receiving()
    key = platform.key()
    made = platform.endpoint(receiver.url)
    platform.run()
    webhook_deliveries.divide()
    api_keys.revoke(key, actor=ME)
    assert webhook_deliveries.claim() is None
    platform.run()
    assert webhook_deliveries.divide() == 1
    assert states(made) == ["queued"], "what happened without a key is nobody's"
    platform.key()
    with platform.sender():
        platform.delivered(made, 1)


def states(made):
    return [each.state for each in webhooks.deliveries(made.endpoint.id)]


def test_it_is_signed_as_standard_webhooks_says(platform, receiving):
    receiver = receiving()
    platform.key()
    made = platform.endpoint(receiver.url)
    run = platform.run()
    with platform.sender():
        platform.delivered(made, 1)
    (request,) = receiver.requests
    told = Webhook(made.secret).verify(request.body, request.headers)
    assert (told["type"], told["sequence"], told["data"]) == ("run.done", 1, {"run": str(run), "kind": "backup", "state": "done"})
    assert told["tenant"] == {"id": str(platform.mine), "slug": "whk-mine"}
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(request.body.replace("done", "dome"), request.headers)


def test_two_secrets_sign_while_one_follows_the_other(platform, receiving):
    receiver = receiving()
    platform.key()
    made = platform.endpoint(receiver.url)
    second = webhooks.rotate(made.endpoint.id, actor=ME)
    assert second.endpoint.former_until is not None
    with pytest.raises(InputError) as refused:
        webhooks.rotate(made.endpoint.id, actor=ME)
    assert refused.value.code == "webhook.rotating"
    platform.run()
    with platform.sender():
        platform.delivered(made, 1)
        for secret in (made.secret, second.secret):
            assert Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
        with transaction() as connection:
            connection.execute("UPDATE webhook_endpoints SET former_until = now()")
        platform.run()
        platform.delivered(made, 2)
        third = webhooks.rotate(made.endpoint.id, actor=ME, at_once=True)
        platform.run()
        platform.delivered(made, 3)
    for request, secrets in zip(receiver.requests[1:], ([second.secret], [third.secret]), strict=True):
        for secret in (made.secret, second.secret, third.secret):
            if secret in secrets:
                assert Webhook(secret).verify(request.body, request.headers)
            else:
                with pytest.raises(WebhookVerificationError):
                    Webhook(secret).verify(request.body, request.headers)
    assert len({made.secret, second.secret, third.secret}) == 3


def test_no_secret_is_in_the_database(platform):
    """Nor in the log of who did what: it is derived from a key of the platform's."""
    platform.key()
    made = platform.endpoint("https://hooks.globex.example/")
    with transaction() as connection:
        for table in ("webhook_endpoints", "audit_log"):
            text = str(connection.execute(f"SELECT * FROM {table}").fetchall())
            assert made.secret.removeprefix("whsec_") not in text
        row = connection.execute("SELECT id, secret FROM webhook_endpoints").fetchone()
    assert endpoints.secret(row["id"], row["secret"]) == made.secret
    assert endpoints.secret(row["id"], uuid4()) != made.secret
    assert keys.derived("invitation", f"{row['id']}:{row['secret']}") not in made.secret


def test_what_cannot_be_an_endpoint_is_refused(platform):
    with pytest.raises(InputError) as refused:
        platform.endpoint("https://hooks.globex.example/")
    assert refused.value.code == "key.unknown"
    platform.key()
    for url in ("https://10.0.0.1/", "http://hooks.globex.example/", "https://localhost/"):
        with pytest.raises(InputError):
            platform.endpoint(url)
    with pytest.raises(InputError, match="no event"):
        platform.endpoint("https://hooks.globex.example/", "run.dome")
    with pytest.raises(InputError, match="no e-mail address"):
        webhooks.make("me", "https://hooks.globex.example/", (), "nobody", actor=ME)
    for _ in range(endpoints.MOST):
        platform.endpoint("https://hooks.globex.example/")
    with pytest.raises(InputError) as refused:
        platform.endpoint("https://hooks.globex.example/")
    assert refused.value.code == "webhook.excess"


def test_old_events_are_forgotten(platform, receiving):
    platform.key()
    made = platform.endpoint(receiving().url)
    with platform.sender():
        platform.run()
        platform.delivered(made, 1)
    assert webhook_history.purge(timedelta(days=30)) == 0
    with transaction() as connection:
        connection.execute("UPDATE webhook_events SET at = now() - interval '31 days'")
    assert webhook_history.purge(timedelta(days=30)) == 1
    assert states(made) == []


def test_its_contact_hears_when_it_is_disabled(platform, receiving):
    """By mail, once; and after a test that is taken everything that waited follows, in order."""
    statuses = [410]
    receiver = receiving(lambda request, handler: statuses[0])
    platform.key()
    made = platform.endpoint(receiver.url)
    identifier = made.endpoint.id
    platform.runs(3)
    with platform.sender():
        wait_for(lambda: webhooks.listed()[0].state == "disabled", 10)
        assert webhook_notices.sweep() == 1
        assert webhook_notices.sweep() == 0
        (mail,) = kept(platform.cloud.home.mail, "ops@globex.example")
        assert mail.deliveries == 1
        with pytest.raises(InputError) as refused:
            webhooks.redeliver(identifier, [UUID(receiver.ids[0])])
        assert refused.value.code == "webhook.disabled"
        before = len(receiver.requests)
        assert states(made) == ["queued"] * 3
        first = webhooks.try_out(identifier)
        wait_for(lambda: webhooks.delivery(identifier, first).state == "failed", 10)
        assert webhooks.listed()[0].state == "disabled"
        statuses[0] = 204
        webhooks.try_out(identifier)
        platform.delivered(made, 4)
    assert [request.told["sequence"] for request in receiver.requests[before:]] == [None, None, 1, 2, 3]
    found = webhooks.listed()[0]
    assert (found.state, found.cause, found.failing_since, found.disabled_at) == ("active", None, None, None)
