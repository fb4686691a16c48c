"""How events arrive: in order, at least once, whatever the receiver does and whoever is killed; and none waits for another's receiver."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from uuid import UUID

import pytest

from tenantry.clients import outbound
from tenantry.control import webhook_deliveries
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import webhooks
from tests.receiver import hang
from tests.service.webhooks.conftest import ME, nobody
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def places(receiver):
    return [request.told["sequence"] for request in receiver.requests]


def test_the_order_holds_while_it_fails(platform, receiving):
    """What fails is sent again, and what follows waits: no place arrives before the one before it was taken."""
    left = {1: 2, 4: 3, 5: 1}

    def sometimes(request, handler):
        place = request.told["sequence"]
        left[place] = left.get(place, 0) - 1
        return 500 if left[place] >= 0 else 200

    receiver = receiving(sometimes)
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.runs(3)
    with platform.sender(), platform.sender():
        platform.runs(3)
        platform.delivered(made, 6)
    assert places(receiver) == [1, 1, 1, 2, 3, 4, 4, 4, 4, 5, 5, 6]
    by_place = {}
    for request in receiver.requests:
        by_place.setdefault(request.told["sequence"], set()).add((request.id, request.body))
    assert all(len(versions) == 1 for versions in by_place.values()), "the same id and the same body each time"
    assert len({request.id for request in receiver.requests}) == 6
    assert [each.tries for each in reversed(webhooks.deliveries(made.endpoint.id))] == [3, 1, 1, 4, 2, 1]


def test_of_two_senders_one_at_a_time_serves_an_endpoint(platform, receiving):
    at_once = Counter()
    most = []
    lock = threading.Lock()

    def slow(request, handler):
        with lock:
            at_once[request.path] += 1
            most.append(at_once[request.path])
        time.sleep(0.02)
        with lock:
            at_once[request.path] -= 1
        return 200

    receiver = receiving(slow)
    platform.key()
    every = [platform.endpoint(f"{receiver.url}/{number}") for number in range(3)]
    platform.runs(10)
    with platform.sender(), platform.sender(), platform.sender():
        for made in every:
            platform.delivered(made, 10)
    assert max(most) == 1
    for number in range(3):
        assert [request.told["sequence"] for request in receiver.requests if request.path.endswith(f"/{number}")] == list(range(1, 11))


def test_events_of_transactions_that_end_out_of_turn_are_not_lost(platform, receiving):
    """One that was begun first and committed last has a lower number than what is told already."""
    receiver = receiving()
    platform.key()
    made = platform.endpoint(receiver.url)
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'suspended' WHERE id = %s", [platform.mine])
        done = threading.Thread(target=platform.run, args=(platform.theirs,))
        done.start()
        done.join()
        other = threading.Thread(target=_event, args=(platform.mine,))
        other.start()
        other.join()
        assert webhook_deliveries.divide() == 2
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'active' WHERE id = %s", [platform.mine])
    with platform.sender():
        platform.delivered(made, 3)
    assert [request.told["type"] for request in receiver.requests] == ["backup.done", "tenant.state_changed", "tenant.state_changed"]
    assert [request.told["data"].get("state") for request in receiver.requests] == [None, "suspended", "active"]


def _event(tenant: UUID) -> None:
    with transaction() as connection:
        connection.execute(
            "INSERT INTO webhook_events (tenant, type, scope, data) VALUES (%s, 'backup.done', 'tenants:read', '{}')", [tenant]
        )


SENDER = """
import signal, sys
from tenantry.operations.webhook_sender import Sender
with Sender(lambda line: print(line, file=sys.stderr)):
    signal.pause()
