"""The journal of durable work as people and programs see it: runs with their steps, who asked for them, and what became of each tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import run_pages, run_tenants, runs
from tenantry.control.run_tenants import Line
from tenantry.control.tenant_pages import Sight
from tenantry.errors import InputError, TenantryError
from tenantry.operations import tenants
from tenantry.problems import ALIKE, did_you_mean
from tenantry.stores.tenant_store import TenantStore
from tenantry.work import follow, queue

TenantLine = Line
"""One tenant in the run of its stack: why it was pending, and what became of it."""

KNOWN: Final = 200
"""Runs, the newest, among which one that is not there is looked for."""
SHORTEST: Final = 4
"""Characters of an id that are worth a guess."""


@dataclass(frozen=True)
class StepEntry:
    """One step of a run."""

    run_id: UUID
    number: int
    name: str
    attempts: int
    state: str
    """``running``, ``waiting``, ``done``, ``skipped`` or ``failed``."""
    started_at: datetime
    """Of the last attempt."""
    finished_at: datetime | None
    summary: str | None
    """What was done, or what is waited for."""
    cause: str | None
    """Why the last attempt failed."""
    hint: str | None


@dataclass(frozen=True)
class Asker:
    """Who joined a run or asked for it again. ``outcome``: ``joined``, ``resumed`` or ``renewed``."""

    at: datetime
    actor: str
    outcome: str


@dataclass(frozen=True)
class RunEntry:
    """One run with its steps in order."""

    id: UUID
    kind: str
    tenant_id: UUID | None
    subject: str
    """The slug, or what a run of the whole fleet is about."""
    stack: str | None
    arguments: Mapping[str, Any]
    notes: Mapping[str, Any]
    """What its steps left for later ones."""
    requested_by: str
    via: str
    requested_at: datetime
    state: str
    """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
    resumed: int
    worker: str | None
    progress: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    hint: str | None
    """What to do next, where it failed."""
    declared: str | None
    """The fingerprint of the declaration that it is for."""
    commit: str | None
    overtaken: bool
    returned_since: datetime | None
    """Workers give it back since then: none of them has its files."""
    steps: tuple[StepEntry, ...]
    askers: tuple[Asker, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RunEntry:
        """A run as ``tenantry.control.runs.read`` gives it."""
        return cls(**_fields(row))


@dataclass(frozen=True)
class LoggedRun(RunEntry):
    """The same with what became of its tenants; empty where the newest runs of all tenants are looked at."""

    tenants: tuple[TenantLine, ...]


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    steps, askers = tuple(StepEntry(**step) for step in row["steps"]), tuple(Asker(**asker) for asker in row["askers"])
    return {**row, "steps": steps, "askers": askers}


def read(run_ids: Sequence[UUID]) -> list[RunEntry]:
    """The runs as they are now. ``InputError`` when there is none of an id."""
    return [RunEntry.of(runs.read(run_id)) for run_id in run_ids]


def seen(run_id: UUID, sight: Sight, name: str) -> RunEntry:
    """The run, where its tenant is in ``sight``, or where it has none (any more, or yet) and ``name`` asked for it by the service.

    ``InputError`` otherwise, in which the words and the queries are the same for one of somebody else and for one that there is not.
    """
    whose = run_pages.standing(run_id, sight.labels)
    if whose is None or not (_carried(whose, sight) or (whose.carries is None and (whose.requested_by, whose.via) == (name, "service"))):
        raise InputError("there is no such run", "GET /v1/runs lists those that this key sees", code="run.unknown")
    return RunEntry.of(runs.read(run_id))


def _carried(whose: run_pages.Standing, sight: Sight) -> bool:
    if sight.everything:
        return True
    if sight.slug not in (None, whose.subject):
        return False
    if whose.carries is None:
        declared = tenants.declared_labels(whose.subject)
        return declared is not None and sight.sees(whose.subject, declared)
    return whose.carries


def logged(run_id: UUID) -> LoggedRun:
    """One run. ``InputError`` when there is none of that id."""
    return LoggedRun(**_fields(runs.read(run_id)), tenants=tuple(run_tenants.of(run_id)))


def newest(slug: str | None = None, limit: int = 10) -> list[LoggedRun]:
    """The newest runs of all tenants, or of one, first. ``InputError`` for a tenant that there never was."""
    if slug is None:
        # Only the runs: one of a cell has a line for each of hundreds of tenants.
        return [LoggedRun(**_fields(runs.read(row["id"])), tenants=()) for row in runs.latest(limit=limit)]
    # By the id that a slug leads to: the registry does not know a tenant whose first step failed.
    tenant_id = naming.tenant_id(slug)
    rows = run_tenants.runs_of(tenant_id, limit)
    if not rows:
        TenantStore.of(slug)  # an error when there is no such tenant
    return [LoggedRun(**_fields(runs.read(row["id"])), tenants=tuple(run_tenants.of(row["id"], tenant_id))) for row in rows]


def until_done(
    run_ids: Sequence[UUID],
    show: Callable[[RunEntry, StepEntry], None],
    say: Callable[[str], None],
    meet: Callable[[RunEntry], None] = lambda run: None,
    hear: Callable[[RunEntry, Asker], None] = lambda run, asker: None,
) -> list[RunEntry]:
    """The runs, once all of them have ended; what the calls get, and when, is said at ``follow.until_done``."""
    ended = follow.until_done(
        run_ids,
        lambda run, step: show(RunEntry.of(run), StepEntry(**step)),
        say,
        lambda run: meet(RunEntry.of(run)),
        lambda run, asker: hear(RunEntry.of(run), Asker(**asker)),
    )
    return [RunEntry.of(run) for run in ended]


def parsed(text: str) -> UUID | None:
    """The id that a text is; None: it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def require_id(text: str, otherwise: str = "tenantry log shows the runs with their ids") -> UUID:
    """The same; ``InputError`` where it is none, with the run that it nearly names as the hint, or what to do ``otherwise``."""
    found = parsed(text)
    if found is None:
        raise InputError(f"{text!r} is not a run's id", _meant(text, otherwise))
    return found


def resume(text: str, *, actor: Actor) -> UUID:
    """Resumes the failed run of that id, at the step that failed; the id. ``InputError`` where there is none, or it has not failed."""
    run_id = require_id(text)
    queue.resume(run_id, actor=actor)
    return run_id


def _meant(text: str, otherwise: str) -> str:
    """A hint that names the newest run whose id begins so, or nearly is that; what to do ``otherwise``."""
    try:
        known = [str(row["id"]) for row in runs.latest(limit=KNOWN)]
    except TenantryError:  # a platform that does not answer is no reason for another error
        return otherwise
    begun = [run_id for run_id in known if len(text) >= SHORTEST and run_id.startswith(text.lower().rstrip("…-"))]
    return f"did you mean {begun[0]}?" if begun else did_you_mean(text, known, otherwise, cutoff=ALIKE)
