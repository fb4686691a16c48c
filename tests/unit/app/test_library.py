"""The applications' library without a server: what it imports, remembers and answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tenantry import naming
from tenantry.app import Tenant, credentials, current
from tenantry.app.asgi import Page, TenantMiddleware
from tenantry.app.hosts import normalised
from tenantry.app.memory import LIFETIME, Memory
from tenantry.app.settings import Settings
from tenantry.app.tenant import BESIDE, Connector
from tenantry.errors import InputError, TransientError, WorkError
from tests import asynchronous

ONE, OTHER = uuid4(), uuid4()
HEAVY = ("pulumi", "dbos", "boto3", "typer", "pydantic", "sqlalchemy", "alembic", "yaml")


def tenant(state: Any = "active", **columns: Any) -> Tenant:
    known: dict[str, Any] = {
        "slug": "acme", "name": "Acme", "host": "acme.x.example", "isolation": "rls", "address": None, "port": None,
        "database": "cell_main", "schema": "shared", "role": "cell_main__app", "bucket": "b", "prefix": "p/", "version": "1",
        "secret": None, "secret_since": None, **columns,
    }  # fmt: skip
    there = Connector("db.example", 5432, {"cell_main__app": "x"}, None, {}, lambda _: Settings({}, {}), lambda _: None)
    return Tenant(id=ONE, state=state, **known, _connector=there)


@pytest.mark.parametrize("module", ["tenantry.app", "tenantry.app.asgi"])
def test_importing_it_imports_nothing_of_the_platform(module):
    """An application starts without Pulumi, DBOS, AWS or an ORM that it does not use."""
    said = f"import sys, {module}; print(*(name for name in sys.modules if name in {HEAVY!r} or name.startswith('tenantry.')))"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in found if not name.startswith("tenantry.app")} == {"tenantry.errors"}


def test_a_search_path_is_what_the_platform_gives_its_logins():
    assert naming.search_path("t_acme") == ("t_acme", *BESIDE)
    assert tenant(schema='odd"name').context() == (str(ONE), "", '"odd""name", "extensions", "public"')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Portal.Acme.Example", "portal.acme.example"),
        ("portal.acme.example.:8443", "portal.acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("localhost", None),
        ("127.0.0.1:8000", None),
        ("[::1]:8000", None),
        ("acme.example:x", None),
        ("acme.example/../x", None),
        ("a" * 300 + ".example", None),
        ("", None),
        ("acme..example", None),
        ("acme.example\n", "acme.example"),
        ("acme\x00.example", None),
    ],
)
def test_a_host_is_compared_in_lower_case_and_punycode(given, expected):
    assert normalised(given) == expected


def test_answers_are_remembered_while_somebody_listens():
    memory = Memory(10)
    memory.keep(memory.ticket(), "a", 1, ONE)
    assert memory.get("a") is None
    memory.listening()
    memory.keep(memory.ticket(), "a", 1, ONE)
    assert memory.get("a").value == 1
    memory.deaf()
    assert memory.get("a") is None
    memory.listening()
    assert memory.get("a") is None, "what was learnt before may have changed while nobody listened"


def test_a_change_forgets_the_tenant_and_whoever_was_nobodys():
    """A host that was unknown may be the new tenant's."""
    memory = Memory(10)
    memory.listening()
    for key, value, whose in (("a", 1, ONE), ("b", 2, OTHER), ("c", None, None)):
        memory.keep(memory.ticket(), key, value, whose)
    memory.forget(ONE)
    assert [memory.get(key) is not None for key in "abc"] == [False, True, False]


@pytest.mark.parametrize("whose", [ONE, None])
def test_an_answer_that_was_under_way_during_a_change_is_not_remembered(whose):
    memory = Memory(10)
    memory.listening()
    ticket = memory.ticket()
    memory.forget(ONE)
    memory.keep(ticket, "a", 1, whose)
    memory.keep(ticket, "b", 2, OTHER)
    assert memory.get("a") is None
    assert memory.get("b").value == 2
    memory.keep(memory.ticket(), "a", 1, whose)
    assert memory.get("a").value == 1


def test_memory_is_bounded_and_swept():
    now = 0.0
    memory = Memory(3, clock=lambda: now)
    memory.listening()
    for number in range(5):
        memory.keep(memory.ticket(), number, number, None)
    assert [memory.get(number) is not None for number in range(5)] == [False, False, True, True, True]
    now = LIFETIME + 1
    assert memory.get(4) is None
    assert memory.last(4, LIFETIME + 2).value == 4
    assert memory.last(4, LIFETIME) is None
    memory.sweep(LIFETIME)
    assert len(memory) == 0


