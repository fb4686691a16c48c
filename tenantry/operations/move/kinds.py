"""The steps of a move, of its clean-up and of its rollback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from tenantry.actor import SCHEDULE, Actor
from tenantry.control import moves, open_moves, runs
from tenantry.control.open_moves import Move
from tenantry.declaration.placement import Place
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError, WorkError
from tenantry.operations.move import passing, request, transfer
from tenantry.operations.move.transfer import Tell, Way
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over
from tenantry.work.step import Kind, Parts, Patience, Run, Step

PATIENT: Final = Patience(12)  # about a quarter of an hour: a roll-out, someone else's run of the cell, a long transaction


def _begin(run: Run) -> str:
    """Opens the move, unless something has changed since it was asked for."""
    source, target = Place(**run.arguments["source"]), Place(**run.arguments["target"])
    store = TenantStore.of(run.subject)
    if open_moves.of(run.subject) is None:
        if run.subject not in DeclarationStore.of_platform().load():
            raise InputError(
                f"no file tenants/{run.subject}.yaml here", "start the worker in an up-to-date clone", code="declaration.missing"
            )
        if (store.isolation, store.cell) != (source.isolation, source.cell):
            raise InputError(f"tenant {run.subject} lives as {store.isolation} in {store.cell} by now", "ask for the move again")
    moves.begin(run.id, store.id, run.subject, source, target, timedelta(seconds=run.arguments["keep_seconds"]))
    return f"from {source} to {target}"


def _in(phases: Sequence[str], work: Callable[[Move, Tell], str]) -> Callable[[Run], str]:
    """The work as a step: done by one process at a time, and only while the move is in one of the phases."""

    def step(run: Run) -> str:
        move = open_moves.of(run.subject)
        if move is None:
            return ""
        with moves.held(move) as now:
            return work(now, run.tell) if now.phase in phases else ""

    return step


def _onward(phases: Sequence[str], work: Callable[[Move, Tell], str]) -> Callable[[Run], str]:
    """The same for the way there, which ends where its rollback was asked for: a killed move is not first brought to its goal."""

    def unless_going_back(move: Move, tell: Tell) -> str:
        if moves.going_back(move.id):
            raise WorkError(
                f"the move of {move.slug} is being taken back",
                f"tenantry move {move.slug} --rollback resumes that",
                code="move.underway",
            )
        return work(move, tell)

    return _in(phases, unless_going_back)


def _check(run: Run) -> str:
    move = open_moves.of(run.subject)
    return f"{move.source} to {move.target}: {move.phase}" if move else "the move was closed already"


def _arrive(move: Move, tell: Tell) -> str:
    """A move that was cut short after the switch first has to arrive: then there is one way on, and one back, for all."""
    return "" if runs.read(move.id)["state"] == "done" else passing.hand_over(move, "moved", tell)


def _back(work: Callable[[Way, Tell], str]) -> Callable[[Move, Tell], str]:
    """The work on the way back. When what was copied is not equal it is copied anew and done once more: there is no other rollback."""

    def step(move: Move, tell: Tell) -> str:
        way = Way.back(move)
        try:
            return work(way, tell)
        except transfer.Unequal as error:
            tell(f"{error.message}: everything is copied anew")
            transfer.copy(way, tell)
            return work(way, tell)

    return step


def _hand_back(move: Move, tell: Tell) -> str:
    if move.crosses_tables and move.phase == "returned":  # a kill may have come between the switch and this
        transfer.reopen(Way.back(move), TenantStore.at(move.slug, move.source))
    return passing.hand_over(move, "undoing", tell)


def _let_go(run: Run) -> str:
    moves.let_go(run.subject)
    return ""


def _let_go_back(run: Run) -> str:
    moves.let_go(run.subject)
    # Else whoever waits for the run does it.
    if run.actor.in_request and request.write_file(run.subject, request.came_from(run.id), run.actor):
        return f"tenants/{run.subject}.yaml was edited to say so: commit that"
    return ""


def _arrived(run: Run) -> str:
    move = open_moves.must(run.subject)
    until = f"{move.switched_at + move.keep:%Y-%m-%d %H:%M}" if move.switched_at else "-"
    return (
        f"{run.subject} lives as {move.target}; writes waited {(move.freeze_ms or 0) / 1000:.2f} s for {move.rows or 0} rows;"
        f" the old place is kept until {until}"
    )


def _move(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("check", _begin, PATIENT),
        Step("prepare", _onward(("copying",), passing.prepare), PATIENT),
        Step("copy", _onward(("copying",), lambda move, tell: transfer.copy(Way.there(move), tell)), PATIENT),
        Step("catch up", _onward(("copying",), lambda move, tell: transfer.catch_up(Way.there(move), tell)), PATIENT),
        Step("freeze and switch", _onward(("copying",), lambda move, tell: transfer.switch(Way.there(move))), PATIENT),
        Step("hand over", _onward(("switched", "moved"), lambda move, tell: passing.hand_over(move, "moved", tell)), PATIENT),
        Step("report", _arrived),
    )


def _finish(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("check", _check),
        Step("arrive", _in(("moved",), _arrive), PATIENT),
        Step("remove the old place", _in(("moved", "finishing", "clearing"), passing.finish), PATIENT),
        Step("close the move", _let_go, PATIENT),
    )


def _rollback(_: Run) -> Sequence[Step | Parts]:
    return (
        Step("check", _check),
        Step("arrive", _in(("switched", "moved"), _arrive), PATIENT),
        Step("copy back", _in(("moved",), _back(transfer.copy)), PATIENT),
        Step("catch up", _in(("moved",), _back(transfer.catch_up)), PATIENT),
        Step("freeze and switch back", _in(("moved",), _back(lambda way, _: transfer.switch(way))), PATIENT),
        Step("hand back", _in(("returned", "undoing"), _hand_back), PATIENT),
        Step("remove the other place", _in(("copying", "undoing", "unmaking"), passing.undo), PATIENT),
        Step("close the move", _let_go_back, PATIENT),
    )


MOVE: Final = Kind("move", _move)
FINISH: Final = Kind("move-finish", _finish)
ROLLBACK: Final = Kind(moves.ROLLBACK, _rollback)


def finish_due(*, actor: Actor = SCHEDULE) -> list[str]:
    """Asks for the clean-up of every move whose time for a rollback is over; their slugs. For a scheduled task.

    One that cannot be asked for keeps no other waiting: ``WorkError`` at the end, by ids, because a task's record outlives tenants.
    """
    due = moves.due()
    swept = over(due, lambda slug: request.follow_up(FINISH.name, slug, actor=actor))
    if swept.failed:
        failed = [str(due[slug]) for slug, _ in swept.failed]
        raise WorkError(
            f"the clean-up of {len(failed)} of {len(due)} moves was not asked for: {', '.join(failed)}",
            f"tenantry log {failed[0]} says whose it is, and tenantry move SLUG --finish what is in the way",
        )
    return [slug for slug, _ in swept.done]
