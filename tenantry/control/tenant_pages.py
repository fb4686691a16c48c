"""Tenants page by page, of those that whoever asks may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control.database import transaction

_COLUMNS: Final = "id, slug, name, tier, isolation, cell, state, host, limits, labels, created_at, updated_at, ready_at"


@dataclass(frozen=True)
class Tenant:
    """One tenant, without where its data are; one that only a file declares has no times."""

    id: UUID
    slug: str
    name: str
    tier: str
    isolation: str
    cell: str
    state: str
    host: str
    limits: Mapping[str, int]
    labels: Mapping[str, str]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    ready_at: datetime | None = None
    """When its tables were first there."""


@dataclass(frozen=True)
class Sight:
    """Which tenants somebody sees: those that carry all ``labels`` (none: every tenant), or the one of ``slug``."""

    labels: Mapping[str, str] = field(default_factory=dict)
    slug: str | None = None

    @property
    def everything(self) -> bool:
        """Whether it is every tenant."""
        return not self.labels and self.slug is None

    def sees(self, slug: str, labels: Mapping[str, str]) -> bool:
        """Whether a tenant of that slug with these labels is one of them."""
        return self.slug in (None, slug) and self.labels.items() <= labels.items()


EVERYTHING: Final = Sight()


@dataclass(frozen=True)
class Wanted:
    """Which tenants: of those that are in ``sight``, what else is said."""

    sight: Sight
    state: str | None = None
    isolation: str | None = None
    cell: str | None = None
    tier: str | None = None


def page(wanted: Wanted, after: str, limit: int) -> list[Tenant]:
    """The next ``limit`` tenants by slug behind ``after``; those that are gone only where their state is asked for."""
    filters: dict[str, Any] = {
        name: value for name in ("state", "isolation", "cell", "tier") if (value := getattr(wanted, name)) is not None
    }
    clauses = [f"{name} = %({name})s" for name in filters]
    if wanted.sight.slug is not None:
        clauses.append("slug = %(own)s")
    if "state" not in filters:
        clauses.append("deleted_at IS NULL")
    with transaction() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM tenants WHERE slug > %(after)s AND labels @> %(labels)s AND {' AND '.join(clauses)}"  # noqa: S608  # names of ours
            " ORDER BY slug LIMIT %(limit)s",
            {**filters, "after": after, "labels": Jsonb(dict(wanted.sight.labels)), "own": wanted.sight.slug, "limit": limit},
        )
        return [Tenant(**row) for row in rows]


def find(slug: str, sight: Sight) -> Tenant | None:
    """One tenant; None: there is none of that slug, or it is not in sight."""
    if sight.slug not in (None, slug):
        return None
    with transaction() as connection:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM tenants WHERE slug = %s AND labels @> %s AND deleted_at IS NULL",  # noqa: S608
            [slug, Jsonb(dict(sight.labels))],
        ).fetchone()
        return Tenant(**row) if row else None