def test_settings_have_defaults():
    settings = Settings({"reports.enabled": True}, {"reports.enabled": False, "reports.rows": 10})
    assert settings["reports.enabled"] is True
    assert dict(settings) == {"reports.enabled": True, "reports.rows": 10}
    assert settings.get("nothing") is None
    with pytest.raises(KeyError):
        settings["nothing"]


@pytest.mark.parametrize(("state", "kind"), [("pending", TransientError), ("maintenance", TransientError), ("suspended", WorkError)])
def test_nobody_connects_for_a_tenant_that_is_not_open(state, kind):
    with pytest.raises(kind, match=f"tenant acme is {state}"):
        tenant(state).conninfo()


def test_passwords_come_from_a_function_a_mapping_or_the_environment(monkeypatch):
    assert credentials.login(lambda given: f"{given.slug}'s", tenant()).password == "acme's"
    assert credentials.login({"cell_main__app": "a"}, tenant()).password == "a"
    monkeypatch.setenv(credentials.VARIABLE, '{"cell_main__app": "b"}')
    assert credentials.login(None, tenant()).password == "b"
    with pytest.raises(WorkError, match="no password for the role other") as caught:
        credentials.login(None, tenant(role="other"))
    assert caught.value.code == "credentials.missing"
    monkeypatch.setenv(credentials.VARIABLE, "secret")
    with pytest.raises(InputError) as wrong:
        credentials.login(None, tenant())
    assert "secret" not in str(wrong.value)


class Answering:
    """A directory that knows one answer."""

    def __init__(self, found: Tenant | Exception | None) -> None:
        self.found, self.forgotten = found, list[UUID]()

    async def by_host_async(self, host: str) -> Tenant | None:
        assert host in ("acme.example", "")
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def forget(self, tenant_id: UUID) -> None:
        self.forgotten.append(tenant_id)


def served(directory: Any, app: Any, *, kind: str = "http", headers: Any = ((b"host", b"acme.example"),), **options: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "path": "/", "method": "GET", "headers": headers}
    asynchronous.run(TenantMiddleware(app, directory, **options)(scope, None, send))  # type: ignore[arg-type]
    return sent


async def hello(scope: Any, _receive: Any, send: Any) -> None:
    assert scope["tenant"] is current.get()
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def unreached(*_: Any) -> None:
    raise AssertionError("the application was asked")


@pytest.mark.parametrize("state", ["active", "moving"])
def test_the_application_serves_an_open_tenant(state):
    """One that is moving goes on, but for a moment."""
    assert served(Answering(tenant(state)), hello)[0]["status"] == 200
    assert current.get() is None


@pytest.mark.parametrize(
    ("found", "status", "retry"),
    [
        (None, 404, None),
        (tenant("deleted"), 410, None),
        (tenant("suspended"), 403, None),
        (tenant("offboarding"), 403, None),
        (tenant("pending"), 503, b"30"),
        (tenant("maintenance"), 503, b"30"),
        (TransientError("down"), 503, b"5"),
    ],
)
def test_whoever_is_not_open_gets_a_page_and_the_application_is_not_asked(found, status, retry):
    begun, body = served(Answering(found), unreached)
    assert begun["status"] == status
    headers = dict(begun["headers"])
    assert headers.get(b"retry-after") == retry
    assert headers[b"cache-control"] == b"no-store"
    assert b"acme" not in body["body"].lower()
    (closed,) = served(Answering(found), unreached, kind="websocket")
    assert closed["type"] == "websocket.close"


def test_two_hosts_are_nobodys_and_pages_are_replaceable():
    begun, body = served(Answering(None), unreached, headers=[(b"host", b"a.example"), (b"host", b"b.example")])
    assert begun["status"] == 404
    begun, body = served(Answering(None), unreached, pages={"unknown": Page(421, "<Elsewhere>", "No.")})
    assert (begun["status"], b"&lt;Elsewhere&gt;" in body["body"]) == (421, True)


def test_a_request_that_met_the_move_is_to_come_again():
    """As PostgreSQL's turnstile says it, raised as it is or from an ORM's error; the tenant is looked up anew."""
    error = psycopg.errors.ObjectNotInPrerequisiteState("the tenant does not live here any more: nothing was written")

    async def raw(*_: Any) -> None:
        raise error

    async def wrapped(*_: Any) -> None:
        raise RuntimeError("an ORM's") from error

    for app in (raw, wrapped):
        directory = Answering(tenant())
        begun, _ = served(directory, app)
        assert (begun["status"], dict(begun["headers"])[b"retry-after"]) == (503, b"1")
        assert directory.forgotten == [ONE]

    async def another(*_: Any) -> None:
        raise psycopg.errors.ObjectNotInPrerequisiteState("something else")

    with pytest.raises(psycopg.Error):
        served(Answering(tenant()), another)