"""


def test_a_killed_sender_loses_nothing(platform, receiving):
    """Killed again and again while a request is under way, before and after the answer: each event arrives, duplicates under its id."""
    arrived = threading.Event()

    def answer(request, handler):
        arrived.set()
        time.sleep(0.1)
        return 200

    receiver = receiving(answer)
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.runs(4)
    for _ in range(4):
        arrived.clear()
        process = subprocess.Popen([sys.executable, "-c", SENDER], env=dict(os.environ))
        try:
            assert arrived.wait(60), "the sender never began"
        finally:
            process.kill()
            process.wait()
        platform.run()
        with transaction() as connection:  # the time of its claim is over
            connection.execute("UPDATE webhook_endpoints SET claimed_until = now()")
    with platform.sender():
        platform.delivered(made, 8)
    ids = [str(each.event) for each in webhooks.deliveries(made.endpoint.id, limit=100)]
    assert set(receiver.ids) == set(ids)
    assert len(ids) == 8
    first = list(dict.fromkeys(places(receiver)))
    assert first == sorted(first), "in order, but for what came twice"


def test_a_claim_holds_for_its_time_and_no_longer(platform, receiving):
    """Whoever comes back too late notes nothing: another is at it."""
    platform.key()
    made = platform.endpoint(receiving().url)
    platform.run()
    webhook_deliveries.divide()
    late = webhook_deliveries.claim()
    assert webhook_deliveries.claim() is None
    with transaction() as connection:
        connection.execute("UPDATE webhook_endpoints SET claimed_until = now()")
    now = webhook_deliveries.claim()
    assert (now.event, now.sequence) == (late.event, 1)
    assert webhook_deliveries.settle(late, 200, "") is None
    assert webhook_deliveries.settle(now, 500, "it answered 500") == "queued"
    assert [each.cause for each in webhooks.deliveries(made.endpoint.id)] == ["it answered 500"]


def test_who_never_answers_holds_up_nobody_else(platform, receiving):
    """Ten endpoints of one holder hang; another holder's events arrive as if there were none, and the hanging ones are told in time."""
    bad, good = receiving(hang), receiving()
    platform.key()
    platform.key("them")
    hanging = [platform.endpoint(bad.url) for _ in range(10)]
    theirs = platform.endpoint(good.url, holder="them")
    platform.run()

    def post(url, headers, body):
        return outbound.post(url, headers, body, total=2.0)

    with platform.sender(post=post):
        wait_for(lambda: len(bad.requests) >= webhook_deliveries.AT_ONCE, 10)
        begun = time.monotonic()
        platform.runs(5, platform.theirs)
        platform.delivered(theirs, 5, 10)
        assert time.monotonic() - begun < 8
        assert len(bad.requests) <= 2 * webhook_deliveries.AT_ONCE + 2
        wait_for(lambda: any(each.cause for each in webhooks.listed("me")), 10)
    causes = {each.cause for each in webhooks.listed("me")} - {None}
    assert causes == {"it did not answer within 2 seconds"}
    assert len(hanging) == 10


def test_after_three_days_without_success_it_is_disabled(platform, receiving):
    receiver = receiving(lambda request, handler: 500)
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.run()
    with platform.sender():
        wait_for(lambda: len(receiver.requests) >= 3, 10)
        assert webhooks.listed()[0].state == "active"
        with transaction() as connection:
            connection.execute("UPDATE webhook_endpoints SET failing_since = now() - interval '3 days'")
        wait_for(lambda: webhooks.listed()[0].state == "disabled", 10)
    count = len(receiver.requests)
    found = webhooks.listed()[0]
    assert (found.cause, found.disabled_at is not None) == ("it answered 500", True)
    platform.run()
    assert webhook_deliveries.divide() == 1
    assert webhook_deliveries.claim() is None, "it waits, and is not sent"
    assert len(receiver.requests) == count
    assert [each.state for each in webhooks.deliveries(made.endpoint.id)] == ["queued", "queued"]


def test_an_event_is_sent_once_more_under_its_id_and_out_of_turn(platform, receiving):
    """Also past one that keeps its order waiting; five attempts, then it is given up."""
    stuck, refusing = [False], [False]

    def answer(request, handler):
        return 500 if (stuck[0] and request.told["sequence"] == 3) or refusing[0] else 200

    receiver = receiving(answer)
    platform.key()
    made = platform.endpoint(receiver.url)
    identifier = made.endpoint.id
    with platform.sender():
        platform.runs(2)
        platform.delivered(made, 2)
        stuck[0] = True
        platform.runs(2)
        wait_for(lambda: 3 in places(receiver), 10)
        wanted = UUID(receiver.ids[0])
        webhooks.redeliver(identifier, [wanted])
        wait_for(lambda: receiver.ids.count(str(wanted)) == 2 and webhooks.delivery(identifier, wanted).state == "delivered", 10)
        assert 4 not in places(receiver)
        refusing[0] = True
        webhooks.redeliver(identifier, [wanted])
        wait_for(lambda: webhooks.delivery(identifier, wanted).state == "failed", 10)
        assert webhooks.delivery(identifier, wanted).tries == webhook_deliveries.AGAIN
        stuck[0] = refusing[0] = False
        platform.delivered(made, 3)
    with pytest.raises(InputError) as refused:
        webhooks.redeliver(identifier, [UUID(nobody())])
    assert refused.value.code == "delivery.unknown"


def test_the_waits_grow_and_end(monkeypatch):
    monkeypatch.undo()
    waits = [webhook_deliveries.wait_after(tries).total_seconds() for tries in range(1, 14)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    assert webhook_deliveries.wait_after(10_000).total_seconds() == 3600


def test_postgresql_that_goes_away_loses_nothing(platform, receiving):
    """Its connections are cut again and again meanwhile."""
    receiver = receiving()
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.runs(20)
    with platform.sender():
        for _ in range(5):
            time.sleep(0.1)
            _cut()
            with transaction() as connection:  # who lost a connection in the middle has a claim that nobody gives back
                connection.execute("UPDATE webhook_endpoints SET claimed_until = now() WHERE claimed_until < now() + interval '59 seconds'")
        wait_for(lambda: _released() and len(set(receiver.ids)) == 20, 30)
        platform.delivered(made, 20, 30)
    assert len(set(receiver.ids)) == 20


def _released() -> bool:
    with transaction() as connection:
        connection.execute("UPDATE webhook_endpoints SET claimed_until = now() WHERE claimed_until < now() + interval '58 seconds'")
    return True


def _cut() -> None:
    with transaction() as connection:
        connection.execute("RESET ROLE")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'tenantry'"
        )


