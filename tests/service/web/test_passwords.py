"""Passwords: set by whoever is invited, compared in a bounded place, and telling nobody who there is."""

from __future__ import annotations

import asyncio
import os
import re
import time
from statistics import median
from threading import Lock, get_native_id
from uuid import uuid4

import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control.database import transaction
from tenantry.errors import InputError, TooMany
from tenantry.operations import attempts, invite, passwords, users
from tenantry.web.hashing import NICE, WAITING, Hashing
from tests import asynchronous
from tests.service.web.conftest import ADMINS, MINE, THEIRS, Browser
from tests.service.web.test_api_keys import said

pytestmark = pytest.mark.service

HOST = f"{MINE}.x.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def unlimited(service):
    with transaction() as connection:
        connection.execute("DELETE FROM rate_limits")


def code(email, role="member", slug=MINE):
    return invite.invite(slug, email, "Bea", role, Actor("test")).link.rpartition("/")[2]


def sign_in(service, host=HOST, **body):
    answer = service.client.post("/v1/session", json=body, headers={"Host": host})
    service.client.cookies.clear()
    return answer


def browser(service, answer, host=HOST):
    return Browser(service.client, host, re.match(r"__Host-tenantry=([^;]+)", answer.headers["set-cookie"])[1], answer.json()["csrf"])


@pytest.fixture
def bea(service):
    """The address of a user with a password."""
    email = f"bea-{uuid4().hex[:8]}@acme.example"
    answer = sign_in(service, invitation=code(email), password=PASSWORD)
    assert answer.status_code == 201, answer.text
    return email


def test_whoever_is_invited_chooses_a_password_and_is_in(service):
    invitation = code("cy@acme.example", "admin")
    foreign = sign_in(service, f"{THEIRS}.x.example", invitation=invitation, password=PASSWORD)
    assert (foreign.status_code, foreign.json()["code"]) == (422, "invitation.host")
    weak = sign_in(service, invitation=invitation, password="short")
    assert (weak.status_code, weak.json()["code"]) == (422, "password.weak")
    answer = sign_in(service, invitation=invitation, password=PASSWORD, name="Cy B.")
    told = answer.json()
    assert (answer.status_code, told["role"], told["tenant"], told["email"], told["way"]) == (
        201,
        "admin",
        MINE,
        "cy@acme.example",
        "password",
    )
    assert browser(service, answer).ask("GET", f"/v1/tenants/{MINE}/invitations").status_code == 200
    again = sign_in(service, invitation=invitation, password="another password of theirs")
    assert (again.status_code, again.json()["code"]) == (410, "invitation.used"), "a used code sets nobody's password"
    assert sign_in(service, email="CY@acme.example", password=PASSWORD).status_code == 201
    with transaction() as connection:
        assert connection.execute("SELECT name FROM users WHERE email = 'cy@acme.example'").fetchone()["name"] == "Cy B."
        kept = connection.execute("SELECT hash FROM passwords").fetchall()
    assert all(row["hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$") for row in kept)


def test_nobody_learns_who_there_is(service, bea):
    """Status, body, headers and time class, of somebody without a password too."""
    with transaction() as connection:
        connection.execute(
            "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'sso@acme.example', 'S', 'admin')", [naming.tenant_id(MINE)]
        )
    wrong = sign_in(service, email=bea, password="not " + PASSWORD)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "password.wrong")
    times: dict[str, list[float]] = {}
    for _ in range(3):
        for host, email in (
            (HOST, bea),
            (HOST, "nobody@acme.example"),
            (HOST, "sso@acme.example"),
            (f"{THEIRS}.x.example", bea),
            (ADMINS, bea),
        ):
            before = time.perf_counter()
            assert said(sign_in(service, host, email=email, password="not " + PASSWORD)) == said(wrong), (host, email)
            times.setdefault(f"{host} {email}", []).append(time.perf_counter() - before)
    medians = sorted(median(each) for each in times.values())
    assert medians[-1] < 3 * medians[0], times
    assert passwords.NOBODY.rpartition("$")[0].rpartition("$")[0] == passwords.hashed(PASSWORD).rpartition("$")[0].rpartition("$")[0]


