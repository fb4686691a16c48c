"""The service: `tenantry serve` starts it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Final

from fastapi import FastAPI

from tenantry import preload
from tenantry.operations.run_feed import RunFeed
from tenantry.web import health, problems
from tenantry.web.routes import backups, configuration, runs, tenants

BODY: Final = 1024 * 1024
"""Bytes of a request's body, at most."""


def create() -> FastAPI:
    """The application. Its routes are threads': what they call waits for PostgreSQL."""
    feed = RunFeed()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        preload.service()
        feed.start()
        yield
        feed.close()

    app = FastAPI(
        title="Tenantry",
        version=metadata.version("tenantry"),
        description="Tenants of a white-label SaaS: declared, provisioned, watched, suspended and off-boarded.",
        lifespan=lifespan,
        max_body_size=BODY,
    )
    app.state.feed = feed
    problems.install(app)
    for module in (health, tenants, runs, configuration, backups):
        app.include_router(module.router)
    return app
