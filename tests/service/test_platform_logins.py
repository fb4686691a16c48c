"""Passwords of the platform's own logins are renewed while they connect: that of the look-up, and a cell's where nobody is yet."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from benchmarks.fleet import Fleet
from components import login_secret as secrets_of
from components.resources.login import LoginProvider
from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.actor import Actor
from tenantry.app import Directory
from tenantry.app.secrets import VARIABLE, directory_dsn
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import logins as written_down
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.operations import platform_logins, rotation
from tenantry.postgres import login_limits, logins, revisions, server_guard
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings, platform_settings
from tests.environment import entered
from tests.service import directory, scratch
from tests.waiting import wait_for

pytestmark = pytest.mark.service

ROLE, SECOND = naming.CONTROL_DIRECTORY, naming.second_login(naming.CONTROL_DIRECTORY)
CELL, GUEST = "vacant", "first-guest"
ACTOR = Actor("ada")


def settings(kind: str, **more: str) -> PlatformSettings:
    values = {name: getattr(platform_settings(), name) for name in PlatformSettings.__slots__}
    return PlatformSettings(**{**values, "login_secrets": kind, **more})


@pytest.fixture(params=["secretsmanager", "ssm"])
def kind(request, in_cloud, monkeypatch) -> str:
    for module in ("stores.login_secret", "operations.rotation"):
        monkeypatch.setattr(f"tenantry.{module}.platform_settings", lambda: settings(request.param))
    return request.param


def of_directory(kind: str) -> dict[str, Any]:
    """What the engine gives the login."""
    found = secrets_of.of_directory(settings(kind))
    return {
        "database": naming.CONTROL_DATABASE, "schema": naming.CONTROL_SCHEMA, "app_role": ROLE, "limits": login_limits.SETTINGS,
        **({"secret": found, "connections": -1} if found else {}),
    }  # fmt: skip


@pytest.fixture
def outs(kind, monkeypatch) -> Iterator[dict[str, Any]]:
    """The look-up's login with a secret, as the engine makes it. Afterwards it has none."""
    directory.make()
    tenant = directory.tenant("looked-up", "schema")
    made = LoginProvider().create(of_directory(kind)).outs
    monkeypatch.setenv(VARIABLE, made["secret_arn"])
    yield made
    LoginProvider().update("id", LoginProvider().create(of_directory(kind)).outs, of_directory("none"))
    with Server.from_environment().connect() as admin:
        logins.drop_second(admin, ROLE)
    directory.forget(tenant)
    directory.make()


def enters(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def user(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["user"])


def time_goes_by(role: str, days: float = 2) -> None:
    with transaction() as connection:
        connection.execute(
            "UPDATE logins SET changed_at = changed_at - %(by)s, former_until = former_until - %(by)s WHERE role = %(role)s",
            {"by": timedelta(days=days), "role": role},
        )


ENDED = ("terminating connection", "server closed the connection")


@contextmanager
def looking_up() -> Iterator[tuple[list[str], Callable[[], None]]]:
    """Applications that look up all the time: two that read the secret each time, and one that keeps what it has read and whose sessions
    are ended again and again; what they were refused with, and what waits until nobody has what was read before."""
    refused: list[str] = []
    over, users, rounds = threading.Event(), set(), [0, 0]

    def read(number: int) -> None:
        while not over.is_set():
            rounds[number] += 1
            dsn = directory_dsn()
            over.wait(0.05)
            try:
                with psycopg.connect(dsn) as connection:
                    connection.execute("SELECT * FROM control.tenant_by_slug('looked-up')")
                users.add(user(dsn))
            except psycopg.Error as error:
                refused.append(f"{user(dsn)}: {error}")

    def keep() -> None:
        with Directory(directory_dsn, outage=0, size=1) as found:
            number = 0
            while not over.is_set():
                number += 1
                try:
                    found.by_slug("looked-up")
                    found.by_slug(f"nobody-{number}")
                except Exception as error:
                    if not any(words in str(error) for words in ENDED):  # a second time within one question, by us
                        refused.append(repr(error))

    def end_sessions() -> None:
        with Server.from_environment().connect() as admin:
            admin.autocommit = True
            while not over.is_set():
                over.wait(0.2)
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s) AND application_name = 'tenantry.app'",
                    [[ROLE, SECOND]],
                )

    def read_anew() -> None:
        before = list(rounds)
        wait_for(lambda: all(now > then + 1 for now, then in zip(rounds, before, strict=True)))

    works = (partial(read, 0), partial(read, 1), keep, end_sessions)
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    try:
        yield refused, read_anew
        read_anew()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert users == {ROLE, SECOND}


