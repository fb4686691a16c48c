"""A stack made as its files say, as durable work: one run of the engine for all of its tenants, each with its own line in the journal."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import errors

from tenantry import waiting
from tenantry.clients import admission, run_tenants, runs, stack_runs
from tenantry.clients.admission import Admitted
from tenantry.clients.postgres import Server
from tenantry.clients.program import Program
from tenantry.clients.run_tenants import Line
from tenantry.declaration import naming
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import durable, engine_step, provision, welcome
from tenantry.operations.applied import Evidence
from tenantry.operations.purpose import Purpose
from tenantry.operations.steps import Kind, Patience, Run, Step

if TYPE_CHECKING:
    import psycopg

NAME: Final = "apply"
VERDICTS: Final[Mapping[str, run_tenants.Outcome]] = {"unaware": "kept", "older": "refused", "refused": "refused", "deleted": "skipped"}
"""What is said of a tenant of which not all is made that its file says."""

LOOK: Final = 0.2  # seconds between two looks at the run that goes first
BEGINS_WITHIN: Final = 5.0
"""Seconds that a run which goes first may wait for a worker. Then whoever comes after it does its engine's work: there may be no other."""


def request(stack: str, lines: Sequence[Line], *, after: Collection[UUID] = (), by: str, via: str) -> UUID:
    """Asks for the stack to be made, for these tenants; the run's id. ``after``: the runs of other stacks that go first.

    A run of the same declarations that is under way is joined, and one that failed is gone on with. Any other follows in its turn.
    """
    wanted = runs.Request(
        NAME,
        stack,
        # The run of a stack of its own is its tenant's, and goes with it.
        naming.tenant_id(stack) if naming.cell_of_stack(stack) is None else None,
        stack,
        {"after": [str(run_id) for run_id in after]},
        by,
        via,
        _digest(lines),
        next(iter(commits)) if len(commits := {line.commit for line in lines}) == 1 else None,
    )

    def ask(connection: psycopg.Connection[dict[str, Any]]) -> UUID:
        last = connection.execute(
            "SELECT * FROM runs WHERE kind = %s AND stack = %s ORDER BY requested_at DESC LIMIT 1 FOR UPDATE", [NAME, stack]
        ).fetchone()
        if last is not None and last["declared"] == wanted.declared and last["state"] in ("failed", *runs.OPEN):
            return durable.enqueue(connection, runs.reopen(connection, last["id"], by))
        connection.execute(
            "UPDATE runs SET overtaken = true WHERE kind = %s AND stack = %s AND state = ANY(%s) AND NOT overtaken"
            " AND declared IS DISTINCT FROM %s",
            [NAME, stack, list(runs.OPEN), wanted.declared],
        )
        row = runs.request(connection, wanted)
        run_tenants.add(connection, row["id"], lines)
        return durable.enqueue(connection, row)

    try:
        return durable.asked(ask)
    except errors.UniqueViolation:  # somebody has asked at the same time
        return durable.asked(ask)


def _digest(lines: Sequence[Line]) -> str:
    text = "\n".join([str(Program.here()), *sorted(f"{line.slug} {line.declared}" for line in lines)])
    return hashlib.sha256(text.encode()).hexdigest()


def _admitted(run: Run, lines: Sequence[Line]) -> Admitted:
    """The tenants as they are made here. ``OtherFiles`` where one is neither as it was asked for nor newer."""
    admitted = admission.load()
    for line in lines:
        if line.declared is not None and not _as_asked(line, admitted):
            Purpose(line.declared, line.commit).newer(admitted, line.slug)
    return admitted


def _as_asked(line: Line, admitted: Admitted) -> bool:
    same = (
        line.slug in admitted.declared and admitted.fingerprint(line.slug).declaration == Fingerprint.parse(str(line.declared)).declaration
    )
    return same and line.slug not in admitted.verdicts


def _record(run: Run) -> str:
    """Enters the new tenants into the registry before anything is made."""
    lines = run_tenants.of(run.id)
    declared = _admitted(run, lines).declared
    new = [declared[line.slug] for line in lines if line.welcome and line.slug in declared]
    entered = provision.enter(str(run.stack), [tenant for tenant in new if tenant.state == "active"], declared)
    return f"{len(entered)} new: {listed(entered)}" if entered else ""


