"""A program that is started gets what it needs, not the keys that its parent works with."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.cloud.postgres import PostgresServer
from local.cloud.process import Process
from tenantry.postgres import pgtools
from tenantry.postgres.server import Server
from tests.waiting import wait_for

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_API_KEY",
    "GITHUB_TOKEN",
    "PGPASSWORD",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "SMTP_PASSWORD",
    "TENANTRY_ANYTHING",
)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret-of-the-parent")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: the system user that PostgreSQL runs as under root may not enter it."""
    with tempfile.TemporaryDirectory() as found:
        yield Path(found)


def test_a_local_server_gets_only_what_it_is_given(folder: Path) -> None:
    """The servers of the local cloud, and the plugin host, whose children get the engine's environment instead of its own."""
    written = folder / "environment"
    program = f"import os, pathlib; pathlib.Path({str(written)!r}).write_text(repr(dict(os.environ)) + chr(10))"
    Process.spawn([sys.executable, "-c", program], folder / "log", {"CLOUDFLARE_API_TOKEN": "its own"})
    wait_for(lambda: written.exists() and written.read_text().endswith("\n"))
    found = written.read_text()
    assert "secret-of-the-parent" not in found
    assert "'CLOUDFLARE_API_TOKEN': 'its own'" in found
    assert os.environ["PATH"] in found


def test_a_database_server_has_no_keys(folder: Path) -> None:
    """A tenant's own server is started by the local AWS, which has the administrator's: whoever runs a program there finds none."""
    server = PostgresServer(folder / "server")
    server.init("master", "password")
    port = server.start()
    try:
        with psycopg.connect(host="127.0.0.1", port=port, user="master", password="password", dbname="postgres") as connection:
            connection.execute("CREATE TEMP TABLE variables (line text)")
            connection.execute("COPY variables FROM PROGRAM 'env' (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')")
            lines = [line for (line,) in connection.execute("SELECT line FROM variables")]
    finally:
        server.destroy()
    assert any(line.startswith("PATH=") for line in lines)
    assert [line for line in lines if "secret-of-the-parent" in line] == []


def test_postgres_programs_get_one_password() -> None:
    """A dump is read and written by programs that know one server's password and nothing else."""
    found = pgtools.environment(Server("127.0.0.1", 5432, "somebody", "its own", "disable"), "store")
    assert [name for name, value in found.items() if value == "secret-of-the-parent"] == []
    assert found["PGPASSWORD"] == "its own"