def test_whoever_looks_tenants_up_is_not_refused_while_its_password_is_renewed(outs):
    """Twice, so that each of the two logins has its turn, and with the former password's end in between."""
    with looking_up() as (refused, read_anew):
        first = directory_dsn()
        turn = platform_logins.renew(ROLE, actor=ACTOR)
        second = directory_dsn()
        assert (turn.username, user(second), enters(first), enters(second)) == (SECOND, SECOND, True, True)
        with pytest.raises(InputError, match="lets in until") as caught:
            platform_logins.renew(ROLE, actor=ACTOR)
        assert (caught.value.code, "--directory --now" in caught.value.hint) == ("credentials.recent", True)
        read_anew()
        time_goes_by(ROLE)
        assert rotation.end_formers().results == [True]
        assert (enters(first), enters(second)) == (False, True)
        read_anew()
        assert platform_logins.renew(ROLE, actor=ACTOR).username == ROLE
        read_anew()
        time_goes_by(ROLE)
        assert rotation.end_formers().results == [True]
        assert (enters(second), enters(directory_dsn())) == (False, True)
        read_anew()
    assert refused == []
    with transaction() as connection:
        rows = connection.execute("SELECT actor, outcome FROM audit_log WHERE tenant_id IS NULL AND action = 'renew password'").fetchall()
    assert {"actor": "ada", "outcome": f"{SECOND} in the place of {ROLE}"} in rows


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_the_second_may_what_the_first_may_and_no_more(outs):
    platform_logins.renew(ROLE, actor=ACTOR)
    with psycopg.connect(directory_dsn(), autocommit=True) as connection:
        assert connection.execute("SELECT slug FROM tenant_by_slug('looked-up')").fetchone() == ("looked-up",)
        for forbidden in (
            "SELECT * FROM control.tenants",
            "SELECT * FROM control.logins",
            "CREATE TABLE control.x ()",
            "SET ROLE tenantry__app",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
    with Server.from_environment().connect() as admin:
        assert not [fault for fault in server_guard.faults(admin) if ROLE in fault]
        admin.execute(f"ALTER ROLE {SECOND} SET work_mem = '1GB'".encode())
        assert [fault for fault in server_guard.faults(admin) if SECOND in fault]
        assert LoginProvider().read("id", outs).outs["faults"] == []
        admin.commit()
    (fault,) = LoginProvider().read("id", outs).outs["faults"]
    assert fault.startswith(f"{SECOND} sets work_mem")
    mended = LoginProvider().update("id", outs, {name: outs[name] for name in of_directory("ssm")}).outs
    assert LoginProvider().read("id", mended).outs["faults"] == []


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_an_up_after_a_renewal_leaves_it_as_it_is(outs, kind):
    platform_logins.renew(ROLE, actor=ACTOR)
    after = directory_dsn()
    found = LoginProvider().read("id", outs).outs
    assert (LoginProvider().drift(found), found["faults"]) == ([], [])
    assert not LoginProvider().diff("id", found, of_directory(kind)).changes
    LoginProvider().update("id", found, of_directory(kind))
    LoginProvider().create(of_directory(kind))
    assert (directory_dsn(), enters(after), user(after)) == (after, True, SECOND)


def test_a_secret_that_was_spoilt_is_mended_with_the_other_login(outs, kind):
    """Whoever has read it before goes on."""
    platform_logins.renew(ROLE, actor=ACTOR)
    before, place = directory_dsn(), LoginSecret(**of_directory(kind)["secret"])
    place.write({**place.read(), "password": "spoilt"})
    with pytest.raises(WorkError, match="does not open"):
        platform_logins.renew(ROLE, now=True, actor=ACTOR)
    found = LoginProvider().read("id", outs).outs
    assert found["faults"]
    LoginProvider().update("id", found, of_directory(kind))
    assert (user(directory_dsn()), enters(directory_dsn()), enters(before)) == (ROLE, True, True)


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
@pytest.mark.parametrize("at", ["before the secret", "behind it", "before it is noted"])
def test_killed_anywhere_what_the_secret_says_opens(outs, monkeypatch, at):
    """And the next time goes on there: what is in the secret is not renewed once more, because somebody may have read it."""
    first, write = directory_dsn(), LoginSecret.write

    def killed(self: LoginSecret, content: dict[str, Any]) -> str:
        if at == "behind it":
            write(self, content)
        raise KeyboardInterrupt

    def not_noted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if at == "before it is noted":
            patched.setattr(written_down, "rotated", not_noted)
        else:
            patched.setattr(LoginSecret, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            platform_logins.renew(ROLE, actor=ACTOR)
    halfway = directory_dsn()
    assert (enters(first), enters(halfway), halfway == first) == (True, True, at == "before the secret")
    platform_logins.renew(ROLE, actor=ACTOR)
    assert (enters(first), enters(halfway), enters(directory_dsn())) == (True, True, True)
    assert (directory_dsn() == halfway, user(directory_dsn())) == (at != "before the secret", SECOND)
    noted = written_down.find(ROLE)
    assert noted is not None
    assert noted.former_until is not None


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_now_ends_the_former_and_its_sessions(outs):
    first = directory_dsn()
    with psycopg.connect(first) as inside:
        assert platform_logins.renew(ROLE, now=True, actor=ACTOR).former_until is None
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
    assert (enters(first), enters(directory_dsn())) == (False, True)


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_the_schedule_renews_it_and_doctor_counts_it(outs, kind, monkeypatch):
    time_goes_by(ROLE, 91)
    monkeypatch.setattr("tenantry.operations.rotation.platform_settings", lambda: settings(kind, credentials_rotate_after="80d"))
    with pytest.raises(WorkError, match=rf"older than 80 days: {ROLE} \(91 days\)"):
        rotation.standing()
    nothing = {"former passwords ended": 0, "rotations asked for": 0}
    assert rotation.scheduled() == {**nothing, "of the platform's own renewed": 1}
    assert user(directory_dsn()) == SECOND
    assert rotation.scheduled() == {**nothing, "of the platform's own renewed": 0}
    assert rotation.standing() == "1 in secrets, the oldest of 0 days; renewed after 80"


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_without_secrets_the_second_login_goes(outs):
    """With the login as with its secret."""
    platform_logins.renew(ROLE, actor=ACTOR)
    plain = LoginProvider().update("id", outs, of_directory("none")).outs
    found = LoginProvider().read("id", plain).outs
    assert found["faults"] == [f"{SECOND} is left of a time when logins had secrets"]
    LoginProvider().update("id", found, of_directory("none"))
    with Server.from_environment().connect() as admin:
        assert logins.both(admin, ROLE) == [ROLE]


@pytest.fixture
def cell(in_cloud) -> Iterator[str]:
    """The login of a cell in whose shared tables nobody is, with a secret."""
    with entered(in_cloud.environment):
        fleet = Fleet(CELL)
        fleet.shared()
        role = naming.cell_app(CELL)
        made = {
            "tree": "tenant", "server": None, "database": naming.cell_database(CELL), "schema": naming.SHARED_SCHEMA,
            "owner": naming.cell_owner(CELL), "app_role": role, "tenant_id": None, "limits": login_limits.SETTINGS, "login": True,
            "revision": revisions.head("tenant"), "secret": secrets_of.of_cell(CELL, settings("ssm")),
        }  # fmt: skip
        outs = StoreProvider().create(made).outs
        yield role
        LoginSecret(**outs["secret"]).erase()
        written_down.forget(role)
        directory.forget(str(naming.tenant_id(GUEST)))
        with fleet.server.connect() as admin:
            logins.drop_second(admin, role)
        scratch.drop(fleet.server, naming.cell_database(CELL), roles=(role, naming.cell_owner(CELL)))


@pytest.mark.parametrize("kind", ["ssm"], indirect=True)
def test_a_cell_in_which_nobody_is_yet_has_its_turn_too(kind, cell):
    """Its first tenant's application comes with the secret that is there then: it should not be years old. With a tenant it is a run."""
    time_goes_by(cell, 100)
    swept = platform_logins.renew_all(timedelta(days=90), actor=ACTOR)
    assert [(turn.role, turn.username) for turn in swept.results] == [(cell, naming.second_login(cell))]
    content = LoginSecret(**secrets_of.of_cell(CELL, settings(kind))).read()
    with psycopg.connect(
        host=content["host"], port=content["port"], dbname=content["dbname"], user=content["username"], password=content["password"]
    ) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    assert platform_logins.renew_all(actor=ACTOR).results == [], "the former one lets in still"
    time_goes_by(cell)
    Fleet(CELL).rls(GUEST)
    assert cell not in [login.role for login in platform_logins.noted()]
    assert cell in [login.role for login in rotation.ages()]


@pytest.mark.parametrize("kind", ["secretsmanager"], indirect=True)
def test_the_command_says_what_is_asked_of_it_wrongly(kind, in_cloud):
    for arguments in (["--directory", "--all"], ["--directory", "--older-than", "90d"], ["--all", "--now"], []):
        told = in_cloud.tenantry("credentials", "rotate", *arguments, "--json")
        assert (told.returncode, json.loads(told.stdout)["code"]) == (2, "input.invalid"), arguments
    told = in_cloud.tenantry("credentials", "rotate", "--directory", "--json")
    assert (told.returncode, json.loads(told.stdout)["code"]) == (2, "credentials.none")
