"""Where the tenants are: the directory, their passwords, and a session in the tenant of the request."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache

from fastapi import Request
from psycopg.conninfo import make_conninfo
from sqlalchemy.orm import Session

from tenantry.app import Directory, Tenant
from tenantry.app.credentials import from_environment
from tenantry.app.sqlalchemy import Engines

LOGIN = "tenantry__directory"


def password(tenant: Tenant) -> str:
    """Of the tenant's login: that of the environment, or asked for, as after a move."""
    return from_environment().get(str(tenant.role)) or _asked(str(tenant.slug), str(tenant.role))


@cache
def _asked(slug: str, role: str) -> str:
    # On a laptop. In production this is a call to where you keep secrets.
    told = subprocess.run(["tenantry", "credentials", slug, "--json"], check=True, capture_output=True, text=True)
    return str(json.loads(told.stdout)["password"])


directory = Directory(
    make_conninfo(dbname="tenantry", user=LOGIN, password=from_environment()[LOGIN]),  # at PGHOST and PGPORT
    credentials=password,
    defaults={"tasks.per_page": 50},
)
engines = Engines(pool_size=5, pool_pre_ping=True)


def session(request: Request) -> Iterator[Session]:
    """A transaction of the tenant, committed when the request's work is done."""
    with Session(engines.of(request.scope["tenant"])) as opened, opened.begin():
        yield opened
