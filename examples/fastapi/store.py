"""Where the tenants are: the directory, the secrets of their logins, and a session in the tenant of the request."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from psycopg.conninfo import make_conninfo
from sqlalchemy.orm import Session

from tenantry.app import Directory
from tenantry.app.credentials import from_environment
from tenantry.app.secrets import Secrets
from tenantry.app.sqlalchemy import Engines

LOGIN = "tenantry__directory"


directory = Directory(
    make_conninfo(dbname="tenantry", user=LOGIN, password=from_environment()[LOGIN]),  # at PGHOST and PGPORT
    credentials=Secrets(),
    defaults={"tasks.per_page": 50},
)
engines = Engines(pool_size=5, pool_pre_ping=True)


def session(request: Request) -> Iterator[Session]:
    """A transaction of the tenant, committed when the request's work is done."""
    with Session(engines.of(request.scope["tenant"])) as opened, opened.begin():
        yield opened
