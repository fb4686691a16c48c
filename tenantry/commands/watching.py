"""Durable work as people watch it: its steps as they end, who asked for it before, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tenantry import console
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from tenantry.operations.runs import Asker, RunEntry, StepEntry, TenantLine


def watch(run_ids: Sequence[UUID], *, detach: bool = False, as_json: bool = False, nothing: str = "nothing to do") -> list[RunEntry]:
    """Shows the runs to their end and gives them with their steps. Raises ``WorkError`` with cause and next action when one failed."""
    from tenantry.operations import runs

    over: set[UUID] = set()
    asked_at: dict[UUID, datetime] = {}
    if not run_ids:
        console.say(nothing)
    found = runs.read(run_ids) if detach else watched(run_ids, quiet=as_json, over=over, asked_at=asked_at)
    if as_json:
        console.print_json(found)
    elif detach:
        for run in found:
            console.line(run.id)
    undone = [run for state in ("failed", "cancelled") for run in found if run.state == state]
    if undone:
        raise not_done(undone[0])
    if not as_json and not detach:
        for run in found:
            if run.id in over or run.finished_at is None:
                continue
            took = (run.finished_at - asked_at[run.id]).total_seconds()  # from when this was asked for here
            console.say(f"{run.subject}: {run.kind} {run.state} in {took:.1f} s (run {run.id})")
    return found


def watched(
    run_ids: Sequence[UUID], *, quiet: bool, over: set[UUID] | None = None, asked_at: dict[UUID, datetime] | None = None
) -> list[RunEntry]:
    """The runs, once all of them have ended, each with its steps, which are shown unless it is to be ``quiet``. ``over`` is given the ids
    of those that were done before, ``asked_at`` when each was asked for last."""
    from tenantry.operations import runs

    def meet(run: RunEntry) -> None:
        if asked_at is not None:
            asked_at[run.id] = run.askers[-1].at if run.askers else run.requested_at
        if run.state == "done" and over is not None:
            over.add(run.id)
        if earlier := before(run):
            console.say(earlier)

    def hear(run: RunEntry, asker: Asker) -> None:
        console.say(f"{run.subject}: {asked_again(asker)}")

    try:
        if quiet:
            return runs.until_done(run_ids, lambda run, step: None, console.say)
        return runs.until_done(run_ids, _show, console.say, meet, hear)
    except KeyboardInterrupt:
        not_watched(f"tenantry log {run_ids[0]}")
        raise


def not_done(run: RunEntry) -> WorkError:
    """Why a run that has ended did not do its work, and what to do next."""
    what = f"{run.kind} {run.subject}"
    if run.state == "cancelled":
        return WorkError(f"{what} was cancelled: {run.error}", f"tenantry log {run.subject} shows what came after it", code="run.cancelled")
    return WorkError(f"{what}: {run.error}", f"{run.hint or ''}; then: tenantry resume {run.id}".lstrip("; "), code="run.failed")


def not_watched(shows: str) -> None:
    """Says what becomes of work that is no longer watched; ``shows`` is the command that shows it."""
    console.say(f"no longer watching: {shows} shows how it stands; what is not done is resumed by the next worker (tenantry worker)")


MARKS = {"running": "…", "waiting": "!", "done": "✓", "skipped": "-", "failed": "✗"}


TAKEN_UP = {"joined": "joins the run", "resumed": "resumes the run", "renewed": "restarts, for what is declared now, the run"}


def asked_again(asker: Asker) -> str:
    """Who joined a run or asked for it again, and when."""
    return f"{asker.outcome} by {asker.actor}, {asker.at:%Y-%m-%d %H:%M:%S}"


def before(run: RunEntry) -> str:
    """What had become of a run before it was watched; empty for one that was new."""
    if run.state == "done":
        return f"{run.subject}: nothing to do: {run.kind} was done at {run.finished_at:%Y-%m-%d %H:%M} (run {run.id})"
    told = []
    if run.askers:
        what = TAKEN_UP[run.askers[-1].outcome]
        told.append(f"{what} that {run.requested_by} asked for at {run.requested_at:%Y-%m-%d %H:%M}")
    if done := [f"{step.number} {step.name}" for step in run.steps if step.state in ("done", "skipped")]:
        told.append(f"done so far: {', '.join(done)}")
    return f"{run.subject}: {'; '.join(told)} (run {run.id})" if told else ""


def _show(run: RunEntry, step: StepEntry) -> None:
    text = line(step)
    if step.state == "running":
        if console.is_terminal():
            console.say(f"{run.subject}: {text}")
        return
    console.say(f"{run.subject}: {text}")


def line(step: StepEntry) -> str:
    """A step as one line: number, name, what came of it, how long it took."""
    seconds = f" ({(step.finished_at - step.started_at).total_seconds():.1f} s)" if step.finished_at else ""
    again = f", attempt {step.attempts}" if step.attempts > 1 else ""
    what = step.cause if step.state in ("waiting", "failed") else step.summary
    tail = f": {what}" if what else ""
    waits = ", will be tried again" if step.state == "waiting" else ""
    return f"{MARKS[step.state]} {step.number} {step.name}{tail}{waits}{seconds}{again}"


OUTCOMES = {"made": "made", "found": "made by another run", "beside": "made with it", "pending": "not made"}
"""What became of a tenant in the run of a stack, where the journal's word is not plain."""


def tenant_line(each: TenantLine) -> str:
    """A tenant's line of the run of a stack: what became of it, and why it was pending."""
    said = f"; {each.said}" if each.said else ""
    return f"{each.slug}: {OUTCOMES.get(each.outcome, each.outcome)} ({each.why}){said}"
