"""A control database with tenants of two partners, keys of theirs, and a sender that does not wait as long as it would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tenantry.actor import Actor
from tenantry.clients import outbound
from tenantry.control import runs, runs_at_work, webhook_deliveries
from tenantry.control.database import transaction
from tenantry.operations import api_keys, webhook_sender, webhooks
from tenantry.operations.webhook_sender import Sender
from tenantry.operations.webhooks import NewSecret
from tests.environment import entered
from tests.receiver import Receiver
from tests.service import directory
from tests.waiting import wait_for

ME = Actor("test")


@dataclass
class Platform:
    """Tenants ``mine`` and ``theirs``, by slug and id; makes endpoints, and lets things happen."""

    cloud: Any
    mine: UUID
    theirs: UUID
    said: list[str] = field(default_factory=list)

    def key(self, holder: str = "me", scopes: Any = tuple(api_keys.SCOPES), **labels: str) -> str:
        return api_keys.make(holder, scopes, labels or {"partner": holder}, actor=ME).key.id

    def endpoint(self, url: str, *events: str, holder: str = "me", **more: Any) -> NewSecret:
        return webhooks.make(holder, url, events, "ops@globex.example", actor=ME, **more)

    def run(self, tenant: UUID | None = None, state: str = "done") -> UUID:
        """A run that ends at once."""
        with transaction() as connection:
            row = runs.request(connection, runs.Request("backup", "whk-mine", tenant or self.mine, actor=ME))
        runs_at_work.claim(row["id"], "w")
        runs_at_work.finish(row["id"], "w", state, "it rained" if state == "failed" else None)
        return UUID(str(row["id"]))

    def runs(self, count: int, tenant: UUID | None = None) -> list[UUID]:
        return [self.run(tenant) for _ in range(count)]

    def sender(self, **more: Any) -> Sender:
        return Sender(self.said.append, **more)

    def delivered(self, made: NewSecret, count: int, seconds: float = 20) -> None:
        """Waits until so many are."""
        wait_for(lambda: len(webhooks.deliveries(made.endpoint.id, state="delivered", limit=500)) >= count, seconds)


@pytest.fixture(scope="module")
def tenants(cloud) -> Iterator[tuple[Any, UUID, UUID]]:
    with entered(cloud.environment) as patch:
        patch.setenv(outbound.LOCAL, "1")
        directory.make()
        ids = [directory.tenant(f"whk-{whose}", labels={"partner": partner}) for whose, partner in (("mine", "me"), ("theirs", "them"))]
        yield cloud, UUID(ids[0]), UUID(ids[1])
        with transaction() as connection:
            for table in ("audit_log", "outbox", "backups", "users", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE tenant_id = ANY(%s::uuid[])", [ids])
        directory.forget(*ids)


@pytest.fixture
def platform(tenants, monkeypatch) -> Iterator[Platform]:
    """No endpoint and no key of another test; what waits for another attempt waits a tenth of a second."""
    monkeypatch.setattr(webhook_deliveries, "wait_after", lambda tries: timedelta(seconds=0.1))
    monkeypatch.setattr(webhook_sender, "BEAT", 0.1)
    made = Platform(*tenants)
    yield made
    with transaction() as connection:
        for table in ("webhook_endpoints", "webhook_events", "api_keys"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM runs WHERE tenant_id = ANY(%s)", [[made.mine, made.theirs]])


@pytest.fixture
def receiving() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers."""
    begun: list[Receiver] = []

    def make(*arguments: Any, **more: Any) -> Receiver:
        receiver = Receiver(*arguments, **more).__enter__()
        begun.append(receiver)
        return receiver

    yield make
    for receiver in begun:
        receiver.__exit__()


def nobody() -> str:
    """An id of nothing."""
    return str(uuid4())
