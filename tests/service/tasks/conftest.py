"""A registry with tenants, made without the engine, and workers that a test starts and kills."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tenantry import naming
from tenantry.control.database import transaction
from tests.commands import Command
from tests.environment import entered
from tests.service import control_database

if TYPE_CHECKING:
    from tests.conftest import PrivateCloud

MODULE = "tests.service.tasks.sample"


@pytest.fixture(scope="module")
def control(cloud: PrivateCloud) -> Iterator[PrivateCloud]:
    """The local cloud with the registry's tables, and this process's environment pointing at it."""
    with entered(cloud.environment) as patch:
        patch.setenv("TENANTRY_TASKS", MODULE)
        for name in ("MAIL", "DOMAINS", "PROPOSALS"):  # nothing of its own accord but what a test looks at
            patch.setenv(f"TENANTRY_CRON_{name}", "off")
        control_database.make()
        yield cloud


@pytest.fixture
def tenants(control: PrivateCloud) -> Iterator[Callable[[int], list[str]]]:
    """Makes active tenants of the registry, the only ones there are; their slugs."""

    def make(count: int) -> list[str]:
        slugs = [f"task-{number:03d}" for number in range(count)]
        with transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO tenants"
                " (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role, bucket, prefix)"
                " VALUES (%s, %s, 'T', 'starter', 'rls', 'main', 'shared', 'active', %s, 'cell_main', 'shared', 'a', 'b', 'p')",
                [(naming.tenant_id(slug), slug, f"{slug}.tenantry.example") for slug in slugs],
            )
        return slugs

    forget()
    yield make
    forget()


def forget() -> None:
    with transaction() as connection:
        connection.execute("DELETE FROM tenants WHERE slug LIKE 'task-%'")
        connection.execute("DELETE FROM task_runs")
        connection.execute("DELETE FROM task_slots")
        if connection.execute("SELECT to_regclass('dbos.workflow_schedules') AS there").fetchone()["there"]:  # type: ignore[index]
            connection.execute("DELETE FROM dbos.workflow_schedules")


class Worker:
    """`tenantry worker`, in a session of its own."""

    def __init__(self, **variables: str) -> None:
        self.process = Command({**os.environ, **variables}, "worker")

    def begin(self) -> None:
        """Waits until it is at work."""
        self.id = next(line for line in self.process.stdout if "is at work" in line).split()[1]

    def kill(self) -> None:
        """SIGKILL for the worker alone: what it started has to end by itself."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def end(self) -> None:
        os.kill(self.process.pid, signal.SIGTERM)
        assert self.process.wait(60) == 0


@pytest.fixture
def worker(control: PrivateCloud) -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def start(**variables: str) -> Worker:
        started.append(Worker(**variables))
        started[-1].begin()
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sample's tasks write what they did, one line each: task, slot, tenant, process, what, when."""
    path = tmp_path / "notes"
    path.touch()
    monkeypatch.setenv("TEST_NOTES", str(path))
    monkeypatch.setenv("TEST_GO", str(tmp_path / "go"))
    return path


def rows(query: str, *values: Any) -> list[dict[str, Any]]:
    with transaction() as connection:
        return connection.execute(query, values).fetchall()