def test_who_tries_too_often_has_to_wait_and_so_has_the_right_one(service, bea, monkeypatch):
    monkeypatch.setitem(attempts.MOST, "account", 2)
    for _ in range(2):
        assert sign_in(service, email=bea, password="x").status_code == 403
    late = sign_in(service, email=bea.upper(), password=PASSWORD)
    assert (late.status_code, late.json()["code"]) == (429, "limit.attempts")
    assert 1 <= int(late.headers["retry-after"]) <= 900
    with transaction() as connection:
        connection.execute("UPDATE rate_limits SET since = since - interval '15 minutes'")
        assert bea not in str(connection.execute("SELECT * FROM rate_limits").fetchall())
    for _ in range(2):  # whoever was right begins anew
        assert sign_in(service, email=bea, password="x").status_code == 403
        assert sign_in(service, email=bea, password=PASSWORD).status_code == 201
    monkeypatch.setitem(attempts.MOST, "address", 1)
    for host, body in (
        (HOST, {"email": "x@y.example", "password": "x"}),
        (ADMINS, {"link": "x"}),
        (HOST, {"invitation": "x", "password": "x"}),
    ):
        assert sign_in(service, host, **body).status_code == 429, body


def test_of_one_house_every_address_counts():
    same = {attempts._subject("address", text) for text in ("2001:db8::1", "2001:db8::ffff", "2001:DB8:0:0:1::")}
    assert len(same) == 1
    assert attempts._subject("address", "2001:db8:0:1::1") not in same
    assert attempts._subject("address", "192.0.2.1") != attempts._subject("address", "192.0.2.2")


def test_a_link_lets_somebody_in_who_has_forgotten(service, bea):
    """At the tenant's host only; what it was before ends with the new password."""
    old = browser(service, sign_in(service, email=bea, password=PASSWORD))
    url = users.link(MINE, bea, actor=Actor("test")).url
    assert url.startswith(f"https://{HOST}/sign-in#")
    link = url.partition("#")[2]
    entered = browser(service, sign_in(service, link=link))
    assert sign_in(service, link=link).status_code == 404
    assert entered.ask("PUT", "/v1/session/password", json={"password": "x"}).json()["code"] == "password.weak"
    done = entered.ask("PUT", "/v1/session/password", json={"password": "a new one altogether"})
    assert done.status_code == 200, done.text
    service.client.cookies.clear()
    assert [each.works() for each in (old, entered, browser(service, done))] == [False, False, True]
    assert sign_in(service, email=bea, password=PASSWORD).status_code == 403
    assert sign_in(service, email=bea, password="a new one altogether").status_code == 201
    for host in (ADMINS, f"{THEIRS}.x.example"):
        other = users.link(MINE, bea, actor=Actor("test")).url.partition("#")[2]
        assert sign_in(service, host, link=other).status_code == 404
    with pytest.raises(InputError) as refused:
        users.link(MINE, "nobody@acme.example", actor=Actor("test"))
    assert refused.value.code == "user.unknown"


def test_who_signed_in_long_ago_sets_no_password(service, bea):
    entered = browser(service, sign_in(service, email=bea, password=PASSWORD))
    with transaction() as connection:
        connection.execute("UPDATE sessions SET signed_in_at = now() - interval '11 minutes'")
    answer = entered.ask("PUT", "/v1/session/password", json={"password": "a new one altogether"})
    assert (answer.status_code, answer.json()["code"]) == (403, "session.stale")
    assert sign_in(service, email=bea, password=PASSWORD).status_code == 201


def test_a_suspended_tenant_lets_nobody_in_and_says_so(service, bea):
    with transaction() as connection:
        connection.execute("UPDATE tenants SET state = 'suspended' WHERE slug = %s", [MINE])
    try:
        answers = [sign_in(service, email=email, password=PASSWORD) for email in (bea, "nobody@acme.example")]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "tenant.suspended")] * 2
    finally:
        with transaction() as connection:
            connection.execute("UPDATE tenants SET state = 'active' WHERE slug = %s", [MINE])


def test_one_password_is_compared_at_a_time_behind_all_others_and_no_crowd_waits():
    lock, now, most, nice = Lock(), 0, 0, set[int]()

    def work():
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        nice.add(os.getpriority(os.PRIO_PROCESS, get_native_id()))
        time.sleep(0.01)
        with lock:
            now -= 1

    async def crowd():
        hashing = Hashing()
        return await asyncio.gather(*[hashing(work) for _ in range(1 + WAITING + 5)], return_exceptions=True)

    done = asynchronous.run(crowd())
    assert most == 1
    assert nice == {os.nice(0) + NICE}, "the thread's own: the loop keeps its"
    assert sum(isinstance(each, TooMany) for each in done) == 5
    assert [each for each in done if each is not None and not isinstance(each, TooMany)] == []


def test_a_password_is_one_however_it_is_typed():
    kept = passwords.hashed("Stra\u00dfe nach D\u00fcsseldorf")
    assert passwords.right("Stra\u00dfe nach Du\u0308sseldorf", kept) == (True, None)
    assert passwords.right("x" * 10_000, kept) == (False, None)
    assert passwords.right("anything", "no hash at all") == (False, None)
