"""A platform's databases as an application meets them: a cell with shared tables and schemas, a pooler, and a directory."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.app import Directory
from tenantry.postgres import logins, migrations
from tenantry.postgres.server import Server, acting_as
from tests import programs
from tests.environment import entered
from tests.service import directory, scratch

CELL: Final = "apps"
DATABASE, OWNER, APP = naming.cell_database(CELL), naming.cell_owner(CELL), naming.cell_app(CELL)
SHARED: Final = tuple(f"apps-r{number:02}" for number in range(46))
SCHEMAS: Final = tuple(f"apps-s{number}" for number in range(4))
CREDENTIALS: Final = {APP: "apps", **{naming.tenant_app(slug): slug for slug in SCHEMAS}}


@pytest.fixture(scope="module")
def tenants(cloud) -> Iterator[dict[str, str]]:
    """Fifty tenants of a cell, four of them in schemas of their own: slug → id."""
    with entered(cloud.environment):
        directory.make()
        server = Server.from_environment()
        with server.connect() as admin:
            admin.autocommit = True
            admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
            for role, password in CREDENTIALS.items():
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
                logins.give_password(admin, role, password)
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
        with server.connect(DATABASE) as connection:
            logins.set_search_path(connection, APP, DATABASE, naming.SHARED_SCHEMA)
            _tables(connection, naming.SHARED_SCHEMA, APP, "")
            for slug in SCHEMAS:
                _tables(connection, naming.tenant_schema(slug), naming.tenant_app(slug), str(naming.tenant_id(slug)))
        made = {slug: directory.tenant(slug, "rls", cell=CELL) for slug in SHARED}
        made |= {slug: directory.tenant(slug, "schema", cell=CELL) for slug in SCHEMAS}
        yield made
        directory.forget(*made.values())
        scratch.drop(server, DATABASE, roles=(*CREDENTIALS, OWNER))


def _tables(connection: psycopg.Connection, schema: str, app: str, tenant_id: str) -> None:
    with acting_as(connection, OWNER):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    migrations.apply(connection, "tenant", schema, owner=OWNER, app_role=app, tenant_id=tenant_id)


@pytest.fixture
def found(cloud, tenants) -> Iterator[Directory]:
    """A directory of this test's own."""
    with entered(cloud.environment), Directory(directory.dsn(), credentials=CREDENTIALS, defaults={"reports.rows": 10}) as opened:
        yield opened


@pytest.fixture(scope="module")
def pooler(cloud, tenants) -> Iterator[tuple[str, int]]:
    """A PgBouncer in transaction mode with three sessions for each role: (host, port)."""
    program = programs.find("pgbouncer", package="pgbouncer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(tempfile.mkdtemp(prefix="tenantry-pooler-"))
    env = cloud.environment
    root.chmod(0o755)
    users = {**CREDENTIALS, naming.CONTROL_DIRECTORY: directory.PASSWORD}
    (root / "users").write_text("".join(f'"{role}" "{password}"\n' for role, password in users.items()))
    (root / "config").write_text(
        f"[databases]\n* = host={env['PGHOST']} port={env['PGPORT']}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = plain\nauth_file = {root / 'users'}\npool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 500\n"
        "unix_socket_dir =\n"
    )
    as_user = ["-u", "nobody"] if Path("/proc/self").stat().st_uid == 0 else []
    with (root / "log").open("w") as log:
        process = subprocess.Popen([program, *as_user, str(root / "config")], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (root / "log").read_text()
                assert time.monotonic() < end, (root / "log").read_text()
                time.sleep(0.05)
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(root)
