"""Passwords of logins are renewed while applications connect: nobody is refused, wherever the work is killed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.fleet import Fleet
from components import login_secret as secrets_of
from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.actor import Actor
from tenantry.app import Directory
from tenantry.app.secrets import Secrets
from tenantry.app.sqlalchemy import Engines
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import logins as written_down
from tenantry.control import runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.errors import InputError, WorkError
from tenantry.operations import rotation
from tenantry.postgres import login_limits, logins, revisions
from tenantry.settings import PlatformSettings, platform_settings
from tenantry.stores import access, login_secret
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import queue
from tenantry.work.step import Run
from tests.environment import entered
from tests.service import directory, pooling, scratch

pytestmark = pytest.mark.service

CELL = "turns"
OWN, LARGE, SHARED, BESIDE = "turn-own", "turn-large", "turn-shared", "turn-beside"
SLUGS = (OWN, LARGE, SHARED, BESIDE)
KIND = {OWN: "secretsmanager", LARGE: "ssm", SHARED: "ssm", BESIDE: "ssm"}
ACTOR = Actor("ada")
STEPS = 3
NONE_OF_OURS = {"of the platform's own renewed": 0}


@pytest.fixture(scope="module", autouse=True)
def tenants(cloud) -> Iterator[None]:
    """A tenant with a schema, one with a database, and two in shared tables, in a cell of this module's."""
    with entered(cloud.environment):
        fleet = Fleet(CELL)
        fleet.shared()
        fleet.schemas([OWN])
        fleet.database(LARGE)
        for slug in (SHARED, BESIDE):
            fleet.rls(slug)
        yield
        ids = [str(naming.tenant_id(slug)) for slug in SLUGS]
        with transaction() as connection:
            rows = connection.execute("SELECT id, resumed FROM runs WHERE tenant_id = ANY(%s::uuid[])", [ids]).fetchall()
            for table in ("audit_log", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE tenant_id = ANY(%s::uuid[])", [ids])
        queue.client().delete_workflows([f"{row['id']}:{turn}" for row in rows for turn in range(row["resumed"] + 1)])
        directory.forget(*ids)
        roles = (naming.tenant_app(OWN), naming.cell_app(CELL), naming.tenant_app(LARGE))
        owners = (naming.cell_owner(CELL), naming.tenant_owner(LARGE))
        with fleet.server.connect() as admin:
            for role in roles:
                logins.drop_second(admin, role)
        scratch.drop(fleet.server, naming.cell_database(CELL), naming.tenant_database(LARGE), roles=(*roles, *owners))


@pytest.fixture
def kept(in_cloud, monkeypatch):
    """A function that gives a tenant a login with a secret, as the engine does; its store. Afterwards there is no secret."""
    made: list[tuple[str, dict[str, Any]]] = []

    def keep(slug: str) -> TenantStore:
        monkeypatch.setattr("tenantry.stores.login_secret.platform_settings", lambda: settings(KIND[slug]))
        monkeypatch.setattr("tenantry.operations.rotation.platform_settings", lambda: settings(KIND[slug]))
        outs = StoreProvider().create(props(TenantStore.of(slug))).outs
        made.append((slug, outs))
        return TenantStore.of(slug)

    yield keep
    for slug, outs in made:
        LoginSecret(**outs["secret"]).erase()
        written_down.forget(outs["app_role"])
        access.open_again(TenantStore.of(slug))


@pytest.fixture(params=[OWN, LARGE, SHARED], ids=["schema", "database", "rls"])
def store(request, kept) -> TenantStore:
    return kept(request.param)


def settings(kind: str, **more: str) -> PlatformSettings:
    values = {name: getattr(platform_settings(), name) for name in PlatformSettings.__slots__}
    return PlatformSettings(**{**values, "login_secrets": kind, **more})


def props(store: TenantStore, **more: Any) -> dict[str, Any]:
    """What the engine gives the store's resource."""
    kind = settings(KIND[store.slug])
    secret = secrets_of.of_cell(CELL, kind) if store.shared else secrets_of.of_tenant(store.slug, store.isolation, store.app_role, kind)
    return {
        "tree": "tenant", "server": None, "database": store.database, "schema": store.schema, "owner": store.owner,
        "app_role": store.app_role, "tenant_id": None if store.shared else str(store.id), "limits": login_limits.SETTINGS, "login": True,
        "revision": revisions.head("tenant"), "secret": secret, **more,
    }  # fmt: skip


def said(store: TenantStore) -> dict[str, Any]:
    found = login_secret.of(store).read()
    assert found is not None
    return found


def enter(content: dict[str, Any]) -> psycopg.Connection:
    there = {name: content[name] for name in ("host", "port", "password", "dbname")}
    return psycopg.connect(**there, user=content["username"])


def enters(content: dict[str, Any]) -> bool:
    try:
        enter(content).close()
    except psycopg.OperationalError:
        return False
    return True


def ask(store: TenantStore, **more: Any) -> UUID:
    found = rotation.request(store.slug, actor=ACTOR, **more)
    assert found is not None
    return found


def steps(run_id: UUID, first: int = 0, last: int | None = None) -> list[str]:
    """A worker takes the run and does its steps ``first`` to before ``last``; what they say. Nothing of them is written down."""
    run = Run.of(runs_at_work.claim(run_id, "test"), "test")
    return [step.work(run) for step in rotation.ROTATE.steps(run)[first:last]]


def rotate(store: TenantStore, **more: Any) -> list[str]:
    run_id = ask(store, **more)
    told = steps(run_id)
    runs_at_work.finish(run_id, "test", "done", None)
    return told


def time_goes_by(store: TenantStore, days: float = 2) -> None:
    """For the login."""
    with transaction() as connection:
        connection.execute(
            "UPDATE logins SET changed_at = changed_at - %(by)s, former_until = former_until - %(by)s WHERE role = %(role)s",
            {"by": timedelta(days=days), "role": store.app_role},
        )


@contextmanager
def load(store: TenantStore) -> Iterator[list[str]]:
    """An application that reads the secret and connects with it all the time, sometimes after a while; what it was refused with."""
    refused: list[str] = []
    over, users = threading.Event(), set()

    def work(pause: float) -> None:
        while not over.is_set():
            content = said(store)
            over.wait(pause)
            try:
                with enter(content) as connection:
                    connection.execute("SELECT 1")
                users.add(content["username"])
            except psycopg.Error as error:
                refused.append(f"{content['username']}: {error}")

    threads = [threading.Thread(target=work, args=[pause]) for pause in (0.0, 0.0, 0.3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    yield refused
    time.sleep(0.5)
    over.set()
    for thread in threads:
        thread.join()
    assert len(users) == 2, users


def test_nobody_is_refused_while_a_password_is_renewed(store):
    """The other login is in the secret, with a new password; the former one's holds for a day, and the one after has its turn again."""
    before = said(store)
    with load(store) as refused:
        assert rotate(store)[:2] == [f"{store.app_role}_b follows {store.app_role}", f"{store.app_role}_b is in the secret"]
    assert refused == []
    after = said(store)
    assert {name for name in after if after[name] != before[name]} == {"username", "password"}
    assert (after["username"], enters(before), enters(after)) == (naming.second_login(store.app_role), True, True)
    with pytest.raises(InputError, match="lets in until") as caught:
        ask(store)
    assert caught.value.code == "credentials.recent"
    time_goes_by(store)
    assert rotation.end_formers().results.count(True) == 1
    assert (enters(before), enters(after)) == (False, True)
    with load(store) as refused:
        rotate(store)
    assert (refused, said(store)["username"]) == ([], store.app_role)
    assert enters(said(store))
    assert enters(after)


@pytest.mark.parametrize("killed", range(STEPS), ids=["whose turn", "renew", "tell"])
def test_killed_at_a_steps_very_end_it_goes_on(kept, killed):
    """The step is done once more, and what the secret says opens at any moment; the turn is the same one."""
    store = kept(OWN)
    before, run_id = said(store), ask(store)
    with load(store) as refused:
        steps(run_id, 0, killed + 1)
        assert enters(said(store))
        steps(run_id, killed)
    assert refused == []
    assert (said(store)["username"], enters(before)) == (naming.second_login(store.app_role), True)
    noted = written_down.find(store.app_role)
    assert noted is not None
    assert (noted.username, noted.secret) == (said(store)["username"], login_secret.of(store).arn)
    runs_at_work.finish(run_id, "test", "done", None)


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
def test_killed_around_the_writing_of_the_secret_it_goes_on(kept, monkeypatch, written):
    """What was given to the login and told to nobody is given up; what is in the secret stays."""
    store = kept(OWN)
    before, run_id, write = said(store), ask(store), LoginSecret.write

    def killed(self: LoginSecret, content: dict[str, Any]) -> str:
        if written:
            write(self, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(LoginSecret, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        steps(run_id)
    monkeypatch.undo()
    monkeypatch.setattr("tenantry.stores.login_secret.platform_settings", lambda: settings(KIND[OWN]))
    halfway = said(store)
    assert (enters(before), enters(halfway), halfway == before) == (True, True, not written)
    steps(run_id, 1)
    assert (enters(before), enters(halfway), enters(said(store))) == (True, True, True)
    assert (said(store) == halfway, said(store)["username"]) == (written, naming.second_login(store.app_role))
    runs_at_work.finish(run_id, "test", "done", None)


def test_an_up_after_a_rotation_finds_nothing_to_do(store):
    """Nor does a refresh; one that has another reason to change the store leaves the secret as it is, and so does a lost state."""
    outs = StoreProvider().create(props(store)).outs
    rotate(store)
    after = said(store)
    found = StoreProvider().read("id", outs).outs
    assert StoreProvider().drift(found) == []
    assert not StoreProvider().diff("id", found, props(store)).changes
    again = StoreProvider().update("id", found, props(store, revision=revisions.head("tenant"), limits={})).outs
    assert said(store) == after
    assert StoreProvider().create(props(store)).outs["secret_arn"] == again["secret_arn"]
    assert (said(store), enters(after)) == (after, True)


def test_a_suspended_tenants_password_is_renewed_behind_a_shut_door(kept):
    """Neither login lets it in before it is active again; then what the secret says opens."""
    store = kept(OWN)
    access.shut(store)
    rotate(store)
    assert not enters(said(store))
    with store.administrator().connect() as admin:
        shut = admin.execute(
            "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s) AND NOT rolcanlogin", [logins.both(admin, store.app_role)]
        )
        assert shut.fetchone() == (2,)
    access.open_again(store)
    assert enters(said(store))


def test_a_deleted_store_leaves_no_login_and_no_secret(kept):
    store = kept(LARGE)
    rotate(store)
    outs = StoreProvider().create(props(store)).outs
    assert login_secret.left(LARGE) == [login_secret.of(store).name]
    StoreProvider().delete("id", outs)
    assert (login_secret.of(store).read(), login_secret.left(LARGE), written_down.find(store.app_role)) == (None, [], None)
    with store.administrator().connect() as admin:
        assert logins.both(admin, store.app_role) == [store.app_role]  # the first is the engine's to remove
    StoreProvider().create(props(store))


def test_now_ends_the_former_password_and_its_sessions(kept):
    """For one that somebody else has: also while the one before still lets in."""
    store = kept(OWN)
    rotate(store)
    known_to_others = said(store)
    with enter(known_to_others) as inside:
        assert rotate(store, now=True)[-1] == f"{known_to_others['username']} does not let in any more"
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
    assert (enters(known_to_others), enters(said(store))) == (False, True)
    assert written_down.find(store.app_role).former_until is None
    assert rotation.end_formers().results == []


def test_of_two_who_ask_for_one_login_the_second_finds_it_done(kept):
    """Tenants that share tables share a login."""
    store = kept(SHARED)
    first, second = ask(store), ask(TenantStore.of(BESIDE))
    steps(first)
    after = said(store)
    assert steps(second) == ["", "", ""]
    assert said(store) == after
    for run_id in (first, second):
        runs_at_work.finish(run_id, "test", "done", None)


def test_a_secret_that_does_not_open_is_not_written_over(kept):
    """It is not known who uses what; the next refresh mends it."""
    store = kept(OWN)
    login_secret.of(store).write({**said(store), "password": "spoilt"})
    with pytest.raises(WorkError, match="does not open") as caught:
        steps(run_id := ask(store))
    assert "--refresh" in caught.value.hint
    assert said(store)["password"] == "spoilt"
    login_secret.of(store).erase()
    with pytest.raises(WorkError, match="no secret"):
        steps(run_id)
    runs_at_work.finish(run_id, "test", "failed", "spoilt")


@pytest.mark.parametrize("slug", [OWN, SHARED], ids=["schema", "rls"])
def test_an_application_goes_on_through_rotations(kept, slug):
    """With connections that are kept and with new ones, also when the former password has ended, and with a tenant that it has kept."""
    store = kept(slug)
    directory.make()
    failed: list[BaseException] = []
    over = threading.Event()
    with Directory(directory.dsn(), credentials=Secrets()) as found:
        engines, before = Engines(pool_size=2), found.by_slug(slug)
        assert before is not None

        def keep_connections() -> None:
            with Session(engines.of(found.by_slug(slug))) as session:
                session.execute(text("SELECT count(*) FROM users"))

        def connect() -> None:
            with found.by_slug(slug).transaction() as connection:
                connection.execute("SELECT count(*) FROM users")

        def remember() -> None:
            with before.transaction() as connection:
                connection.execute("SELECT count(*) FROM users")

        def serve(work: Callable[[], None]) -> None:
            while not over.is_set():
                try:
                    work()
                except BaseException as error:
                    failed.append(error)

        threads = [threading.Thread(target=serve, args=[work]) for work in (keep_connections, keep_connections, connect, remember)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                rotate(store)
                time.sleep(0.3)
                time_goes_by(store)
                rotation.end_formers()
                time.sleep(0.3)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert failed == []
        assert found.by_slug(slug).conninfo()["user"] == said(store)["username"] == store.app_role
        engines.dispose()


def test_an_application_behind_a_pooler_goes_on_through_rotations(kept, cloud):
    """PgBouncer learns of the second login and of each new password by itself: nobody tells it, and nothing of it is read again."""
    store = kept(OWN)
    directory.make()
    query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1"
    admin = cloud.environment["PGUSER"]
    learning = ("auth_type = scram-sha-256", f"auth_user = {admin}", f"auth_query = {query}")
    failed: list[BaseException] = []
    users: Counter[str] = Counter()
    over = threading.Event()
    with (
        pooling.running(cloud.environment, {admin: cloud.environment["PGPASSWORD"]}, *learning, "default_pool_size = 3") as pooler,
        Directory(directory.dsn(), credentials=Secrets(), pooler=pooler) as found,
    ):

        def serve() -> None:
            while not over.is_set():
                try:
                    with found.by_slug(OWN).transaction() as connection:
                        users[connection.execute("SELECT session_user").fetchone()[0]] += 1
                except BaseException as error:
                    failed.append(error)

        threads = [threading.Thread(target=serve) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                time.sleep(0.3)
                rotate(store)
                time.sleep(0.5)
                time_goes_by(store)
                rotation.end_formers()
            time.sleep(0.5)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    assert failed == []
    assert set(users) == {store.app_role, naming.second_login(store.app_role)}
    assert min(users.values()) > 10, users


def test_only_old_passwords_are_renewed(kept, monkeypatch):
    """By age, the oldest first; by the schedule only where the platform says when. The doctor names what should have been."""
    store = kept(OWN)
    asked = rotation.request_all(timedelta(days=90), actor=ACTOR)
    assert (asked.results, asked.failed) == ([], [])
    assert rotation.request(OWN, older_than=timedelta(days=90), actor=ACTOR) is None
    time_goes_by(store, 91)
    assert rotation.scheduled() == {"former passwords ended": 0, "rotations asked for": 0, **NONE_OF_OURS}
    assert rotation.standing() == "1 in secrets, the oldest of 91 days; never renewed by itself"
    monkeypatch.setattr(
        "tenantry.operations.rotation.platform_settings", lambda: settings("secretsmanager", credentials_rotate_after="80d")
    )
    with pytest.raises(WorkError, match=f"older than 80 days: {store.app_role} \\(91 days\\)"):
        rotation.standing()
    assert rotation.scheduled() == {"former passwords ended": 0, "rotations asked for": 1, **NONE_OF_OURS}
    row = runs.latest(tenant_id=store.id, limit=1)[0]
    assert (row["kind"], row["requested_by"], row["via"]) == ("rotate", "credentials", "schedule")
    steps(row["id"])
    runs_at_work.finish(row["id"], "test", "done", None)
    assert rotation.scheduled() == {"former passwords ended": 0, "rotations asked for": 0, **NONE_OF_OURS}
    time_goes_by(store, 2)
    assert rotation.scheduled() == {"former passwords ended": 1, "rotations asked for": 0, **NONE_OF_OURS}
    assert rotation.standing() == "1 in secrets, the oldest of 2 days; renewed after 80"


def test_who_renewed_what_is_in_the_log(kept):
    store = kept(OWN)
    rotate(store)
    with transaction() as connection:
        line = connection.execute(
            "SELECT actor, action, outcome FROM audit_log WHERE tenant_id = %s AND action = 'renew password' ORDER BY at DESC", [store.id]
        ).fetchone()
    assert line == {"actor": "ada", "action": "renew password", "outcome": f"{said(store)['username']} in the place of {store.app_role}"}


def test_a_platform_without_secrets_refuses_by_name(in_cloud):
    """Nobody would be told of the new password; the command says what to set."""
    for refused in (lambda: rotation.request(OWN, actor=ACTOR), lambda: rotation.request_all(actor=ACTOR)):
        with pytest.raises(InputError, match="keeps no secrets of logins") as caught:
            refused()
        assert caught.value.code == "credentials.none"
    told = in_cloud.tenantry("credentials", "rotate", OWN)
    assert (told.returncode, "tenantry:loginSecrets" in told.stderr) == (2, True)
    assert rotation.scheduled() == {}
    assert rotation.standing() == "not kept in secrets, and renewed by hand: docs/operations.md"
