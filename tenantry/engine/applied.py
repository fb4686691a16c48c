"""Who is applied: of which tenants it is known that the engine has carried out every change of theirs, removals included.

A program cannot know it. It does not see which of its resources the engine was told to leave out, and what is removed is removed after its
end. So the gate notes that a run began and for which declarations; `tenantry up`, which runs all of a stack and sees how that ends, writes
what came of it; and after a run that someone else started the backend's history says so, to whoever asks first. What neither explains (a
killed run, one at work, a history that was cut) is not known, and then a tenant is not called applied. docs/adr/0027-applied-is-evidence.md
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import psycopg

from tenantry.backend import stack_history, stack_state
from tenantry.backend.stack_history import SECOND, Entry
from tenantry.backend.stack_state import State
from tenantry.control import ledger, stack_runs
from tenantry.control.admitted import Admitted
from tenantry.control.stack_runs import StackRun
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.errors import WorkError
from tenantry.postgres.server import Server

FEW: Final = 5
"""Of more, only the number is said."""

WIDTH: Final = 8
"""States that are read at the same time: a distant backend takes half a second for each."""


@dataclass(frozen=True)
class Evidence:
    """What was applied of the tenants of some stacks: slug → fingerprint of the declaration; None: not known."""

    fingerprints: Mapping[str, str | None]

    @classmethod
    def of(cls, stacks: Collection[str]) -> Evidence:
        """Looks at the states, and at the history of those that moved on since. ``WorkError`` where one cannot be read."""
        names = sorted(set(stacks))
        with ThreadPoolExecutor(WIDTH) as pool:
            found = list(pool.map(_settled, names))
        return cls({slug: applied for each in found for slug, applied in each.items()})

    def pending(self, admitted: Admitted, slug: str) -> tuple[str, ...]:
        """Why the tenant is not what a run would make of it now, in words: ``new``, ``unknown`` (what became of the last run is not
        known), or where it differs (``Fingerprint.differs``). Nothing for one that is as it shall be."""
        if slug not in self.fingerprints:
            return ("new",)
        known = self.fingerprints[slug]
        return ("unknown",) if known is None else Fingerprint.parse(known).differs(admitted.fingerprint(slug))

    def made(self, slug: str) -> bool:
        """Whether a run is known to have made all of the tenant, as it is declared now or as it was declared before."""
        return self.fingerprints.get(slug) is not None

    def applied(self, admitted: Admitted, slug: str) -> bool:
        """Whether the tenant is as its file declares it now, and as the commands want it that the file knows nothing of."""
        verdict = admitted.verdicts.get(slug)
        return not (verdict is not None and verdict.kind != "unaware") and not self.pending(admitted, slug)


@dataclass(frozen=True)
class Waiting:
    """The tenants for whom the next run has something to do: slug → the stack that does it."""

    doubtful: Mapping[str, str]
    """Of them it is not known whether they are as declared."""
    pending: Mapping[str, str]
    """They are known not to be."""
    reasons: Mapping[str, tuple[str, ...]]
    """Slug → why, see ``Evidence.pending``."""

    @classmethod
    def among(cls, admitted: Admitted) -> Waiting:
        """Those of all that are to be there."""
        present = [tenant for tenant in admitted.declared.values() if not tenant.gone]
        known = admitted.book.tenants
        evidence = Evidence.of({tenant.stack for tenant in known.values()})
        reasons = {tenant.slug: why for tenant in present if (why := evidence.pending(admitted, tenant.slug))}
        doubtful = {slug: known[slug].stack for slug, why in reasons.items() if why == ("unknown",)}
        pending = {slug: admitted.declared[slug].stack for slug in reasons if slug not in doubtful}
        return cls(doubtful, pending, reasons)

    def command(self, *others: str) -> str:
        """The one command after which nobody waits; ``others``: stacks that wait for a run for another reason."""
        stacks = {*self.doubtful.values(), *self.pending.values(), *others}
        return f"tenantry up --stack {next(iter(stacks))}" if len(stacks) == 1 else "tenantry up --all"


def standing(admitted: Admitted) -> str:
    """In words, how many of the tenants are as declared, and who is not yet. ``WorkError`` for those of whom it is not known."""
    waiting = Waiting.among(admitted)
    pending = [f"{slug} ({', '.join(waiting.reasons[slug])})" for slug in waiting.pending]
    left = [verdict.message for verdict in admitted.verdicts.values() if verdict.kind != "deleted"]
    to_come = f"; to be applied: {_listed(pending)}" if pending else ""
    to_come += f"; not made as the files say: {'; '.join(left[:FEW])}" if left else ""
    if waiting.doubtful:
        raise WorkError(
            f"not known whether as declared, since a run left something out, failed or was killed: {_listed(waiting.doubtful)}{to_come}",
            waiting.command(),
        )
    present = sum(not tenant.gone for tenant in admitted.declared.values())
    if not pending:
        return f"{present} tenants, all as declared{to_come}"
    return f"{present - len(pending)} of {present} tenants are as declared{to_come}: tenantry provision --pending"


def _listed(slugs: Collection[str]) -> str:
    return ", ".join(sorted(slugs)[:FEW]) + (f" and {len(slugs) - FEW} more" if len(slugs) > FEW else "")


def record(stack: str, token: str) -> None:
    """Writes down that a whole run of the stack, which the caller started with ``token`` and has seen end well, has carried out all that
    its program declared. Nothing when another has begun since."""
    state = stack_state.read(stack)
    with Server.from_environment().kept() as connection:
        began_at = stack_runs.begun_by(connection, stack, token)
        if began_at is not None and stack_runs.at_work(connection, stack, began_at):
            _all(connection, stack, state)


def _settled(stack: str) -> dict[str, str | None]:
    state = stack_state.read(stack)
    with Server.from_environment().kept() as connection:
        connection.autocommit = True  # a program that begins meanwhile is not to wait for the backend's answer
        run = ledger.last_run(connection, stack)
        if not run.known:
            return {}
        unsettled = run.settled_at is None or run.settled_at != state.saved_at
        if unsettled and not _settle(connection, stack, run, state):
            return dict.fromkeys(stack_runs.applied(connection, stack))
        return stack_runs.applied(connection, stack)


def _settle(connection: psycopg.Connection, stack: str, run: StackRun, state: State) -> bool:
    """Whether the history explains how the state came to be what it is; then it is written down what that means for the tenants."""
    if run.began_at is None or state.saved_at is None or state.lineage != run.lineage:
        return False
    entries = stack_history.read(stack)
    if not entries or state.saved_at >= entries[0].end + SECOND:
        return False  # someone is at work, or was killed at it
    if run.settled_at is not None:
        known = run.settled_at.replace(microsecond=0)
        # The run that was settled may have begun in the same second.
        own, since = None, [entry for entry in entries if entry.start >= known and not entry.whole]
    else:
        position = next((number for number, entry in enumerate(entries) if entry.spans(run.began_at)), None)
        if position is None:
            return False
        own, since = entries[position], entries[:position]
    with connection.transaction():
        if not stack_runs.at_work(connection, stack, run.began_at):
            return False
        _conclude(connection, stack, state, own, all(entry.harmless for entry in since))
    return True


def _conclude(connection: psycopg.Connection, stack: str, state: State, own: Entry | None, untouched: bool) -> None:
    """``own`` is the last run whose program passed the gate; None: what came of it was known. ``untouched``: nothing changed since."""
    if untouched and own is not None and own.whole:
        _all(connection, stack, state)
        return
    if not untouched or (own is not None and not own.takes_nothing_back):
        stack_runs.doubt(connection, stack)
    elif own is not None:
        stack_runs.keep(connection, stack)
    stack_runs.settle(connection, stack, state, whole=False)


def _all(connection: psycopg.Connection, stack: str, state: State) -> None:
    stack_runs.settle(connection, stack, state, whole=True)
    ledger.let_go(connection, stack)
