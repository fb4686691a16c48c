"""Which tenant, and which set of tables, is at which revision."""

from __future__ import annotations

from dataclasses import dataclass

from tenantry.postgres import revisions
from tenantry.stores import table_sets
from tenantry.stores.table_sets import TableSet


@dataclass(frozen=True)
class TableSetEntry:
    """One set of tables that a roll-out is about. ``server`` None: the platform's; ``problem``: why it cannot be reached."""

    tenants: tuple[str, ...]
    isolation: str
    cell: str
    server: str | None
    database: str
    schema: str
    ring: str | None
    revision: str | None
    problem: str | None

    @classmethod
    def of(cls, found: TableSet) -> TableSetEntry:
        """A set of tables without what only the roll-out needs."""
        return cls(
            found.slugs, found.isolation, found.cell, found.server, found.database, found.schema, found.ring, found.version,
            found.problem or None,
        )  # fmt: skip


@dataclass(frozen=True)
class TenantRevision:
    """One tenant, or the tables of a cell in which nobody is yet. ``revision`` None: not made yet, or not reachable for a ``problem``."""

    tenant: str
    isolation: str
    cell: str
    ring: str | None
    revision: str | None
    problem: str


@dataclass(frozen=True)
class RevisionStatus:
    """All ``tenants``, and the ``revisions`` of this checkout, oldest first, the last of which is the ``head``."""

    head: str
    revisions: tuple[str, ...]
    tenants: tuple[TenantRevision, ...]
    partial: bool
    """Whether the application's own tool tells the newest revision only: another one is older, as far as that can be known."""


def status() -> RevisionStatus:
    """Looks at every set of tables."""
    rows = tuple(
        TenantRevision(slug, table_set.isolation, table_set.cell, table_set.ring, table_set.version, table_set.problem)
        for table_set in table_sets.survey()
        for slug in table_set.slugs or (table_set.name,)
    )
    return RevisionStatus(revisions.head("tenant"), tuple(revisions.revisions("tenant")), rows, _partial())


def _partial() -> bool:
    own = revisions.tool()
    return own is not None and own.history is None
