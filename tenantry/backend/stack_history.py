"""What the backend's history says of a stack's runs: by whatever command, with which options, and how each ended.

A run that was killed is not in it, and neither is an edit of the state (`pulumi state delete`, `taint`, `stack import`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tenantry.clients import process
from tenantry.errors import WorkError
from tenantry.settings import project_root

NARROWING: Final = ("target", "target-dependents", "target-replace", "exclude", "exclude-dependents", "plan")
"""Options of `pulumi up` with which it leaves something out. The CLI notes those that are set, and the variables that set them."""
SECOND: Final = timedelta(seconds=1)
"""The history's times are whole seconds, cut off."""
PAGE: Final = 20
"""Runs that are looked at: what is further back than that is not known."""


@dataclass(frozen=True)
class Entry:
    """One run of the engine that came to an end, good or bad."""

    kind: str
    succeeded: bool
    narrowed: bool
    changes: Mapping[str, int]
    """By operation, of what was done; what failed is not counted."""
    start: datetime
    end: datetime

    @property
    def whole(self) -> bool:
        """Whether everything was carried out that the program declared, removals included."""
        return self.kind == "update" and self.succeeded and not self.narrowed

    @property
    def harmless(self) -> bool:
        """Whether nothing that is there was changed: a refresh looks, and some runs end before they begin."""
        return self.kind == "refresh" or set(self.changes) <= {"same", "read", "refresh"}

    @property
    def takes_nothing_back(self) -> bool:
        """Whether whatever the run did leaves as it is what it was not to change: it removed and replaced nothing."""
        return self.kind == "update" and set(self.changes) <= {"same", "read", "refresh", "create", "update", "import"}

    def spans(self, moment: datetime) -> bool:
        """Whether the run was at work then, by its machine's clock."""
        return self.start <= moment < self.end + SECOND


def read(stack: str) -> list[Entry]:
    """The last runs, newest first. ``WorkError`` where the backend cannot be asked."""
    command = ["pulumi", "stack", "history", "--stack", stack, "--json", "--page-size", str(PAGE), "--non-interactive"]
    result = process.run(command, limit=120, cwd=project_root())
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace").strip().removeprefix("error: ")
        if "no stack named" in said:
            return []
        raise WorkError(f"the history of the stack {stack} cannot be read: {said}", "check the backend: tenantry doctor")
    return [_entry(each) for each in json.loads(result.stdout or b"[]") if "endTime" in each]


def _entry(found: Mapping[str, Any]) -> Entry:
    environment = found.get("environment") or {}
    options = {key.removeprefix("pulumi.flag.") for key in environment if key.startswith("pulumi.flag.")}
    variables = {key.removeprefix("pulumi.env.PULUMI_OPTION_") for key in environment if key.startswith("pulumi.env.PULUMI_OPTION_")}
    options |= {name.lower().replace("_", "-") for name in variables}
    return Entry(
        found["kind"],
        found["result"] == "succeeded",
        not options.isdisjoint(NARROWING),
        found.get("resourceChanges") or {},
        datetime.fromisoformat(found["startTime"]),
        datetime.fromisoformat(found["endTime"]),
    )
