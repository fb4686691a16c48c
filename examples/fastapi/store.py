"""Where the tenants are: the directory, the secrets of their logins, and a session in the tenant of the request."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from sqlalchemy.orm import Session

from tenantry.app import Directory
from tenantry.app.secrets import Secrets, directory_dsn
from tenantry.app.sqlalchemy import Engines

directory = Directory(directory_dsn, credentials=Secrets(), defaults={"tasks.per_page": 50})
engines = Engines(pool_size=5, pool_pre_ping=True)


def session(request: Request) -> Iterator[Session]:
    """A transaction of the tenant, committed when the request's work is done."""
    with Session(engines.of(request.scope["tenant"])) as opened, opened.begin():
        yield opened