def test_one_event_that_blocks_the_order_is_skipped_by_hand(platform, receiving):
    """The one that is refused each time, no other; what follows arrives with a gap, and the audit log says who made it."""
    receiver = receiving(lambda request, handler: 500 if request.told["sequence"] == 2 else 200)
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.runs(4)
    identifier = made.endpoint.id
    with platform.sender():
        platform.delivered(made, 1)
        wait_for(lambda: webhooks.listed()[0].cause is not None, 10)
        (_, blocked, later, _) = [each.event for each in reversed(webhooks.deliveries(identifier))]
        for wrong in (later, webhooks.deliveries(identifier, state="delivered")[0].event):
            with pytest.raises(InputError) as refused:
                webhooks.skip(identifier, wrong, actor=ME)
            assert refused.value.code == "delivery.settled"
        with pytest.raises(InputError) as refused:
            webhooks.skip(identifier, blocked, {"partner": "them"}, actor=ME)
        assert refused.value.code == "delivery.unknown"
        assert webhooks.skip(identifier, blocked, actor=ME).state == "skipped"
        platform.delivered(made, 3)
    assert [place for place in dict.fromkeys(places(receiver))] == [1, 2, 3, 4]
    assert webhooks.delivery(identifier, blocked).state == "skipped", "also where it was under way"
    assert webhooks.listed()[0].cause is None
    with transaction() as connection:
        (line,) = connection.execute("SELECT actor, outcome FROM audit_log WHERE action = 'skip event'").fetchall()
        connection.execute("DELETE FROM audit_log WHERE action = 'skip event'")
    assert (line["actor"], line["outcome"]) == ("test", f"{blocked}, place 2 of webhook {identifier}")
    webhooks.redeliver(identifier, [blocked])
    assert webhooks.delivery(identifier, blocked).state == "queued"


def test_at_another_address_nothing_is_sent_before_a_test_was_taken(platform, receiving):
    """Nor does an answer that comes from the former one count, which was asked before."""
    slow, go_on = threading.Event(), threading.Event()

    def answer(request, handler):
        slow.set()
        go_on.wait(10)
        return 200

    former, receiver = receiving(answer), receiving()
    platform.key()
    made = platform.endpoint(former.url)
    identifier = made.endpoint.id
    platform.runs(2)
    with platform.sender():
        assert slow.wait(10)
        assert webhooks.edit(identifier, webhooks.Edit(url=receiver.url), actor=ME).state == "untested"
        go_on.set()
        time.sleep(0.5)
        assert ([each.state for each in webhooks.deliveries(identifier)], receiver.requests) == (["queued", "queued"], [])
        webhooks.try_out(identifier)
        platform.delivered(made, 3)
    assert [request.told["sequence"] for request in receiver.requests] == [None, 1, 2]
    assert webhooks.listed()[0].state == "active"
    with transaction() as connection:
        connection.execute("DELETE FROM audit_log WHERE action = 'edit webhook'")


@pytest.mark.parametrize(
    ("said", "least", "most"), [("120", 120, 151), ("0", 5, 7), ("999999999999", 3600, 4501), ("soon", 0, 2), ("-5", 0, 2)]
)
def test_a_receiver_says_when_it_wants_to_be_asked_again_within_bounds(platform, receiving, said, least, most):
    def answer(request, handler):
        handler.send_response(429)
        handler.send_header("Retry-After", said)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    platform.key()
    made = platform.endpoint(receiving(answer).url)
    platform.run()
    webhook_deliveries.divide()
    claimed = webhook_deliveries.claim()
    outcome = outbound.post(claimed.url, {}, b"{}")
    webhook_deliveries.settle(claimed, outcome.status, outcome.cause, outcome.retry_after)
    with transaction() as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM not_before - now()) AS seconds FROM webhook_endpoints WHERE id = %s", [made.endpoint.id]
        ).fetchone()
    assert least - 2 < row["seconds"] < most, row


def test_gone_is_heard_whatever_it_answers(platform, receiving):
    """To what is sent once more, too, while nothing waits in the order."""
    statuses = [200]
    receiver = receiving(lambda request, handler: statuses[0])
    platform.key()
    made = platform.endpoint(receiver.url)
    platform.run()
    with platform.sender():
        platform.delivered(made, 1)
        statuses[0] = 410
        webhooks.redeliver(made.endpoint.id, [UUID(receiver.ids[0])])
        wait_for(lambda: webhooks.listed()[0].state == "disabled", 10)
