"""What DBOS calls the queues and workflows of tasks. Workflows that are under way are found by these names: they stay."""

from __future__ import annotations

from typing import Final

RUNS: Final = "tasks"
SLOTS: Final = "task-slots"
RUN: Final = "task"
SLOT: Final = "task slot"
