"""What a run of the engine came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.engine.progress import Step


@dataclass(frozen=True)
class Outcome:
    """What a run did to one stack."""

    stack: str
    changes: Mapping[str, int]
    steps: tuple[Step, ...]
    seconds: float
    let_go: frozenset[str] = frozenset()
    """Tenants that the ledger had entered and that were never made: a run forgets them."""
