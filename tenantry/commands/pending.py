"""`tenantry provision --pending`: what a pipeline calls after a merge, and what it says of each tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry import console
from tenantry.commands.watching import not_done, person, watched
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.control.run_tenants import Line
    from tenantry.operations.pending import Asked, Found, Standing

FEW: Final = 12
"""Tenants with the same to say that have a line each; of more, one line names so many."""


@dataclass(frozen=True)
class Said:
    """What became of a tenant. ``outcome``: ``applied`` (it was before), ``made``, ``asked`` (nobody watches), the state that it was
    brought to, ``kept``, ``skipped``, ``refused``, ``failed``, or ``pending`` where it was not asked for."""

    slug: str
    stack: str
    outcome: str
    why: str
    run: UUID | None = None
    hint: str = ""


def provision(only: Collection[str] | None, *, detach: bool, as_json: bool) -> None:
    """Makes what is pending, of all tenants or in the stacks of ``only``, and says what became of each.

    Exit 1 when work failed; 2 when a tenant is refused or its file was removed, after the others were made.
    """
    from tenantry.control import runs
    from tenantry.operations import pending

    found = pending.find()
    asked = pending.request(found, only, by=person())
    ended = [runs.read(run_id) for run_id in asked.runs] if detach else watched(asked.runs, quiet=as_json)
    said = _said(found, asked, {run["id"]: run for run in ended}, only)
    if as_json:
        console.print_json({"tenants": [vars(each) for each in said], "stacks": dict(found.stacks), "runs": ended})
    else:
        _show(said, found.stacks if only is None else {})
        for run in ended if detach else ():
            console.line(run["id"])
    undone = [run for run in ended if run["state"] in ("failed", "cancelled")]
    refused = [each for each in said if each.outcome == "refused"]
    if undone:
        raise not_done(undone[0])
    if refused:
        raise _refused(refused)


def _said(found: Found, asked: Asked, runs: Mapping[UUID, Mapping[str, Any]], only: Collection[str] | None) -> list[Said]:
    from tenantry.control import run_tenants
    from tenantry.operations.apply_run import VERDICTS

    lines = {(run_id, line.slug): line for run_id in runs for line in run_tenants.of(run_id)}
    said = []
    for slug, standing in found.tenants.items():
        run_id, verdict = asked.of.get(slug), standing.verdict
        if slug in asked.refused:
            error = asked.refused[slug]
            said.append(Said(slug, standing.stack, "refused", error.message, hint=error.hint))
        elif run_id is not None and (verdict is None or runs[run_id]["state"] != "done"):
            said.append(_made(standing, runs[run_id], lines.get((run_id, slug)), found.admitted.declared[slug].state))
        elif verdict is not None and (only is None or slug in only):
            said.append(Said(slug, standing.stack, VERDICTS[verdict.kind], verdict.message, run_id, verdict.hint))
        elif verdict is None:
            said.append(Said(slug, standing.stack, "pending" if standing.why else "applied", standing.why))
    return said


def _made(standing: Standing, run: Mapping[str, Any], line: Line | None, state: str) -> Said:
    """What the tenant's run came to. Its worker may have known by then of a command that was given meanwhile: the line says so."""
    if run["state"] == "done" and line is not None and line.said:
        return Said(standing.slug, standing.stack, line.outcome, line.said, run["id"])
    made = state if standing.change else "made"
    outcome = {"done": made, "failed": "failed", "cancelled": "failed"}.get(run["state"], "asked")
    return Said(standing.slug, standing.stack, outcome, run["error"] or standing.why, run["id"], run["hint"] or "")


def _show(said: Sequence[Said], stacks: Mapping[str, str]) -> None:
    """A line for each tenant that was not as declared before; of many with the same to say, one."""
    applied = [each for each in said if each.outcome == "applied"]
    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in said:
        if each.outcome not in ("applied", "pending"):
            alike.setdefault((each.outcome, each.why, each.hint), []).append(each.slug)
    for (outcome, why, hint), slugs in alike.items():
        many = len(slugs) > FEW
        for who in [f"{', '.join(slugs[:FEW])} and {len(slugs) - FEW} more"] if many else slugs:
            console.line(f"{who}: {outcome}: {why}")
        if hint and outcome in ("kept", "skipped", "refused"):
            console.line(f"  {hint}")
    for stack, why in stacks.items():
        console.line(f"stack {stack}: {why}")
    if not alike and not stacks:
        console.line(f"nothing is pending: {len(applied)} tenants, all as declared")
    elif applied:
        console.line(f"{len(applied)} more are as declared")


def _refused(refused: Sequence[Said]) -> InputError:
    names = ", ".join(each.slug for each in refused[:FEW]) + (f" and {len(refused) - FEW} more" if len(refused) > FEW else "")
    return InputError(f"refused: {names}; all else that was pending is made", refused[0].hint, code="declaration.refused")
