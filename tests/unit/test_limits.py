"""How often anybody may ask: keys that work have buckets of their own, everybody else one by address."""

from __future__ import annotations

from tenantry.web.limits import LET_IN, MOST, Buckets, Limits, Rate, address
from tests import asynchronous


class Clock:
    """A clock that stands until it is told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_a_bucket_fills_again_and_not_above_its_rim():
    clock = Clock()
    buckets = Buckets(Rate(3, 2), clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b") == 0, "another one's"
    clock.now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 0.5]
    clock.now += 1000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_only_so_many_are_remembered():
    buckets = Buckets(Rate(1, 1))
    for number in range(MOST + 10):
        buckets.take(str(number))
    assert len(buckets._buckets) == MOST


def service(clock):
    """A service that lets in whoever has the key `good`, counted; and what asks it for the status and the headers."""

    async def app(scope, receive, send):
        good = (b"authorization", b"Bearer good") in scope["headers"]
        if good:
            scope[LET_IN] = True
        await send({"type": "http.response.start", "status": 200 if good else 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    limits = Limits(app, known=Rate(5, 1), unknown=Rate(2, 0.1), clock=clock)

    def ask(key=None, client="192.0.2.1", path="/v1/tenants"):
        sent = []

        async def send(message):
            sent.append(message)

        headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
        scope = {"type": "http", "path": path, "method": "GET", "headers": headers, "client": (client, 1)}
        asynchronous.run(limits(scope, None, send))
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}

    return ask


def test_a_key_that_works_is_not_held_up_by_whoever_makes_keys_up():
    clock = Clock()
    ask = service(clock)
    assert ask("good")[0] == 200
    assert [ask(f"bad {number}")[0] for number in range(3)] == [401, 429, 429], "however many keys: it is one address"
    assert [ask("good")[0] for _ in range(6)] == [200, 200, 200, 200, 200, 429]
    assert ask("bad", client="192.0.2.2")[0] == 401
    status, headers = ask("bad")
    assert (status, headers["retry-after"], headers["content-type"]) == (429, "10", "application/problem+json")
    clock.now += 10
    assert ask("bad")[0] == 401


def test_a_key_that_was_ended_is_as_one_that_was_made_up():
    clock = Clock()
    limits = service(clock)
    assert limits("good")[0] == 200
    ended = service(clock)
    assert [ended("was good")[0] for _ in range(3)] == [401, 401, 429]


def test_the_probe_is_not_counted():
    ask = service(Clock())
    assert {ask(path="/health")[0] for _ in range(20)} == {401}


def test_a_network_of_version_6_is_one_address():
    def of(host):
        return address({"client": (host, 1)})

    assert of("2001:db8::1") == of("2001:db8::ffff:2") != of("2001:db8:0:1::1")
    assert of("192.0.2.1") != of("192.0.2.2")
    assert address({"client": None}) == "unknown"
