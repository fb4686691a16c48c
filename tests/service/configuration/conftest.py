"""A registry with tenants in two cells, made without the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from psycopg import sql

from local.env import UNSET
from tenantry.clients import configuration, migrations, registry
from tenantry.clients.postgres import Server, acting_as
from tenantry.declaration import naming

if TYPE_CHECKING:
    from tests.conftest import PrivateCloud

DECLARED = {"features.reports": False, "limits.users": 10, "theme.primary": "#0b5fff"}


@pytest.fixture(scope="module")
def control(cloud: PrivateCloud) -> Iterator[PrivateCloud]:
    """The local cloud with the registry's tables, and this process's environment pointing at it."""
    with pytest.MonkeyPatch.context() as patch:
        for key in UNSET:
            patch.delenv(key, raising=False)
        for key, value in cloud.environment.items():
            patch.setenv(key, value)
        patch.setenv("TENANTRY_ACTOR", "grace")
        server = Server.from_environment()
        with server.connect() as admin:
            admin.autocommit = True
            for role in (naming.CONTROL_OWNER, naming.CONTROL_APP):
                if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [naming.CONTROL_DATABASE]).fetchone():
                names = (sql.Identifier(naming.CONTROL_DATABASE), sql.Identifier(naming.CONTROL_OWNER))
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
        with server.connect(naming.CONTROL_DATABASE) as connection:
            with acting_as(connection, naming.CONTROL_OWNER):
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(naming.CONTROL_SCHEMA)))
            migrations.apply(
                connection,
                "control",
                naming.CONTROL_SCHEMA,
                owner=naming.CONTROL_OWNER,
                app_role=naming.CONTROL_APP,
                platform_role=naming.CONTROL_OWNER,
            )
        yield cloud


def declare(slug: str, rows: dict[str, Any]) -> None:
    """What `tenantry up` does with the configuration of a file."""
    configuration.write_declared(str(naming.tenant_id(slug)), {key: json.dumps(value) for key, value in rows.items()})


def content() -> dict[tuple[str, str], tuple[Any, str]]:
    """The whole table: (slug, key) → (value, source)."""
    with registry.transaction() as connection:
        rows = connection.execute("SELECT t.slug, c.* FROM tenant_configurations c JOIN tenants t ON t.id = c.tenant_id").fetchall()
    return {(row["slug"], row["config_key"]): (row["config_value"], row["source"]) for row in rows}


Make = Callable[..., UUID]


@pytest.fixture
def make(control: PrivateCloud) -> Iterator[Make]:
    """Makes tenants in the registry with the rows ``DECLARED``; they are gone after the test."""

    def tenant(
        slug: str, *, cell: str = "main", tier: str = "starter", state: str = "active", labels: Any = None, rows: Any = None
    ) -> UUID:
        place = {
            "cell": cell,
            "stack": "shared",
            "database": "d",
            "schema": "s",
            "app_role": "r",
            "bucket": "b",
            "prefix": f"tenants/{slug}/",
        }
        host = f"{slug}.x.example"
        row = {"name": slug, "tier": tier, "isolation": "rls", "state": state, "host": host, "limits": {}, "labels": labels or {}, **place}
        registry.record(str(naming.tenant_id(slug)), slug, row, [], {"name": "Ada", "email": f"ada@{slug}.example"})
        declare(slug, DECLARED if rows is None else rows)
        return naming.tenant_id(slug)

    yield tenant
    with registry.transaction() as connection:
        for table in ("tenant_configurations", "tenant_configuration_history", "invitations", "tenant_domains", "tenants"):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        connection.execute("DELETE FROM configuration_run_parts")
        connection.execute("DELETE FROM runs")