def _stack(run: Run) -> str:
    """One run of the engine at most: another run of the stack may have made what is declared."""
    stack, lines = str(run.stack), run_tenants.of(run.id)
    for first in run.arguments["after"]:
        _follow(run, UUID(first))
    admitted, evidence = _admitted(run, lines), Evidence.of([stack])
    mine = [line for line in lines if line.slug in admitted.declared]
    outcome: run_tenants.Outcome = "made"
    if lines and not any(why(admitted, evidence, line.slug) for line in mine):
        summary, outcome = "as declared, made by another run of the stack", "found"
    else:
        summary = engine_step.apply(run, stack) or "nothing had to change"
        _require_made(stack, mine, admitted)
    run_tenants.settle(run.id, run.worker, [_settled(line, admitted, outcome) for line in lines])
    return summary


def _require_made(stack: str, lines: Sequence[Line], admitted: Admitted) -> None:
    """``TransientError`` where the engine has made something else: the files changed, or a command was given, after they were looked at."""
    with Server.from_environment().connect() as connection:
        made = stack_runs.applied(connection, stack)

    def is_made(slug: str) -> bool:
        found = made.get(slug)
        if admitted.declared[slug].gone:
            return slug not in made
        return found is not None and Fingerprint.parse(found).declaration == admitted.fingerprint(slug).declaration

    if others := [line.slug for line in lines if not is_made(line.slug)]:
        raise TransientError(
            f"what is declared of {listed(others)} changed while the engine was at work", "nothing to do: it is looked at again"
        )


def _settled(line: Line, admitted: Admitted, outcome: run_tenants.Outcome) -> Line:
    """The line with what was made of the tenant here, and what was not."""
    verdict = admitted.verdicts.get(line.slug)
    made = str(admitted.fingerprint(line.slug)) if line.slug in admitted.declared else line.declared
    if verdict is None:
        return replace(line, outcome=outcome, declared=made)
    return replace(line, outcome=VERDICTS[verdict.kind], declared=made, said=verdict.message)


def why(admitted: Admitted, evidence: Evidence, slug: str) -> str:
    """What is pending of the tenant, in words; empty where it is as declared, or gone where that is declared."""
    if admitted.declared[slug].gone:
        return "state" if slug in evidence.fingerprints else ""
    return ", ".join(evidence.pending(admitted, slug))


def _follow(run: Run, first: UUID) -> None:
    """Waits for the run of another stack that goes first, or does its engine's work where no worker begins it."""
    begun = time.monotonic()
    while (row := _read(first)) is not None and row["state"] in runs.OPEN:
        if row["state"] == "queued" and time.monotonic() - begun > BEGINS_WITHIN:
            engine_step.apply(run, row["stack"])
            return
        with waiting.on(f"the run of the stack {row['stack']}, which goes first"):
            time.sleep(LOOK)
    if row is not None and row["state"] == "failed":
        raise WorkError(f"not begun, because it needs {row['stack']}, which failed: {row['error']}", str(row["hint"] or ""))


def _read(run_id: UUID) -> dict[str, Any] | None:
    try:
        return runs.read(run_id)
    except InputError:  # it was a tenant's who is deleted by now
        return None


def _first_administrators(run: Run) -> str:
    """Issues the invitations of those whom the registry had never known, and queues their welcome sequences."""
    invited, mails = [], []
    for line in run_tenants.of(run.id):
        if line.welcome and not welcome.invited_otherwise(line.tenant) and (queued := welcome.begin(line.tenant)):
            invited.append(line.slug)
            mails += queued
    run.note("mails", [str(mail) for mail in mails])
    return f"invitation issued, welcome sequence queued: {listed(invited)}" if invited else ""


def _closing(run: Run) -> str:
    lines = run_tenants.of(run.id)
    return f"{run.subject} is as declared" + (f", for {listed([line.slug for line in lines])}" if lines else "")


def listed(slugs: Sequence[str]) -> str:
    """The first ten, and how many more."""
    return ", ".join(slugs[:10]) + (f" and {len(slugs) - 10} more" if len(slugs) > 10 else "")


def _steps(_: Run) -> Sequence[Step]:
    return (
        Step("record", _record),
        Step("stack", _stack, Patience(10)),
        Step("first administrators", _first_administrators),
        Step("welcome mail", provision.welcome_mail),
        Step("log", _closing),
    )


APPLY: Final = Kind(NAME, _steps)
