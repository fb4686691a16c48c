"""Tenants of every model that a fleet has, with the same rows in each, and what the application finds there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.fleet import Fleet

MODELS = {"ash": "rls", "beech": "rls", "birch": "schema", "cherry": "schema", "cedar": "database"}
"""Two that share tables and two schemas of one database: what meets, meets here."""


def made(fleet: Fleet, revision: str = "head", documents: int = 3) -> list[TenantStore]:
    """The tenants at a revision, each with a user and documents."""
    fleet.shared(revision)
    for slug, model in MODELS.items():
        if model == "rls":
            fleet.rls(slug)
        elif model == "database":
            fleet.database(slug, revision)
    fleet.schemas([slug for slug, model in MODELS.items() if model == "schema"], revision)
    stores = [TenantStore.of(slug) for slug in MODELS]
    for store in stores:
        with store.acting(store.app_role) as application:
            row = application.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, 'ann@x.example', 'Ann') RETURNING id", [store.id]
            ).fetchone()
            assert row is not None
            application.execute(
                "INSERT INTO documents (tenant_id, author_id, title) SELECT %s, %s, 'Title ' || g FROM generate_series(1, %s) g",
                [store.id, row[0], documents],
            )
    return stores


def ask(store: TenantStore, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What the application's role gets for a statement, in its tenant's context."""
    with store.acting(store.app_role) as application:
        cursor = application.execute(query.encode(), values)  # type: ignore[arg-type]  # a test's own text
        return cursor.fetchall() if cursor.description else []


def refused(store: TenantStore, query: str) -> str:
    """The SQLSTATE with which the application is refused; empty when it is not."""
    try:
        ask(store, query)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""
