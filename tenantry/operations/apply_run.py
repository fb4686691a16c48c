"""A stack made as its files say, as durable work: one run of the engine for all of its tenants, each with its own line in the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import errors

from tenantry import naming, waiting
from tenantry.actor import Actor
from tenantry.control import admission, ledger, run_tenants, runs
from tenantry.control.admitted import Admitted
from tenantry.control.run_tenants import Line
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.engine import stack_lock
from tenantry.engine.applied import Evidence
from tenantry.errors import InputError, WorkError
from tenantry.operations import engine_step, provision, welcome
from tenantry.operations.purpose import Purpose
from tenantry.postgres.server import Server
from tenantry.program import Program
from tenantry.work import queue
from tenantry.work.step import Kind, Patience, Run, Step

if TYPE_CHECKING:
    import psycopg

NAME: Final = "apply"
FOUND: Final = "as declared, made by another run"
VERDICTS: Final[Mapping[str, run_tenants.Outcome]] = {"unaware": "kept", "older": "refused", "refused": "refused", "deleted": "skipped"}
"""What is said of a tenant of which not all is made that its file says."""


def request(stack: str, lines: Sequence[Line], *, after: Collection[UUID] = (), actor: Actor) -> UUID:
    """Asks for the stack to be made, for these tenants; the run's id. ``after``: the runs of other stacks that go first.

    A run of the same declarations that is under way is joined, and one that failed is resumed. Any other follows in its turn.
    """
    wanted = runs.Request(
        NAME,
        stack,
        # The run of a stack of its own is its tenant's, and goes with it.
        naming.tenant_id(stack) if naming.cell_of_stack(stack) is None else None,
        stack,
        {"after": [str(run_id) for run_id in after]},
        actor,
        _digest(lines),
        next(iter(commits)) if len(commits := {line.commit for line in lines}) == 1 else None,
    )

    def ask(connection: psycopg.Connection[dict[str, Any]]) -> UUID:
        last = connection.execute(
            "SELECT * FROM runs WHERE kind = %s AND stack = %s ORDER BY requested_at DESC LIMIT 1 FOR UPDATE", [NAME, stack]
        ).fetchone()
        if last is not None and last["declared"] == wanted.declared and last["state"] in ("failed", *runs.OPEN):
            return queue.enqueue(connection, runs.reopen(connection, last["id"], actor))
        connection.execute(
            "UPDATE runs SET overtaken = true WHERE kind = %s AND stack = %s AND state = ANY(%s) AND NOT overtaken"
            " AND declared IS DISTINCT FROM %s",
            [NAME, stack, list(runs.OPEN), wanted.declared],
        )
        row = runs.request(connection, wanted)
        run_tenants.add(connection, row["id"], lines)
        return queue.enqueue(connection, row)

    try:
        return queue.asked(ask)
    except errors.UniqueViolation:  # someone has asked at the same time
        return queue.asked(ask)


def _digest(lines: Sequence[Line]) -> str:
    text = "\n".join([str(Program.here()), *sorted(f"{line.slug} {line.declared}" for line in lines)])
    return hashlib.sha256(text.encode()).hexdigest()


def _admitted(lines: Sequence[Line]) -> tuple[Admitted, dict[str, str]]:
    """The tenants as they are made here, and in words of whom newer files are made than were asked for. ``OtherFiles`` where one is
    neither as it was asked for nor newer."""
    admitted, newer = admission.load(), {}
    for line in lines:
        if line.declared is not None and not _as_asked(line, admitted):
            newer[line.slug] = Purpose(line.declared, line.commit).newer(admitted, line.slug)
    return admitted, newer


def _as_asked(line: Line, admitted: Admitted) -> bool:
    same = (
        line.slug in admitted.declared and admitted.fingerprint(line.slug).declaration == Fingerprint.parse(str(line.declared)).declaration
    )
    return same and line.slug not in admitted.verdicts


def _lines(run_id: UUID) -> list[Line]:
    """What the run is for. A tenant that came into being beside those is not."""
    return [line for line in run_tenants.of(run_id) if line.outcome != "beside"]


def _record(run: Run) -> str:
    """Enters the new tenants into the registry before anything is made."""
    lines = [line for line in _lines(run.id) if line.welcome]
    if not lines:
        return ""
    admitted = _admitted(lines)[0]
    new = [admitted.declared[line.slug] for line in lines if line.slug in admitted.declared]
    entered = provision.enter(str(run.stack), [tenant for tenant in new if tenant.state == "active"], admitted)
    return f"{len(entered)} new: {engine_step.listed(entered)}" if entered else ""


def _stack(run: Run) -> str:
    for first in run.arguments["after"]:
        _go_first(run, UUID(first))
    lines = _lines(run.id)
    changes, admitted, newer = _make(run, str(run.stack), lines)
    outcome: run_tenants.Outcome = "found" if changes is None else "made"
    run_tenants.settle(run.id, run.worker, [_settled(line, admitted, outcome, newer.get(line.slug)) for line in lines])
    return FOUND if changes is None else changes or "nothing had to change"


def _make(run: Run, stack: str, lines: Sequence[Line]) -> tuple[str | None, Admitted, dict[str, str]]:
    """One run of the engine at most: what changed, in words; None where another run of the stack has made what is declared. And what was
    made here, see ``_admitted``."""
    while True:
        # Whoever is at it may be making the same.
        with waiting.on(f"the run that is at work on the stack {stack}"):
            stack_lock.wait(stack)
        (admitted, newer), evidence = _admitted(lines), Evidence.of([stack])
        mine = [line for line in lines if line.slug in admitted.declared]
        if not any(why(admitted, evidence, line.slug) for line in mine) and not stack_why(stack):
            return None, admitted, newer
        try:
            changes = engine_step.make(run, stack, admitted)
        except stack_lock.Busy:
            continue
        engine_step.require_made(stack, [line.slug for line in mine], admitted)
        return changes, admitted, newer


def _go_first(run: Run, first: UUID) -> None:
    """Makes the stack of a run that goes first, whoever is at it: a run that waited for it would keep a worker from beginning it."""
    try:
        row = runs.read(first)
    except InputError:  # it was a tenant's who is deleted by now
        return
    if row["state"] in runs.OPEN:
        run.tell(f"stack {row['stack']} goes first")
        _make(run, row["stack"], _lines(first))
    elif row["state"] == "failed":
        raise WorkError(
            f"not begun, because it needs {row['stack']}, which failed: {row['error']}", str(row["hint"] or ""), code="engine.failed"
        )


def _settled(line: Line, admitted: Admitted, outcome: run_tenants.Outcome, newer: str | None) -> Line:
    """The line with what was made of the tenant here, and what was not."""
    verdict = admitted.verdicts.get(line.slug)
    made = str(admitted.fingerprint(line.slug)) if line.slug in admitted.declared else line.declared
    if verdict is None:
        return replace(line, outcome=outcome, declared=made, said=newer or None)
    return replace(line, outcome=VERDICTS[verdict.kind], declared=made, said=verdict.message)


def why(admitted: Admitted, evidence: Evidence, slug: str) -> str:
    """What is pending of the tenant, in words; empty where it is as declared, or gone where that is declared."""
    if admitted.declared[slug].gone:
        return "state" if slug in evidence.fingerprints else ""
    return ", ".join(evidence.pending(admitted, slug))


def stack_why(stack: str) -> str:
    """Why the stack itself is not known to be as this program makes it; empty where it is."""
    with Server.from_environment().kept() as connection:
        run = ledger.last_run(connection, stack)
    if not run.known:
        return "new"
    return ", ".join(Program.here().differs(run.program)) if run.finished else "unknown"


def _first_administrators(run: Run) -> str:
    """Issues the invitations of those whom the registry had never known, and queues their welcome sequences."""
    invited, mails = [], []
    for line in _lines(run.id):
        if line.welcome and not welcome.invited_otherwise(line.tenant) and (queued := welcome.begin(line.tenant)):
            invited.append(line.slug)
            mails += queued
    run.note("mails", [str(mail) for mail in mails])
    return f"invitation issued, welcome sequence queued: {engine_step.listed(invited)}" if invited else ""


def _closing(run: Run) -> str:
    lines = _lines(run.id)
    return f"{run.subject} is as declared" + (f", for {engine_step.listed([line.slug for line in lines])}" if lines else "")


def _steps(_: Run) -> Sequence[Step]:
    return (
        Step("record", _record),
        Step("stack", _stack, Patience(10)),
        Step("first administrators", _first_administrators),
        Step("welcome mail", provision.welcome_mail),
        Step("log", _closing),
    )


APPLY: Final = Kind(NAME, _steps)
