"""What became of each tenant when what was pending was made: what the files say, what was asked for, and what the runs came to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from tenantry.control import run_tenants
from tenantry.control.run_tenants import Line
from tenantry.operations.apply_run import VERDICTS
from tenantry.operations.pending import Asked, Found, Standing
from tenantry.operations.runs import RunEntry


@dataclass(frozen=True)
class PendingOutcome:
    """What became of a tenant."""

    slug: str
    stack: str
    outcome: str
    """``applied`` (it was before), ``made``, ``asked`` (nobody watches), the state that it was brought to, ``kept``, ``skipped``,
    ``refused``, ``failed``, or ``pending`` where it was not asked for."""
    why: str
    run: UUID | None = None
    hint: str = ""


def outcomes(found: Found, asked: Asked, runs: Sequence[RunEntry], only: Collection[str] | None = None) -> tuple[PendingOutcome, ...]:
    """What became of each tenant in ``runs``, those that were ``asked`` for: of all tenants, or of ``only`` these."""
    by_id = {run.id: run for run in runs}
    lines = {(run_id, line.slug): line for run_id in by_id for line in run_tenants.of(run_id)}
    said = []
    for slug, standing in found.tenants.items():
        run_id, verdict = asked.of.get(slug), standing.verdict
        if slug in asked.refused:
            error = asked.refused[slug]
            said.append(PendingOutcome(slug, standing.stack, "refused", error.message, hint=error.hint))
        elif run_id is not None and (verdict is None or by_id[run_id].state != "done"):
            said.append(_made(standing, by_id[run_id], lines.get((run_id, slug)), found.admitted.declared[slug].state))
        elif verdict is not None and (only is None or slug in only):
            said.append(PendingOutcome(slug, standing.stack, VERDICTS[verdict.kind], verdict.message, run_id, verdict.hint))
        elif verdict is None:
            said.append(PendingOutcome(slug, standing.stack, "pending" if standing.why else "applied", standing.why))
    return tuple(said)


def _made(standing: Standing, run: RunEntry, line: Line | None, state: str) -> PendingOutcome:
    """What the tenant's run came to. Its worker may have known by then of a command that was given meanwhile: the line says so."""
    if run.state == "done" and line is not None and line.said:
        return PendingOutcome(standing.slug, standing.stack, line.outcome, line.said, run.id)
    made = state if standing.change else "made"
    outcome = {"done": made, "failed": "failed", "cancelled": "failed"}.get(run.state, "asked")
    return PendingOutcome(standing.slug, standing.stack, outcome, run.error or standing.why, run.id, run.hint or "")
