"""The service in this process, over tenants of two partners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import sessions
from tenantry.control.database import transaction
from tenantry.operations import api_keys, platform_admins
from tenantry.web.app import create
from tenantry.work import queue
from tests import checkout
from tests.environment import entered
from tests.service import directory

MINE, THEIRS = "web-mine", "web-theirs"


@dataclass(frozen=True)
class Service:
    """What answers, the folder of the declarations, and a key for each partner that may do everything."""

    client: TestClient
    tenants: Path
    mine: str
    theirs: str

    def ask(self, method: str, path: str, key: str | None = "", **more: Any) -> Any:
        """A request of my partner, unless another key is said; what changes something gets a name of its own."""
        headers = {"Authorization": f"Bearer {self.mine if key == '' else key}"} if key is not None else {}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
            more.setdefault("json", {})
        return self.client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)


@dataclass(frozen=True)
class Browser:
    """Somebody who is signed in, as a page of ours asks: with the cookie, and for what changes something with all that it takes."""

    client: TestClient
    host: str
    secret: str
    csrf: str

    def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Host": self.host, "Cookie": f"__Host-tenantry={self.secret}"}
        if method not in ("GET", "HEAD"):
            headers |= {"Origin": f"https://{self.host}", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
            more.setdefault("json", {})
        given = {**headers, **more.pop("headers", {})}
        return self.client.request(method, path, headers={name: value for name, value in given.items() if value is not None}, **more)

    def works(self) -> bool:
        return self.ask("GET", "/v1/session").status_code == 200


ADMINS: Final = "127.0.0.1"
"""Where the platform's own people are served."""


def admin(service: Service, email: str = "ada@platform.example") -> Browser:
    """An administrator of the platform who has just signed in."""
    code = platform_admins.link(email, actor=Actor("test")).url.partition("#")[2]
    answer = service.client.post("/v1/session", json={"link": code}, headers={"Host": ADMINS})
    assert answer.status_code == 201, answer.text
    secret = re.match(r"__Host-tenantry=([^;]+)", answer.headers["set-cookie"])[1]  # type: ignore[index]
    service.client.cookies.clear()
    return Browser(service.client, ADMINS, secret, answer.json()["csrf"])


def user(service: Service, slug: str, role: str, email: str = "") -> Browser:
    """A user of a tenant who is signed in at its host; who is none yet becomes one."""
    tenant, email = naming.tenant_id(slug), email or f"{role}@{slug}.example"
    with transaction() as connection:
        row = connection.execute(
            "INSERT INTO users (tenant_id, email, name, role) VALUES (%(tenant)s, %(email)s, 'Somebody', %(role)s)"
            " ON CONFLICT (tenant_id, email) DO UPDATE SET role = %(role)s RETURNING id",
            {"tenant": tenant, "email": email, "role": role},
        ).fetchone()
        assert row is not None
        host = f"{slug}.x.example"
        person = sessions.Person(row["id"], email, role, tenant, slug)  # type: ignore[arg-type]
        secret, begun = sessions.begin(connection, person, sessions.Place(host, "192.0.2.1", "test"), "password")
    return Browser(service.client, host, secret, begun.csrf)


def key(holder: str, *, scopes: Any = tuple(api_keys.SCOPES), labels: Any = None, **more: Any) -> str:
    return api_keys.make(holder, scopes, labels, actor=Actor("test"), **more).text


@pytest.fixture(scope="module")
def service(cloud, tmp_path_factory) -> Iterator[Service]:
    folder = checkout.declared(tmp_path_factory.mktemp("declared"))
    with entered({**cloud.environment, "TENANTRY_TENANTS": str(folder)}):
        directory.make()
        ids = {}
        for slug, partner in ((MINE, "me"), (THEIRS, "them")):
            (folder / f"{slug}.yaml").write_text(
                "name: X\ntier: starter\nisolation: schema\nstate: active\nadmin: {name: A, email: a@x.example}\n"
                f"labels: {{partner: {partner}}}\n"
            )
            ids[slug] = directory.tenant(slug, "schema", labels={"partner": partner})
        queue.client()
        app = create()
        with TestClient(app, raise_server_exceptions=False) as client:
            assert app.state.ahead.wait(30)
            yield Service(client, folder, key("me", labels={"partner": "me"}), key("them", labels={"partner": "them"}))
        with transaction() as connection:
            rows = connection.execute("SELECT id, resumed FROM runs WHERE tenant_id = ANY(%s::uuid[])", [[*ids.values()]]).fetchall()
            connection.execute("DELETE FROM api_requests; DELETE FROM webhook_endpoints; DELETE FROM webhook_events")
            connection.execute("DELETE FROM api_keys")
            for table in ("platform_admins", "rate_limits"):
                connection.execute(f"DELETE FROM {table}")
            for table in ("audit_log", "outbox", "users", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE tenant_id = ANY(%s::uuid[])", [[*ids.values()]])
            # Whom it keeps from that is who works by statements; a test changes the table.
            connection.execute("ALTER TABLE audit_reads DISABLE TRIGGER stays; DELETE FROM audit_reads")
            connection.execute("ALTER TABLE audit_reads ENABLE TRIGGER stays")
        directory.forget(*ids.values())
        queue.client().delete_workflows([f"{row['id']}:{n}" for row in rows for n in range(row["resumed"] + 1)])


@pytest.fixture
def declared(service) -> Iterator[str]:
    """The slug of a tenant that a test declares."""
    slug = f"web-{uuid4().hex[:8]}"
    yield slug
    (service.tenants / f"{slug}.yaml").unlink(missing_ok=True)
    with transaction() as connection:
        connection.execute("DELETE FROM runs WHERE tenant_id = %s", [naming.tenant_id(slug)])
