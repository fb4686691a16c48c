"""Begins a move as a person asks for it: the open one is joined, the tenant's file says where it goes, and the run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tenantry.actor import Actor
from tenantry.declaration.placement import Place
from tenantry.operations.move import request


@dataclass(frozen=True)
class Begun:
    """What came of asking for a move."""

    run: UUID | None
    """The run of the move; None: the tenant lives there already."""
    target: Place | None
    """Where it goes, or lives; None for a move that was under way."""
    edited: bool
    """Whether its file was edited to say so."""


def begin(slug: str, isolation: str | None, cell: str | None, *, keep: timedelta = request.KEEP, actor: Actor) -> Begun:
    """Asks for the move to what is named, else to what the tenant's file says. ``InputError`` before anything is done."""
    open_ = request.joined(slug, isolation, cell, actor=actor)
    if open_ is not None:
        return Begun(open_, None, edited=False)
    plan = request.plan(slug, isolation, cell)
    edited = request.write_file(slug, plan.target, actor)
    run = request.request(plan, keep=keep, actor=actor) if plan.source is not None else None
    return Begun(run, plan.target, edited)


def returned(slug: str, rollback: UUID) -> bool:
    """Lets the tenant's file say where it lives after that run of ``move-rollback`` has ended; whether that was needed."""
    return request.write_file(slug, request.came_from(rollback))
