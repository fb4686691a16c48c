"""Every stack's state, side by side with what the ledger knows of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tenantry.clients import lineage, stack_runs, stack_state
from tenantry.clients.ledger import Ledger
from tenantry.clients.postgres import Server
from tenantry.declaration import Declarations
from tenantry.errors import WorkError
from tenantry.operations import apply

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
    backend: str
    host: str
    folder: str
    seen_at: datetime | None
    """When a run saw it last."""


def every(declared: Declarations) -> list[Standing]:
    """All stacks that files or the ledger know, in the order in which they need each other."""
    with ThreadPoolExecutor(WIDTH) as pool:
        return list(pool.map(_standing, apply.every_stack(declared)))


def _standing(stack: str) -> Standing:
    with Server.from_environment().connect() as connection:
        book = Ledger.read(connection, stack)
        run = book.run
        problem, hint = "", ""
        try:
            state = stack_state.read(stack)
            lineage.require(connection, book, state)
            if not run.known:
                problem, hint = "never applied", f"tenantry up --stack {stack}"
            elif not run.finished:
                problem, hint = "its last run has not come to its end", f"tenantry up --stack {stack}"
            elif state.pending:
                problem, hint = f"left by a killed run: {', '.join(state.pending)}", f"tenantry up --stack {stack}"
            elif tainted := [each.name for each in state.resources if each.tainted]:
                problem, hint = f"to be replaced: {', '.join(tainted)}", f"pulumi state untaint --stack {stack} takes that back"
        except WorkError as error:
            problem, hint = error.message, error.hint
    where = run.seen or stack_runs.here()
    return Standing(stack, run.lineage, problem, hint, where["backend"], where["host"], where["folder"], run.began_at)
