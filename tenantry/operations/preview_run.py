"""What making a tenant would do, asked for like a run and kept with it: for whoever cannot wait for the engine in a request."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import admission, runs
from tenantry.engine import fleet
from tenantry.errors import InputError
from tenantry.operations.engine_step import tenant_of
from tenantry.operations.purpose import Purpose
from tenantry.problems import did_you_mean
from tenantry.work import queue
from tenantry.work.step import ONCE, Kind, Run, Step

NOTE: Final = "preview"
MOST: Final = 500
"""Changes that are kept; a tenant has some thirty resources."""


@dataclass(frozen=True)
class Change:
    """One resource of the tenant that a run of its stack would change."""

    verb: str
    type: str
    name: str


def request(slug: str, *, actor: Actor) -> UUID:
    """Asks for a preview of the tenant's stack; the run's id. It changes nothing, and waits for no other run.

    One that is under way for the same declaration is joined. ``InputError`` for a tenant that no file declares, or whose file is refused.
    """
    admitted = admission.load_together()
    admitted.require(slug)
    if slug not in admitted.declared:
        raise InputError(
            f"no file tenants/{slug}.yaml", did_you_mean(slug, admitted.declared, f"tenantry new {slug}"), code="tenant.unknown"
        )
    tenant, wanted = admitted.declared[slug], Purpose.of(admitted, [slug])[slug]
    arguments = {"stack": tenant.stack}
    # Without a stack of its own it takes turns with no run of the tenant's stack.
    return queue.request(
        runs.Request(PREVIEW.name, slug, tenant.id, None, arguments, actor, declared=wanted.declared, commit=wanted.commit)
    )


def changes(notes: Any) -> tuple[Change, ...] | None:
    """What a preview found, by the notes of its run; None: it is no preview, or not over."""
    found = notes.get(NOTE)
    return None if found is None else tuple(Change(**each) for each in found)


def _preview(run: Run) -> str:
    from tenantry.engine.automation import preview

    admitted = admission.load()
    stack = str(run.arguments["stack"])
    before = fleet.givers(admitted).get(stack, set())
    outcome = preview(stack, admitted, lambda step: run.tell(f"{step.verb} {step.name}"), after=before)
    slugs = {tenant.slug for tenant in admitted.declared.of_stack(stack)} | {run.subject}
    mine = [Change(step.verb, step.type, step.name) for step in outcome.steps if tenant_of(step.name, slugs) == run.subject]
    run.note(NOTE, [asdict(change) for change in mine[:MOST]])
    return f"{len(mine)} resources would change" if mine else "nothing to do"


def _steps(_: Run) -> list[Step]:
    return [Step("preview", _preview, ONCE)]


PREVIEW: Final = Kind("preview", _steps)
