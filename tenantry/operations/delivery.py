"""What became of mails that were to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from tenantry.control import outbox
from tenantry.control.database import transaction


@dataclass(frozen=True)
class Delivery:
    """What became of a batch. ``deferred``: due but not out yet, will be tried again by the sweep; ``waiting``: not due yet."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    cancelled: int = 0
    waiting: int = 0
    causes: tuple[str, ...] = ()
    """Why, for those deferred, failed or cancelled: `<kind> to <recipient>: <cause>`."""


def of(ids: Sequence[UUID]) -> Delivery:
    """How these mails stand now."""
    with transaction() as connection:
        rows = outbox.entries(connection, ids=ids)
    now = datetime.now(UTC)
    counts = dict.fromkeys(("sent", "deferred", "failed", "cancelled", "waiting"), 0)
    causes = []
    for row in rows:
        state = row["state"]
        if state == "queued":
            state = "deferred" if row["cause"] or row["not_before"] <= now else "waiting"
        counts[state] += 1
        if state not in ("sent", "waiting"):
            causes.append(f"{row['kind']} to {row['recipient']}: {row['cause'] or 'another sender has it, or none could be reached'}")
    return Delivery(**counts, causes=tuple(causes))
