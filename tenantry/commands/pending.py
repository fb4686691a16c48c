"""`tenantry provision --pending`: what a pipeline calls after a merge, and what it says of each tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands.watching import not_done, watched
from tenantry.errors import InputError

if TYPE_CHECKING:
    from tenantry.operations.pending_outcome import PendingOutcome

FEW: Final = 12
"""Tenants with the same to say that have a line each; of more, one line names so many."""


def provision(only: Collection[str] | None, *, detach: bool, as_json: bool) -> None:
    """Makes what is pending, of all tenants or in the stacks of ``only``, and says what became of each.

    Exit 1 when work failed; 2 when a tenant is refused or its file was removed, after the others were made.
    """
    from tenantry.operations import pending, runs
    from tenantry.operations.pending_outcome import outcomes

    found = pending.find()
    asked = pending.request(found, only, actor=Actor.of_environment("pull-request"))
    ended = runs.read(asked.runs) if detach else watched(asked.runs, quiet=as_json)
    said = outcomes(found, asked, ended, only)
    if as_json:
        shown = {"tenants": said, "stacks": dict(found.stacks), "runs": ended}
        console.print_json(shown)
    else:
        _show(said, found.stacks if only is None else {})
        for run in ended if detach else ():
            console.line(run.id)
    undone = [run for run in ended if run.state in ("failed", "cancelled")]
    refused = [each for each in said if each.outcome == "refused"]
    if undone:
        raise not_done(undone[0])
    if refused:
        raise _refused(refused)


def _show(said: Sequence[PendingOutcome], stacks: Mapping[str, str]) -> None:
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


def _refused(refused: Sequence[PendingOutcome]) -> InputError:
    names = ", ".join(each.slug for each in refused[:FEW]) + (f" and {len(refused) - FEW} more" if len(refused) > FEW else "")
    return InputError(f"refused: {names}; all else that was pending is made", refused[0].hint, code="declaration.refused")
