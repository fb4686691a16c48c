"""What durable work is made of: a kind of run is a list of idempotent steps, each with its own patience.

A step that was killed is begun again, so each must find what an earlier attempt left. Steps share nothing in memory: what a later one
needs is in the world, in the run's ``arguments`` or in its ``notes``. Neither may hold a secret, and no step's name a tenant's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID


@dataclass(frozen=True)
class Run:
    """A run as its steps see it. ``note`` keeps a value for later steps, over a crash as well."""

    id: UUID
    kind: str
    tenant_id: UUID | None
    subject: str
    """The slug, or what a run of the whole fleet is about."""
    stack: str | None
    arguments: Mapping[str, Any]
    requested_by: str
    via: str
    notes: dict[str, Any]
    note: Callable[[str, Any], None] = field(repr=False)
    tell: Callable[[str], None] = field(repr=False)
    """Shows how far the step at work has come: one line, replaced by the next."""


@dataclass(frozen=True)
class Patience:
    """How often a step that failed for a passing cause is tried, and how long it waits in between (seconds, doubled each time)."""

    attempts: int
    first_wait: float = 1.0


PATIENT: Final = Patience(8)  # about two minutes: a server that restarts, a lock that is held
ONCE: Final = Patience(1)


@dataclass(frozen=True)
class Step:
    """One step. ``work`` returns what it did in one line for people; ``TransientError`` is tried again, any other error ends the run.

    An empty text means that there was nothing to do.
    """

    name: str
    work: Callable[[Run], str]
    patience: Patience = PATIENT


@dataclass(frozen=True)
class Kind:
    """A kind of run. ``steps`` must give the same list whenever it is asked for the same run."""

    name: str
    steps: Callable[[Run], Sequence[Step]]
