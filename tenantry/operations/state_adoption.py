"""Adopting a stack whose state is lost, or older than what is there: the state is made anew of ledger, database and cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from tenantry.backend import stack_state
from tenantry.control import admission, ledger, lineage, passwords, registry, stack_runs
from tenantry.control.ledger import KnownTenant, Ledger
from tenantry.control.passwords import Choice
from tenantry.declaration.placement import Location, Place
from tenantry.engine import automation, fleet, stack_lock
from tenantry.engine.outcome import Outcome
from tenantry.engine.progress import Step
from tenantry.errors import WorkError
from tenantry.postgres.server import Server


@dataclass(frozen=True)
class Adopted:
    """What a stack's adoption came to."""

    outcome: Outcome
    unknown: tuple[str, ...]
    """Login roles that go on with a password which the platform does not know."""


def adopt(stack: str, report: Callable[[Step], None], *, lost: Choice) -> Adopted:
    """Makes the present state, an empty one as well, the stack's, and brings into it whatever is there; nothing is made twice.

    Every log-in goes on: where its password was in the lost state alone, ``keep`` leaves it as it is, and ``renew`` makes another.
    Run again it goes on, as after a failure, and with ``renew`` it makes the passwords that nobody knows. ``InputError`` for an unknown
    stack.
    """
    admitted = admission.load()
    fleet.stacks_of(admitted, slug=None, stack=stack)
    state = stack_state.read(stack)
    with stack_lock.held(stack), Server.from_environment().kept() as connection:
        connection.autocommit = True
        lineage.refuse_renamed(Ledger.read(connection, stack), state)
        ledger.restore(connection, _registered(stack))
        stack_runs.adopt(connection, stack, state)
    outcome = automation.up(stack, admitted, report, refresh=True, variables={passwords.VARIABLE: lost})
    return Adopted(outcome, stack_state.read(stack).unknown_logins())


def _registered(stack: str) -> list[KnownTenant]:
    """The stack's tenants as the registry has them; none where there is no registry."""
    try:
        rows = [row for row in registry.tenants() if row["stack"] == stack and row["deleted_at"] is None]
    except (WorkError, psycopg.errors.UndefinedTable):
        return []
    return [KnownTenant(row["slug"], stack, row["isolation"], row["cell"], row["state"], turn=_turn(row)) for row in rows]


def _turn(row: Mapping[str, Any]) -> int:
    """The turn that the tenant's places are at, which is in its log-in's name; of a tenant without a log-in of its own it says nothing."""
    places = (Place(row["isolation"], row["cell"], turn) for turn in (0, 1))
    return next((place.turn for place in places if Location.of(row["slug"], place).app_role == row["app_role"]), 0)
