"""Which works may meet on a tenant: one matrix of what is asked for and what is under way. docs/adr/0033-occupancy.md

Whoever asks does so in the transaction in which the work is written down, and holds the tenant's row meanwhile (``alone``): of two that
begin at the same time the second waits, and then finds the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.control import works
from tenantry.control.database import transaction
from tenantry.control.works import FOUND, MOVES, RESTORES, RUNS, Kind, Work
from tenantry.errors import Code, InputError, TransientError
from tenantry.postgres import locks

if TYPE_CHECKING:
    import psycopg


class Answer(Enum):
    """What becomes of what is asked for while something else is under way."""

    REFUSE = "refuse"
    WAIT = "wait"
    """It is done later, by itself: a step is tried again, a task is put off, a roll-out leaves the tenant for the next one."""
    ALLOW = "allow"
    """Runs of one stack still take turns in the queue, and so do a tenant's runs that have no stack."""


def _row(*, refuse: Collection[Kind] = (), wait: Collection[Kind] = ()) -> Mapping[Kind, Answer]:
    """Every cell of a row: what is not named is allowed. Each pair is written down once more in tests/service/test_occupancy.py."""
    return {kind: Answer.REFUSE if kind in refuse else Answer.WAIT if kind in wait else Answer.ALLOW for kind in FOUND}


_ANYWHERE: Final = _row()
"""For work that goes by what it finds: the engine makes each tenant as the open moves and the registry have it
(stacks/stack_tenants.py), a backup saves one moment, runtime values are rows of the control database."""

_BEGINNING: Final = (Kind.MOVE, Kind.RESTORE)
"""Asked for, and about to begin."""
_DOORS_SHUT: Final = (Kind.REPLACING, Kind.HALTED)
_LEAVING: Final = (Kind.OFFBOARD, Kind.DELETE, Kind.RELEASED)

MATRIX: Final[Mapping[Kind, Mapping[Kind, Answer]]] = {
    Kind.APPLY: _ANYWHERE,
    Kind.BACKUP: _ANYWHERE,
    Kind.CLONE: _ANYWHERE,  # about the new tenant, which nobody else has yet; of its source see CLONE_SOURCE
    Kind.CONFIG_BULK: _ANYWHERE,
    Kind.CONFIG_UNDO: _ANYWHERE,
    Kind.PREVIEW: _ANYWHERE,  # it changes nothing, and keeps nobody waiting
    Kind.PROVISION: _ANYWHERE,
    Kind.DELETE: _row(
        refuse=(
            *MOVES,  # its data is in two places: one would be left
            *RESTORES,  # what a restore keeps would be left, and nobody has decided what the final backup is to hold
            *_BEGINNING,  # it would be removed beneath them
        ),
    ),
    # As DELETE, which comes after it; and of a tenant that is being removed nothing is changed any more.
    Kind.OFFBOARD: _row(refuse=(*MOVES, *RESTORES, *_BEGINNING, Kind.RELEASED)),
    Kind.ROTATE: _row(refuse=(Kind.DELETE, Kind.RELEASED)),  # it would make anew what is being removed; a shut login is renewed shut
    Kind.SUSPEND: _row(refuse=(Kind.RELEASED,)),  # to shut someone out is right at any other time
    Kind.REACTIVATE: _row(
        refuse=(
            Kind.RELEASED,
            *_DOORS_SHUT,  # it would open them, onto data that is half replaced or about to be
        ),
    ),
    Kind.UNDELETE: _row(refuse=(Kind.RELEASED, *_DOORS_SHUT)),  # as REACTIVATE; a deletion that is not released it stops
    Kind.MOVE: _row(
        # A tenant at rest is moved, and no other. Beside a roll-out it may be asked for: its beginning waits.
        refuse=(*(kind for kind in RUNS if kind not in (Kind.MIGRATE, Kind.PREVIEW)), Kind.OTHER, *MOVES, *RESTORES, Kind.RELEASED),
    ),
    Kind.MOVE_BEGINS: _row(
        # Less than MOVE: what was asked for since takes turns with it.
        refuse=(
            *MOVES,
            *RESTORES,
            Kind.RESTORE,  # it has looked for moves, and begins when its turn comes
            *_LEAVING,  # a move that failed can be resumed after they were asked for: they would find its data in two places
            Kind.UNDELETE,  # the tenant is not back yet
        ),
        wait=(Kind.MIGRATE,),  # the roll-out has chosen its places, and both ends must stay at one revision
    ),
    # The ways out of a move, for which others are refused: nothing keeps someone from them.
    Kind.MOVE_FINISH: _ANYWHERE,
    Kind.MOVE_ROLLBACK: _ANYWHERE,
    Kind.RESTORE: _row(
        refuse=(
            *MOVES,  # both replace the tenant's tables
            *RESTORES,  # what the first one replaced is kept for its rollback
            *_BEGINNING,
            Kind.DELETE,
            Kind.RELEASED,  # it would open the doors that the deletion has shut; before, an off-boarded tenant may be restored
        ),
    ),
    Kind.RESTORE_BEGINS: _row(
        # A move that was only asked for finds this restore when it begins, and is refused then.
        refuse=(*MOVES, *RESTORES, Kind.DELETE, Kind.RELEASED),
        wait=(Kind.MIGRATE,),  # it would migrate the tables beneath the staged rows
    ),
    # The way out of a restore. A move or a release cannot begin beside one: should it have, two would replace the same tables.
    Kind.RESTORE_ROLLBACK: _row(refuse=(*MOVES, Kind.RELEASED)),
    # Both ends of a move, and the tables and what is staged for them, must be at one revision. What is not replaced yet is compared first.
    Kind.MIGRATE: _row(wait=(Kind.COPYING, Kind.MOVED, Kind.REPLACING, Kind.SHUT)),
    Kind.MIGRATE_SHARED: _row(
        # Once the rows have arrived the shared end is done with, unless they are copied back; a cell's other tenants need not wait for it.
        wait=(Kind.COPYING, Kind.REPLACING, Kind.SHUT),
    ),
    Kind.CLONE_SOURCE: _row(refuse=(Kind.REPLACING, Kind.RELEASED)),  # it would be a copy of what is half replaced, or half gone
    Kind.TASK: _row(
        # One that gives way, to runs only: what is in force between them can be so for a week, and a backup that is missing is worse.
        wait=(*(kind for kind in RUNS if kind not in (Kind.MIGRATE, Kind.PREVIEW)), Kind.OTHER),
    ),
    Kind.LEGAL_HOLD: _row(refuse=(Kind.RELEASED,)),  # it would promise what is being removed
}


