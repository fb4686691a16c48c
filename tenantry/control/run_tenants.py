"""The lines of a run of a whole stack, one for each tenant that it is for: why it was pending, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from tenantry import naming
from tenantry.control import runs_at_work
from tenantry.control.database import transaction
from tenantry.escape import journalled

if TYPE_CHECKING:
    import psycopg

Outcome = Literal["pending", "made", "found", "beside", "refused", "skipped", "kept"]
"""``found``: another run of the stack had made it. ``beside``: made by a run that was for someone else. ``kept``: as the platform knows
it, which the file does not."""


@dataclass(frozen=True)
class Line:
    """One tenant's line. ``declared`` is a fingerprint, ``commit`` what it was read from, ``said`` what became of it, for people."""

    slug: str
    why: str
    declared: str | None = None
    commit: str | None = None
    welcome: bool = False
    """Whether its first administrator is to be invited."""
    outcome: Outcome = "pending"
    said: str | None = None

    @property
    def tenant(self) -> UUID:
        """The tenant's id."""
        return naming.tenant_id(self.slug)


def add(connection: psycopg.Connection[dict[str, Any]], run_id: UUID, lines: Iterable[Line]) -> None:
    """Enters the lines in the caller's transaction. A tenant that has one in this run keeps it."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO run_tenants (tenant_id, run_id, slug, declared, commit, why, welcome, outcome, said)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (line.tenant, run_id, line.slug, line.declared, line.commit, line.why, line.welcome, line.outcome, journalled(line.said))
                for line in lines
            ],
        )


def of(run_id: UUID, tenant: UUID | None = None) -> list[Line]:
    """The lines of a run, by slug; only the one of ``tenant`` where it is named."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT slug, why, declared, commit, welcome, outcome, said FROM run_tenants"
            " WHERE run_id = %s AND (%s::uuid IS NULL OR tenant_id = %s) ORDER BY slug",
            [run_id, tenant, tenant],
        )
        return [Line(**row) for row in rows]


def settle(run_id: UUID, worker: str, lines: Sequence[Line]) -> None:
    """Writes down what became of the tenants. ``runs.NotOurs`` when the run is another worker's."""
    with transaction() as connection:
        runs_at_work.must_be_ours(connection, run_id, worker)
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE run_tenants SET declared = %s, commit = %s, outcome = %s, said = %s WHERE run_id = %s AND tenant_id = %s",
                [(line.declared, line.commit, line.outcome, journalled(line.said), run_id, line.tenant) for line in lines],
            )


def runs_of(tenant: UUID, limit: int) -> list[dict[str, Any]]:
    """The newest runs first that are the tenant's, or that have a line of it."""
    with transaction() as connection:
        return connection.execute(
            "SELECT * FROM runs WHERE tenant_id = %(tenant)s"
            " OR id IN (SELECT run_id FROM run_tenants WHERE tenant_id = %(tenant)s) ORDER BY requested_at DESC LIMIT %(limit)s",
            {"tenant": tenant, "limit": limit},
        ).fetchall()


def owed(connection: psycopg.Connection[dict[str, Any]]) -> set[UUID]:
    """The tenants that were to be welcomed and of which nobody was ever given a link, in the caller's transaction."""
    rows = connection.execute(
        """
        SELECT DISTINCT l.tenant_id FROM run_tenants l WHERE l.welcome AND NOT EXISTS (
            SELECT FROM invitations i
            WHERE i.tenant_id = l.tenant_id AND i.invited_by IS NULL AND (i.issued_at IS NOT NULL OR i.accepted_at IS NOT NULL))
        """
    )
    return {row["tenant_id"] for row in rows}
