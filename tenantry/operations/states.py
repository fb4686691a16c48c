"""Every stack's state, side by side with what the ledger knows of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tenantry.backend import replacement, stack_state
from tenantry.backend.stack_state import State
from tenantry.control import admission, engines, lineage, stack_runs
from tenantry.control.admitted import Admitted
from tenantry.control.engines import Lock
from tenantry.control.ledger import Ledger
from tenantry.control.stack_runs import StackRun
from tenantry.engine import fleet
from tenantry.errors import WorkError
from tenantry.postgres.server import Server

WIDTH: Final = 8
"""States that are read at the same time: a distant backend takes half a second for each."""


@dataclass(frozen=True)
class Standing:
    """How a stack's state stands to the ledger."""

    stack: str
    lineage: str | None
    problem: str
    """Why the state would be refused, or what is unsettled in it; empty where all is well."""
    hint: str
    refused: bool
    """Whether the next run would be refused for it, or would do more than the files say."""
    backend: str
    host: str
    folder: str
    seen_at: datetime | None
    """When a run saw it last."""


def every(admitted: Admitted | None = None) -> list[Standing]:
    """All stacks that files (``admitted``, or as they are now) or the ledger know, in the order in which they need each other."""
    admitted = admission.load() if admitted is None else admitted
    with ThreadPoolExecutor(WIDTH) as pool:
        return list(pool.map(_standing, fleet.every_stack(admitted)))


def _standing(stack: str) -> Standing:
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, stack)
        run, refused = book.run, True
        try:
            state = stack_state.read(stack)
            lineage.require(connection, book, state)
            lineage.require_passwords(connection, book, state, lineage.logins(stack, lineage.known_places(book)))
            problem, hint = _in_the_way(stack, state, engines.left_behind(connection, stack))
            refused = bool(problem)
            if not refused:
                problem, hint = _unsettled(stack, run, state)
        except WorkError as error:
            problem, hint = error.message, error.hint
    where = run.seen or stack_runs.here()
    return Standing(stack, run.lineage, problem, hint, refused, where["backend"], where["host"], where["folder"], run.began_at)


def _in_the_way(stack: str, state: State, lock: Lock | None) -> tuple[str, str]:
    """What the next run would be refused for, and the command that ends it; empty where there is nothing."""
    if lock:
        return (
            f"a pulumi run holds the stack {stack} (process {lock.pid} of {lock.user}), and there is no such process here",
            f"once you are sure that it is no more, in another container either: pulumi cancel --stack {stack} --yes",
        )
    if tainted := replacement.refused(state):
        return f"marked for replacement: {', '.join(each.name for each in tainted)}", replacement.taking_back(stack, tainted)
    return "", ""


def _unsettled(stack: str, run: StackRun, state: State) -> tuple[str, str]:
    """What the next run settles."""
    if not run.known:
        return "never applied", f"tenantry up --stack {stack}"
    if not run.finished:
        return "its last run has not come to its end", f"tenantry up --stack {stack}"
    if state.pending:
        return f"left by a killed run: {', '.join(state.pending)}", f"tenantry up --stack {stack}"
    return "", ""
