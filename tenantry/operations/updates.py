"""Runs of the engine over several stacks, as `preview` and `up` ask for them: outside the queue, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tenantry.control import admission, unmade
from tenantry.control.admitted import Admitted, Verdict
from tenantry.declaration import Declarations
from tenantry.engine import automation, fleet
from tenantry.engine.fleet import Result
from tenantry.engine.outcome import Outcome
from tenantry.engine.progress import Step
from tenantry.errors import InputError
from tenantry.operations import table_check
from tenantry.stores import program_door


@dataclass(frozen=True)
class Chosen:
    """The stacks that are run, and the tenants as the runs make them."""

    stacks: tuple[str, ...]
    admitted: Admitted

    @property
    def declared(self) -> Declarations:
        """The tenants of all stacks."""
        return self.admitted.declared

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What these stacks do not make as their files say."""
        return tuple(verdict for slug, verdict in self.admitted.verdicts.items() if self._home(slug) in (None, *self.stacks))

    def _home(self, slug: str) -> str | None:
        tenant, known = self.declared.get(slug), self.admitted.book.tenants
        return tenant.stack if tenant else known[slug].stack if slug in known else None


def choose(slug: str | None = None, stack: str | None = None, *, every: bool = False, accept_older: bool = False) -> Chosen:
    """The stack of a tenant, a named one, or ``every`` one: exactly one of the three.

    ``accept_older``: older files win over newer ones that were applied. ``InputError`` for what is unknown, and for a tenant of whose file
    nothing would be made.
    """
    if (slug is not None) + (stack is not None) + every != 1:
        raise InputError("say which: one SLUG, --stack NAME, or --all", "for example: tenantry up acme")
    if accept_older:
        os.environ[admission.ACCEPT_OLDER] = "1"  # for the program, too
    program_door.enter()  # once for all of the stacks, each of which asks for its own tables
    admitted = admission.load()
    if slug is not None and (verdict := admitted.verdicts.get(slug)) and verdict.kind != "unaware":
        admitted.require(slug)
    return Chosen(tuple(fleet.stacks_of(admitted, slug=slug, stack=stack)), admitted)


def preview(chosen: Chosen, *, refresh: bool = False, parallel: int | None = None) -> list[Result]:
    """What ``up`` would do with each stack; nothing is changed. ``refresh``: what is really there is looked at first."""
    declared, stacks = chosen.declared, chosen.stacks
    before = fleet.givers(chosen.admitted)

    def work(name: str) -> Outcome:
        return automation.preview(name, chosen.admitted, lambda step: None, refresh=refresh, after=before.get(name, set()) & set(stacks))

    return fleet.over(stacks, work, declared, parallel=parallel, before=before)


def up(chosen: Chosen, report: Callable[[Step], None], *, refresh: bool = False, parallel: int | None = None) -> list[Result]:
    """Makes each stack what its tenants' files say; ``report`` hears every step."""
    admitted = chosen.admitted
    table_check.require_for_up()

    def work(name: str) -> Outcome:
        return automation.up(name, admitted, report, refresh=refresh)

    return fleet.over(chosen.stacks, work, admitted.declared, parallel=parallel, before=fleet.givers(admitted))


def let_go(outcome: Outcome) -> tuple[str, ...]:
    """What a run says of each tenant that it has let go, because it was never made."""
    return tuple(unmade.said(slug) for slug in sorted(outcome.let_go))
