"""Who read what is written down: each read once, by ids, beside the requests; and nobody can take it back."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from tenantry import naming
from tenantry.control.database import transaction
from tenantry.operations import read_log
from tenantry.operations.callers import Caller, Sight
from tenantry.operations.read_log import ReadLog
from tests.service.web.conftest import MINE, THEIRS, admin, key, user
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def lines(request):
    """What was written down under the id of a request, once it is."""
    found = []

    def there():
        with transaction() as connection:
            found[:] = connection.execute("SELECT * FROM audit_reads WHERE request_id = %s", [request]).fetchall()
        return found

    wait_for(there, seconds=10)
    return found


def test_a_read_is_written_down_with_who_where_what_and_nothing_of_what_was_read(service):
    asked = service.ask("GET", f"/v1/tenants/{MINE}/configuration/theme.primary")
    (line,) = lines(asked.headers["tenantry-request"])
    assert line.pop("keep_until") > line.pop("at")
    assert line.pop("id")
    assert line == {
        "tenant_id": naming.tenant_id(MINE), "holder": "me", "actor": "me", "credential": f"key {service.mine.split('_')[2]}",
        "address": "testclient", "route": "GET /v1/tenants/{slug}/configuration/{key}", "detail": "key=theme.primary",
        "request_id": UUID(asked.headers["tenantry-request"]), "reads": 1,
    }  # fmt: skip


def test_people_lists_runs_and_filters_are_told_apart(service):
    boss, platform = user(service, MINE, "admin"), admin(service)
    run = service.ask("POST", f"/v1/tenants/{MINE}/backups").json()["run"]
    asked = [
        boss.ask("GET", f"/v1/tenants/{MINE}/users"),
        platform.ask("GET", "/v1/tenants", params={"state": "active", "limit": 2, "after": "web-l"}),
        platform.ask("GET", "/v1/runs/export", params={"tenant": THEIRS, "by": "ab", "format": "csv"}),
        service.ask("GET", f"/v1/runs/{run}"),
        service.ask("POST", "/v1/configuration/bulk/preview", json={"key": "limits.users", "value": 7}),
    ]
    found = [lines(answer.headers["tenantry-request"])[0] for answer in asked]
    assert [(line["holder"].partition(":")[0], line["credential"].partition(" ")[0]) for line in found] == [
        ("user", "session"), ("admin", "session"), ("admin", "session"), ("me", "key"), ("me", "key")
    ]  # fmt: skip
    assert [line["tenant_id"] for line in found] == [
        naming.tenant_id(MINE), None, naming.tenant_id(THEIRS), naming.tenant_id(MINE), None
    ]  # fmt: skip
    assert [line["detail"] for line in found] == ["", "state=active", "by=ab format=csv", f"run={run}", ""]
    assert found[1]["actor"] == "ada@platform.example"


def test_what_is_refused_and_ones_own_session_are_no_reads(service):
    boss = user(service, MINE, "admin")
    for answer in (
        boss.ask("GET", "/v1/session"), boss.ask("GET", f"/v1/tenants/{THEIRS}/users"), service.ask("GET", "/v1/tenants", None),
        service.ask("GET", f"/v1/tenants/{THEIRS}"), service.client.get("/health"), service.ask("POST", f"/v1/tenants/{MINE}/backups"),
    ):  # fmt: skip
        assert "tenantry-request" not in answer.headers


def test_hostile_text_is_written_as_its_codes_and_cut_off(service):
    asked = service.ask("GET", f"/v1/runs?kind=&by={'%C3%A4' * 150}", key("h\u0455stile" * 9))
    assert asked.status_code == 200, asked.text
    (line,) = lines(asked.headers["tenantry-request"])
    assert len(line["detail"]) <= read_log.LONGEST
    log = ReadLog(beat=0.01)
    who = Caller("x\u202ey", frozenset(), Sight(), "=1+1\x1b[2J\nz" * 100)
    request = log.note(who, "192.0.2.1", None, None, "GET /v1/x", "a\x00b\ud800c")
    log.start()
    log.close()
    (line,) = lines(request)
    assert (line["holder"], line["detail"], len(line["actor"])) == ("x\\u202ey", "a\\x00b\\ud800c", read_log.LONGEST)
    assert not any(character < " " for character in line["actor"])


def test_reads_that_are_alike_within_a_moment_are_one_line(service):
    log, who = ReadLog(beat=60), Caller("alike", frozenset(), Sight(), "alike", credential="key x")
    requests = {log.note(who, "192.0.2.1", None, None, "GET /v1/tenants", "") for _ in range(5)}
    other = log.note(who, "192.0.2.2", None, None, "GET /v1/tenants", "")
    log.start()
    log.close()
    (request,) = requests
    assert ([line["reads"] for line in lines(request)], [line["reads"] for line in lines(other)]) == ([5], [1])


@pytest.mark.parametrize("statement", ["UPDATE audit_reads SET actor = 'x'", "DELETE FROM audit_reads", "TRUNCATE audit_reads"])
def test_nobody_the_service_works_as_changes_a_line(service, statement):
    lines(service.ask("GET", f"/v1/tenants/{MINE}").headers["tenantry-request"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="stays written down"), transaction() as connection:
        connection.execute(statement)


def test_a_line_goes_when_its_time_is_over(service):
    who, tenant = Caller("over", frozenset(), Sight(), "over"), naming.tenant_id(MINE)
    with transaction() as connection:
        connection.execute(
            "INSERT INTO audit_reads (tenant_id, at, holder, actor, credential, address, route, detail, request_id, reads, keep_until)"
            " VALUES (%s, now() - interval '400 days', 'over', 'over', 'x', 'x', 'x', '', %s, 1, now() - interval '35 days')",
            [tenant, uuid4()],
        )
    fresh = ReadLog(beat=60)
    request = fresh.note(who, "x", tenant, None, "GET /v1/x", "")
    fresh.start()
    fresh.close()
    assert read_log.purge() == 1
    assert read_log.purge() == 0
    assert lines(request)


class Away:
    """What writes lines, and can be away."""

    def __init__(self):
        self.there, self.written = False, []

    def __call__(self, batch):
        if not self.there:
            raise psycopg.OperationalError("the server is away")
        self.written += batch


@contextmanager
def begun(log):
    log.start()
    try:
        yield
    finally:
        log.close()


def test_while_postgresql_is_away_lines_wait_and_what_finds_no_room_is_counted_and_said(service, capsys):
    away = Away()
    log = ReadLog(away, beat=0.02, most=3)
    with begun(log):
        for number in range(5):
            log.note(Caller(f"holder {number}", frozenset(), Sight(), "x"), "192.0.2.1", None, None, "GET /v1/x", "")
        assert log.lost == 2
        time.sleep(0.2)
        away.there = True
        wait_for(lambda: len(away.written) == 3, seconds=5)
        with transaction() as connection:
            query = "SELECT outcome FROM audit_log WHERE action = %s"
            wait_for(lambda: connection.execute(query, [read_log.ACTION]).fetchone(), seconds=5)
            connection.execute("DELETE FROM audit_log WHERE action = %s", [read_log.ACTION])
    said = capsys.readouterr().err
    assert said.count("the server is away") == 1, "once, and not each time"
    assert "2 reads were not written down" in said
    assert [line.read.holder for line in away.written] == ["holder 0", "holder 1", "holder 2"]


def test_what_can_never_be_written_keeps_nothing_else_waiting(service, capsys):
    heard = []

    def write(batch):
        if not heard:
            heard.append("refused")
            raise psycopg.DataError("no such value")
        heard.extend(batch)

    log = ReadLog(write, beat=0.02)
    with begun(log):
        log.note(Caller("a", frozenset(), Sight(), "x"), "192.0.2.1", None, None, "GET /v1/x", "")
        wait_for(lambda: heard, seconds=5)
        log.note(Caller("b", frozenset(), Sight(), "x"), "192.0.2.1", None, None, "GET /v1/x", "")
        wait_for(lambda: len(heard) == 2, seconds=5)
    assert log.lost == 1
    assert heard[1].read.holder == "b"
    with transaction() as connection:
        connection.execute("DELETE FROM audit_log WHERE action = %s", [read_log.ACTION])


def test_no_request_waits_for_what_writes(service):
    """A write that hangs: taking a read in takes no time, and ending does not wait for it for long."""
    over, hung = threading.Event(), threading.Event()

    def write(batch):
        hung.set()
        over.wait(20)

    log = ReadLog(write, beat=0.01)
    log.start()
    who = Caller("a", frozenset(), Sight(), "x")
    log.note(who, "192.0.2.1", None, None, "GET /v1/x", "")
    assert hung.wait(5)
    begun = time.monotonic()
    for number in range(2_000):
        log.note(who, "192.0.2.1", None, None, "GET /v1/x", str(number))
    took = time.monotonic() - begun
    log.close()
    ended = time.monotonic() - begun
    over.set()
    print(f"{took / 2_000 * 1e6:.0f} µs for a read, ended after {ended:.1f} s")
    assert took < 2
    assert ended < 5


def test_losses_are_told_to_whoever_asks_how_it_is(service):
    assert service.client.get("/ready").json() == {"status": "ok", "reads_lost": 0}
