"""Moves of tenants in the control database: where each tenant on its way lives, and what each stack holds of it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tenantry.control import ledger, occupancy, open_moves
from tenantry.control.database import acting, transaction
from tenantry.control.open_moves import Move
from tenantry.control.works import Kind
from tenantry.declaration.placement import Place, residence
from tenantry.errors import TransientError
from tenantry.postgres import locks
from tenantry.postgres.checksums import Figure
from tenantry.postgres.server import Server
from tenantry.settings import platform_settings

ROLLBACK: Final = "move-rollback"
"""Kind of the runs that take a move back."""


def going_back(move_id: UUID) -> bool:
    """Whether the move's rollback was asked for: from then on the move goes no step further, whoever has its run."""
    with transaction() as connection:
        row = connection.execute(
            "SELECT 1 FROM runs WHERE kind = %s AND arguments ->> 'move' = %s AND state <> 'cancelled'", [ROLLBACK, str(move_id)]
        ).fetchone()
        return row is not None


def history(tenant_id: UUID | None = None) -> list[dict[str, Any]]:
    """All moves, or one tenant's, the newest first."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT t.slug, m.*, m.switched_at + m.keep AS kept_until FROM moves m JOIN tenants t ON t.id = m.tenant_id
            WHERE %(tenant)s::uuid IS NULL OR m.tenant_id = %(tenant)s ORDER BY m.started_at DESC
            """,
            {"tenant": tenant_id},
        ).fetchall()


def due() -> dict[str, UUID]:
    """Slug to move of the tenants whose old place has been kept for its time."""
    with transaction() as connection:
        rows = connection.execute(
            "SELECT t.slug, m.id FROM moves m JOIN tenants t ON t.id = m.tenant_id"
            " WHERE m.ended_at IS NULL AND m.phase = 'moved' AND m.switched_at + m.keep <= now() ORDER BY t.slug"
        )
        return {row["slug"]: row["id"] for row in rows}


def begin(move_id: UUID, tenant_id: UUID, slug: str, source: Place, target: Place, keep: timedelta) -> Move:
    """Opens the move, or finds it opened by the same run before; tells the ledger, so that no run misses it.

    ``TransientError`` while a roll-out migrates, ``InputError`` while something is under way that a move must not meet (``occupancy``).
    """
    with occupancy.between_roll_outs(Kind.MOVE_BEGINS, f"{slug} begins to move"), transaction() as connection:
        occupancy.alone(connection, tenant_id)
        if connection.execute("SELECT FROM moves WHERE id = %s", [move_id]).fetchone() is None:  # else what came since finds it
            occupancy.admit(connection, tenant_id, Kind.MOVE_BEGINS, but=move_id)
        connection.execute(
            "INSERT INTO moves (id, tenant_id, source, target, keep) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
            [move_id, tenant_id, Jsonb(source._asdict()), Jsonb(target._asdict()), keep],
        )
    move = open_moves.must(slug)  # an ended one is not opened again
    with Server.from_environment().kept() as maintenance:
        ledger.mark_moving(maintenance, slug, True)
    return move


def advance(move: Move, phase: str) -> Move:
    """The move in its next phase, where the registry does not change with it."""
    with transaction() as connection:
        connection.execute("UPDATE moves SET phase = %s WHERE id = %s AND ended_at IS NULL", [phase, move.id])
    return replace(move, phase=phase)


def end(move: Move, outcome: str) -> None:
    """Closes the move: from now on the file says where the tenant lives."""
    with transaction() as connection:
        connection.execute("UPDATE moves SET ended_at = now(), outcome = %s WHERE id = %s AND ended_at IS NULL", [outcome, move.id])


def let_go(slug: str) -> None:
    """Spares later runs the question whether the tenant is moving; nothing while it is."""
    if open_moves.of(slug) is None:
        with Server.from_environment().kept() as connection:
            ledger.mark_moving(connection, slug, False)


@contextmanager
def switching(connection: psycopg.Connection[Any], move: Move, phase: str) -> Iterator[None]:
    """The transaction that moves the tenant: the registry's row and the phase, committed when the block ends.

    The connection is an administrator's to the control database, opened beforehand: nobody shall wait for it.
    ``TransientError`` when someone else took the move to another phase.
    """
    place = move.home_in(phase)
    settings = platform_settings()
    columns = residence(move.slug, place, settings)
    with acting(connection) as control:
        row = control.execute("SELECT phase FROM moves WHERE id = %s AND ended_at IS NULL FOR UPDATE", [move.id]).fetchone()
        if row is None or row["phase"] != move.phase:
            raise TransientError(
                f"another process is at work on the move of {move.slug}",
                "wait for it, then run the same command again",
                code="move.underway",
            )
        control.execute(
            """
            UPDATE tenants SET isolation = %(isolation)s, cell = %(cell)s, stack = %(stack)s, server = %(server)s, database = %(database)s,
                schema = %(schema)s, app_role = %(app_role)s, bucket = %(bucket)s, updated_at = now() WHERE id = %(id)s
            """,
            {**columns, "id": move.tenant_id},
        )
        control.execute(
            "UPDATE moves SET phase = %s, switched_at = CASE WHEN %s = 'switched' THEN now() ELSE switched_at END WHERE id = %s",
            [phase, phase, move.id],
        )
        yield


def measured(move: Move, freeze: float, figures: Mapping[str, Figure]) -> None:
    """Keeps how long writes waited (seconds) and what was compared."""
    values = {table: [figure.rows, figure.mixed] for table, figure in figures.items()}
    with transaction() as connection:
        connection.execute(
            "UPDATE moves SET freeze_ms = %s, rows = %s, checksums = %s WHERE id = %s",
            [round(freeze * 1000), sum(figure.rows for figure in figures.values()), Jsonb(values), move.id],
        )


@contextmanager
def held(move: Move) -> Iterator[Move]:
    """Keeps every other process off the move, and gives it as it is now. ``TransientError`` at once when someone has it."""

    def refused(taken: locks.Taken) -> TransientError:
        return TransientError(f"another process is at work on the move of {move.slug}{taken.holder}", taken.hint, code="move.underway")

    with locks.held(f"move:{move.tenant_id}", refused=refused):
        yield open_moves.must(move.slug)
