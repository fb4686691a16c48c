"""A real PostgreSQL server and the plugin under test: the stand-in, or the official one in the folder TENANTRY_OFFICIAL_PLUGINS."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from local.cloud.postgres import PostgresServer
from local.plugins.framework.serve import start
from local.plugins.postgresql.provider import PROVIDER
from tests.engine.plugins.driver import Driver

PASSWORD = "contract-password"


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a PostgreSQL server of these tests' own; its superuser is ``postgres``."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.init("postgres", PASSWORD, {"fsync": "off"})
    try:
        yield server.start()
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def plugin() -> Iterator[Callable[[], int]]:
    """Starts a plugin process (or server) and gives its port."""
    folder, running = os.environ.get("TENANTRY_OFFICIAL_PLUGINS"), []

    def official() -> int:
        binary = Path(str(folder)) / f"resource-postgresql-v{PROVIDER.version}" / "pulumi-resource-postgresql"
        process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True)
        running.append(process.kill)
        return int(process.stdout.readline())

    def stand_in() -> int:
        server, port = start(PROVIDER)
        running.append(lambda: server.stop(None))
        return port

    yield official if folder else stand_in
    for end in running:
        end()


@pytest.fixture(scope="session")
def connect(port: int, plugin: Callable[[], int]) -> Callable[..., Driver]:
    """A plugin configured for the server; arguments change or add to the configuration."""

    def configured(**changes: str) -> Driver:
        driver = Driver(plugin())
        config = {"host": "127.0.0.1", "port": str(port), "username": "postgres", "password": PASSWORD, "sslmode": "disable"}
        driver.configure(config | changes)
        return driver

    return configured


@pytest.fixture(scope="session")
def driver(connect: Callable[..., Driver]) -> Driver:
    """The plugin, connected as the superuser."""
    return connect()


@pytest.fixture(scope="session")
def sql(port: int) -> Callable[..., list[tuple[object, ...]]]:
    """Runs SQL as the superuser, in the named database, and gives its rows."""

    def run(statement: str, database: str = "postgres", user: str = "postgres", password: str = PASSWORD) -> list[tuple[object, ...]]:
        address = {"host": "127.0.0.1", "port": port, "user": user, "password": password}
        with psycopg.connect(**address, dbname=database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return run
