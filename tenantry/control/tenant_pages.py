"""Tenants page by page, of those that whoever asks may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import cursors
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
    labels: Mapping[str, str] = field(default_factory=dict)


SORTS: Final = ("slug", "-slug", "created_at", "-created_at", "updated_at", "-updated_at")
"""What a list can be sorted by; with a sign, the last one first."""


def page(wanted: Wanted, after: str, limit: int, sort: str = "slug") -> list[Tenant]:
    """The next ``limit`` tenants behind ``after``, as ``behind`` says it; those that are gone only where their state is asked for."""
    given: dict[str, Any] = {name: value for name in ("state", "isolation", "cell", "tier") if (value := getattr(wanted, name)) is not None}
    clauses = [f"{name} = %({name})s" for name in given]
    if wanted.sight.slug is not None:
        clauses.append("slug = %(own)s")
    if "state" not in given:
        clauses.append("deleted_at IS NULL")
    column, back = sort.removeprefix("-"), sort.startswith("-")
    order = "slug" if column == "slug" else f"{column}, slug"
    if after:
        given["slug"] = after
        if column != "slug":
            given["moment"], given["slug"] = cursors.read(after)
        key = "%(slug)s" if column == "slug" else "%(moment)s, %(slug)s"
        clauses.append(f"({order}) {'<' if back else '>'} ({key})")
    given |= {"labels": Jsonb(dict(wanted.labels)), "seen": Jsonb(dict(wanted.sight.labels)), "own": wanted.sight.slug}
    direction = " DESC" if back else ""
    with transaction() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM tenants WHERE labels @> %(labels)s AND labels @> %(seen)s AND {' AND '.join(clauses)}"  # noqa: S608  # names of ours
            f" ORDER BY {order.replace(',', f'{direction},')}{direction} LIMIT %(limit)s",
            {**given, "limit": limit},
        )
        return [Tenant(**row) for row in rows]


def behind(tenant: Tenant, sort: str) -> str:
    """The word with which what comes behind that tenant is asked for."""
    moment = getattr(tenant, sort.removeprefix("-"))
    return tenant.slug if sort.removeprefix("-") == "slug" else cursors.of(moment, tenant.slug)


def marks(sight: Sight) -> list[dict[str, Any]]:
    """``id``, ``slug``, ``tier``, ``cell`` and ``state`` of every tenant in sight that is not deleted, by slug."""
    with transaction() as connection:
        return connection.execute(
            "SELECT id, slug, tier, cell, state FROM tenants WHERE deleted_at IS NULL AND labels @> %(labels)s"
            " AND (%(own)s::text IS NULL OR slug = %(own)s) ORDER BY slug",
            {"labels": Jsonb(dict(sight.labels)), "own": sight.slug},
        ).fetchall()


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
