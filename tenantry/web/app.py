"""The service: `tenantry serve` starts it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Final

from anyio import to_thread
from fastapi import FastAPI

from tenantry import preload
from tenantry.operations import api_keys
from tenantry.operations.read_log import ReadLog
from tenantry.operations.run_feed import RunFeed
from tenantry.web import health, problems, sign_in_page, starting
from tenantry.web.hashing import Hashing
from tenantry.web.limits import Limits
from tenantry.web.oidc_client import OidcClient
from tenantry.web.reads import Reads
from tenantry.web.routes import (
    audit,
    backups,
    bulk,
    clones,
    configuration,
    credentials,
    deletions,
    email_domains,
    keys,
    log,
    migrations,
    moves,
    oidc,
    passkeys,
    people,
    portal_links,
    proposals,
    restores,
    runs,
    sessions,
    sign_up,
    tenants,
    usage,
    users,
    webhooks,
)
from tenantry.web.runtime.app import App, RuntimeApp, Scope
from tenantry.web.starting import ReadingAhead, make_routes

BODY: Final = 1024 * 1024
"""Bytes of a request's body, at most."""

THREADS: Final = 8
"""Routes at work at a time, in a process: others wait for their turn, and the loop that answers them all is kept from waiting for these."""
SWITCH: Final = 0.001
"""Seconds after which a thread that computes lets another one go on."""


def serve() -> App:
    """All of the service: what is asked by host, from memory, in front of the API, which nobody may ask too often."""
    sys.setswitchinterval(SWITCH)
    app = create(settle=starting.settle)
    runtime: RuntimeApp = app.state.runtime
    return runtime.in_front_of(Limits(app))


def create(*, settle: Callable[[], None] = lambda: None) -> FastAPI:
    """The API. Its routes are threads': what they call waits for PostgreSQL. ``settle``: called when what it has in memory is there, for
    whoever has the process to himself."""
    feed, runtime, read_log = RunFeed(), RuntimeApp(allowed=_sees_tenants), ReadLog()
    ahead = ReadingAhead(settle)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        preload.service()
        make_routes(app)
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        feed.start()
        read_log.start()
        async with runtime:
            settle()
            ahead.start()
            yield
        feed.close()
        await to_thread.run_sync(ahead.wait, 1.0)
        await to_thread.run_sync(read_log.close)

    app = FastAPI(
        title="Tenantry",
        version=metadata.version("tenantry"),
        description="Tenants of a white-label SaaS: declared, provisioned, watched, suspended and off-boarded.",
        lifespan=lifespan,
        max_body_size=BODY,
        generate_unique_id_function=lambda route: f"{route.tags[0]}-{route.name}",
        docs_url=None,  # their scripts would come from other people's servers
        redoc_url=None,
    )
    app.state.feed, app.state.runtime, app.state.reads = feed, runtime, read_log
    app.state.ahead = ahead
    app.state.hashing, app.state.oidc = Hashing(), OidcClient()
    problems.install(app)
    app.add_middleware(Reads, log=read_log)
    for module in (
        health,
        sign_in_page,
        sessions,
        oidc,
        passkeys,
        sign_up,
        tenants,
        proposals,
        deletions,
        people,
        email_domains,
        users,
        audit,
        log,
        runs,
        configuration,
        bulk,
        usage,
        credentials,
        keys,
        backups,
        restores,
        moves,
        clones,
        migrations,
        webhooks,
        portal_links,
    ):
        app.include_router(module.router)
    return app


async def _sees_tenants(scope: Scope) -> bool:
    """Whether a request may ask how any host looks: with a key that sees tenants."""
    given = next((value.decode("latin-1") for header, value in scope["headers"] if header == b"authorization"), "")
    scheme, _, text = given.partition(" ")
    who = await to_thread.run_sync(api_keys.authenticate, text) if scheme.lower() == "bearer" else None
    return who is not None and "tenants:read" in who.scopes
