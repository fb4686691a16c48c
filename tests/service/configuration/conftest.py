"""A registry with tenants in two cells, made without the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from psycopg import sql

from tenantry import naming
from tenantry.control import configuration, registry
from tenantry.control.database import transaction
from tests.environment import entered
from tests.service import control_database

if TYPE_CHECKING:
    from tests.conftest import PrivateCloud

DECLARED = {"features.reports": False, "limits.users": 10, "theme.primary": "#0b5fff"}


@pytest.fixture(scope="module")
def control(cloud: PrivateCloud) -> Iterator[PrivateCloud]:
    """The local cloud with the registry's tables, and this process's environment pointing at it."""
    with entered(cloud.environment) as patch:
        patch.setenv("TENANTRY_ACTOR", "grace")
        control_database.make()
        yield cloud


def declare(slug: str, rows: dict[str, Any]) -> None:
    """What `tenantry up` does with the configuration of a file."""
    configuration.write_declared(str(naming.tenant_id(slug)), {key: json.dumps(value) for key, value in rows.items()})


def content() -> dict[tuple[str, str], tuple[Any, str]]:
    """The whole table: (slug, key) → (value, source)."""
    with transaction() as connection:
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
    with transaction() as connection:
        for table in ("tenant_configurations", "tenant_configuration_history", "invitations", "tenant_domains", "tenants"):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        connection.execute("DELETE FROM configuration_run_parts")
        connection.execute("DELETE FROM runs")