def alone(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID) -> None:
    """Until the caller's transaction ends nobody else writes down a work that this could meet."""
    connection.execute("SELECT FROM tenants WHERE id = %s FOR NO KEY UPDATE", [tenant_id])


def admit(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, asked: Kind, *, but: UUID | str | None = None) -> None:
    """Raises for work that must not meet what is under way, in the caller's transaction. ``but``: the run that asks.

    ``InputError`` of the code of what it would meet: ``move.underway``, ``restore.underway``, ``tenant.busy``, ``tenant.state``.
    """
    row = MATRIX[asked]
    if Answer.REFUSE not in row.values():
        return
    alone(connection, tenant_id)
    for work in works.at_work(connection, tenant_id):
        if row[work.kind] is Answer.REFUSE and (but is None or work.run != str(but)):
            raise _refusal(asked, work)


@contextmanager
def admitted(tenant_id: UUID, asked: Kind, *, but: UUID | str | None = None) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A transaction in which the work is admitted, and nothing begins that it must not meet; see ``admit``."""
    with transaction() as connection:
        admit(connection, tenant_id, asked, but=but)
        yield connection


def refuse(tenant_id: UUID, asked: Kind, *, but: UUID | str | None = None) -> None:
    """``admit`` in a transaction of its own: to be told early. What is not written down in it has to be asked for once more."""
    with admitted(tenant_id, asked, but=but):
        pass


def awaited(tenant_id: UUID, asked: Kind) -> Work | None:
    """What the work has to wait for, or None."""
    with transaction() as connection:
        return next((work for work in works.at_work(connection, tenant_id) if MATRIX[asked][work.kind] is Answer.WAIT), None)


def waits(asked: Kind, under_way: Collection[Work]) -> bool:
    """Whether the work has to wait for one of these."""
    return any(MATRIX[asked][work.kind] is Answer.WAIT for work in under_way)


BEGINNING: Final = "moves:beginning"
"""The lock that a roll-out has for itself while it migrates, and that all who begin beside it share."""


@contextmanager
def between_roll_outs(asked: Kind, what: str) -> Iterator[None]:
    """For the beginning of work whose tables must stay at one revision: a roll-out finds it begun, or it waits (``TransientError``)."""

    def refused(_: locks.Taken) -> TransientError:
        said = f"a roll-out of migrations is at work: {what} when it has ended"
        return TransientError(said, "tenantry log shows how far it is", code="tenant.busy")

    waits_for_it = MATRIX[asked][Kind.MIGRATE] is Answer.WAIT
    with locks.held(BEGINNING, shared=True, refused=refused) if waits_for_it else nullcontext():
        yield


@contextmanager
def none_begins() -> Iterator[None]:
    """For a roll-out: no move and no restore begins inside the block; what is just beginning is waited for, and then is under way."""
    with locks.held(BEGINNING, wait=locks.TURN):
        yield


def _refusal(asked: Kind, work: Work) -> InputError:
    slug = work.slug
    if work.move is not None:
        return InputError(
            f"tenant {slug} is being moved to {work.move.target} ({work.move.phase})",
            f"end the move first: tenantry move {slug} --finish, or --rollback",
            code="move.underway",
        )
    if work.kind is Kind.RELEASED:
        return InputError(
            f"the deletion began at {work.since:%Y-%m-%d %H:%M} and cannot be taken back",
            "let it end; the final backup can be restored as a new tenant",
            code="tenant.state",
        )
    restore = work.kind in RESTORES or work.kind is Kind.RESTORE
    if asked is Kind.MOVE_BEGINS and restore:
        return InputError(
            f"a restore of {slug} is under way or waits for a decision",
            f"tenantry log {work.run} shows it; end it first",
            code="restore.underway",
        )
    if work.kind in RESTORES:
        return InputError(*_of_a_restore(work), code="restore.underway")
    return InputError(
        f"tenant {slug} is at work: {work.name}",
        f"wait until it has ended: tenantry log {slug}; if it was killed: tenantry resume {work.run}",
        code="tenant.busy" if asked is Kind.MOVE else _CODES.get(work.kind, "tenant.busy"),
    )


_CODES: Final[Mapping[Kind, Code]] = {Kind.MOVE: "move.underway", Kind.RESTORE: "restore.underway"}


def _of_a_restore(work: Work) -> tuple[str, str]:
    slug, back = work.slug, f"tenantry restore rollback {work.slug}"
    if work.going_back:
        return f"an earlier restore of {slug} is being taken back", f"{back} resumes that"
    if work.kind is Kind.KEPT:
        return f"an earlier restore of {slug} waits for a decision", f"tenantry restore confirm {slug}, or {back}"
    return f"an earlier restore of {slug} is not finished", f"tenantry resume {work.run}, or {back}"
