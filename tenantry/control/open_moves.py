"""One tenant on its way to another place: where it lives meanwhile, and what each stack holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import psycopg

from tenantry.control.database import transaction
from tenantry.declaration.placement import Place
from tenantry.errors import InputError

End = Literal["source", "target"]
Keeping = Literal["standby", "live", "shut", "doomed"]
"""An end's own tables: being filled; in use; kept, but with no log-in; to be removed by the run after the next."""


class _Stage(NamedTuple):
    home: End
    """What the registry says."""
    holder: End
    """Whose stack holds all that is not tables: registry row, configuration, host names, objects."""
    source: Keeping | None
    target: Keeping | None


_STAGES: Final[Mapping[str, _Stage]] = {
    "copying": _Stage("source", "source", "live", "standby"),
    "switched": _Stage("target", "source", "shut", "live"),
    "moved": _Stage("target", "target", "shut", "live"),
    "returned": _Stage("source", "target", "live", "shut"),
    "finishing": _Stage("target", "target", "doomed", "live"),
    "clearing": _Stage("target", "target", None, "live"),
    "undoing": _Stage("source", "source", "live", "doomed"),
    "unmaking": _Stage("source", "source", "live", None),
}


@dataclass(frozen=True)
class Move:
    """One open move."""

    id: UUID
    tenant_id: UUID
    slug: str
    source: Place
    target: Place
    phase: str
    started_at: datetime
    switched_at: datetime | None
    keep: timedelta
    freeze_ms: int | None
    rows: int | None
    back_asked: bool = False
    """Whether a rollback was asked for that has not been done."""

    @property
    def home(self) -> Place:
        """Where the tenant lives."""
        return self.home_in(self.phase)

    @property
    def holder(self) -> Place:
        """The end whose stack holds all of the tenant that is not tables."""
        return self._end(_STAGES[self.phase].holder)

    @property
    def switched(self) -> bool:
        """Whether the tenant lives at the target."""
        return _STAGES[self.phase].home == "target"

    @property
    def crosses_tables(self) -> bool:
        """Whether the rows go to other tables. They stay where a dedicated tenant only changes its cell: then its objects go."""
        return self.source.turn != self.target.turn

    @property
    def copies_rows(self) -> bool:
        """Whether rows are on their way between the two ends, there or back."""
        return self.crosses_tables and (self.phase in ("copying", "switched") or (self.phase == "moved" and self.back_asked))

    def home_in(self, phase: str) -> Place:
        """Where the tenant lives once the move is in that phase."""
        return self._end(_STAGES[phase].home)

    def keeping(self) -> list[tuple[Place, Keeping]]:
        """The ends that have tables of their own now, and how each is kept."""
        stage = _STAGES[self.phase]
        ends: list[tuple[Place, Keeping | None]] = [(self.source, stage.source), (self.target, stage.target)]
        if not self.crosses_tables:
            ends = [(self.home, "live")]
        return [(place, keeping) for place, keeping in ends if keeping is not None and not place.shared]

    def _end(self, end: End) -> Place:
        return self.source if end == "source" else self.target


def under_way() -> dict[str, Move]:
    """The open moves by slug."""
    with transaction() as connection:
        return {move.slug: move for move in read(connection)}


def of(slug: str) -> Move | None:
    """The open move of a tenant, or None."""
    return under_way().get(slug)


def must(slug: str) -> Move:
    """The open move of a tenant. ``InputError`` when there is none."""
    move = of(slug)
    if move is None:
        raise InputError(f"no move of tenant {slug} is under way", f"tenantry move {slug} --to MODEL begins one", code="move.none")
    return move


def read(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | None = None) -> list[Move]:
    """The open moves, or one tenant's, in the caller's transaction."""
    rows = connection.execute(
        """
        SELECT m.id, m.tenant_id, t.slug, m.source, m.target, m.phase, m.started_at, m.switched_at, m.keep, m.freeze_ms, m.rows,
            coalesce((SELECT b.state <> 'done' AND b.arguments ->> 'move' = m.id::text FROM runs b
                WHERE b.tenant_id = m.tenant_id AND b.kind = 'move-rollback' ORDER BY b.requested_at DESC LIMIT 1), false) AS back_asked
        FROM moves m JOIN tenants t ON t.id = m.tenant_id
        WHERE m.ended_at IS NULL AND (%(tenant)s::uuid IS NULL OR m.tenant_id = %(tenant)s) ORDER BY t.slug
        """,
        {"tenant": tenant_id},
    )
    return [Move(**{**row, "source": Place(**row["source"]), "target": Place(**row["target"])}) for row in rows]
