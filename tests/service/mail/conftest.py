"""A control database with its tables, made without the engine, and tenants in it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from tenantry import naming
from tenantry.control import configuration as configuration_rows
from tenantry.control import registry
from tenantry.control.database import transaction
from tests.service import control_database
from tests.service.mail.smtp import Stubborn

if TYPE_CHECKING:
    from tests.conftest import PrivateCloud

Tenant = Callable[..., str]


@pytest.fixture
def control(in_cloud: PrivateCloud) -> Iterator[PrivateCloud]:
    """The local cloud with the registry's tables; no mail of another test in them."""
    control_database.make()
    with transaction() as connection:
        connection.execute("DELETE FROM outbox")
    yield in_cloud
    with transaction() as connection:
        connection.execute("DELETE FROM outbox")


@pytest.fixture
def tenant(control: PrivateCloud) -> Iterator[Tenant]:
    """Makes tenants in the registry: id of a new one with an administrator and configuration rows."""
    made: list[str] = []

    def make(
        slug: str | None = None,
        *,
        name: str = "Acme GmbH",
        admin: str = "Ada Byron",
        email: str | None = None,
        state: str = "active",
        labels: dict[str, str] | None = None,
        configuration: dict[str, Any] | None = None,
    ) -> str:
        slug = slug or f"t{uuid.uuid4().hex[:10]}"
        tenant_id = str(naming.tenant_id(slug))
        row = {
            "name": name, "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": state,
            "host": f"{slug}.tenantry.example", "database": "cell_main", "schema": "shared", "app_role": "cell_main__app",
            "bucket": "tenantry-dev-main", "prefix": f"tenants/{slug}/", "limits": {}, "labels": labels or {},
        }  # fmt: skip
        registry.record(tenant_id, slug, row, [], {"name": admin, "email": email or f"ada@{slug}.example"})
        configuration_rows.write_declared(tenant_id, {key: json.dumps(value) for key, value in (configuration or {}).items()})
        made.append(tenant_id)
        return tenant_id

    yield make
    with transaction() as connection:
        for tenant_id in made:
            for table in (
                "outbox", "invitations", "users", "audit_log", "tenant_configurations", "tenant_configuration_history", "tenant_domains",
            ):  # fmt: skip
                connection.execute(sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier(table)), [tenant_id])
            connection.execute("DELETE FROM tenants WHERE id = %s", [tenant_id])


@pytest.fixture
def stubborn(control, monkeypatch):
    """A mail server of the test's own, which keeps the bytes; `SMTP_PORT` leads to it."""
    with Stubborn() as server:
        monkeypatch.setenv("SMTP_PORT", str(server.port))
        yield server
