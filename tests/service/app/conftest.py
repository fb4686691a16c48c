"""A platform's databases as an application meets them: a cell with shared tables and schemas, a pooler, and a directory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from psycopg import sql

from tenantry import naming
from tenantry.app import Directory
from tenantry.postgres import logins, migrations
from tenantry.postgres.server import Server, acting_as
from tests.environment import entered
from tests.service import directory, pooling, scratch

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
    users = {**CREDENTIALS, naming.CONTROL_DIRECTORY: directory.PASSWORD}
    with pooling.running(cloud.environment, users, "auth_type = plain\ndefault_pool_size = 3") as there:
        yield there
