"""What a run of the engine reports while it works, taken from the engine's events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent

UNCHANGED = frozenset({"same", "read", "refresh"})
VERBS = {
    "create": "create", "update": "change", "delete": "remove", "replace": "replace", "import": "adopt",
    "create-replacement": "replace", "delete-replaced": "replace", "same": "keep", "read": "read",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One resource that changes: what is done, to which resource, and whether that is done already."""

    stack: str
    verb: str
    type: str
    name: str
    done: bool
    properties: tuple[str, ...] = ()


@dataclass
class Run:
    """Collects one engine run. ``changes`` counts resources by verb; ``problems`` are ``(resource, message)``."""

    stack: str
    report: Callable[[Step], None]
    changes: Counter[str] = field(default_factory=Counter)
    steps: list[Step] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    _begun: dict[str, Step] = field(default_factory=dict)

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._step(event.resource_pre_event.metadata, done=False)
        elif event.res_outputs_event:
            self._step(event.res_outputs_event.metadata, done=True)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            message = event.diagnostic_event.message.strip()
            urn = event.diagnostic_event.urn or ""
            # The engine says once more, without a resource, that there were errors.
            if message and message not in ("update failed", "preview failed"):
                self.problems.append((short(urn), message))
        elif event.summary_event:
            self.changes = Counter({VERBS.get(op, op): n for op, n in (event.summary_event.resource_changes or {}).items()})

    def _step(self, metadata: object, *, done: bool) -> None:
        op = str(getattr(metadata, "op", "")).removeprefix("OpType.").lower().replace("_", "-")
        if op in UNCHANGED:
            return
        urn, kind = str(getattr(metadata, "urn", "")), str(getattr(metadata, "type", ""))
        properties = tuple(sorted(getattr(metadata, "detailed_diff", None) or ()))
        step = Step(self.stack, VERBS.get(op, op), kind, urn.rsplit("::", 1)[-1], done, properties)
        if done:
            self._begun.pop(urn, None)
        else:
            self.steps.append(step)
            self._begun[urn] = step
        self.report(step)

    def told(self) -> str:
        """What the run is at: resources that were begun and are not done, or the engine itself, between two of them."""
        begun = [f"{step.verb} {step.name}" for step in list(self._begun.values())]
        more = f" and {len(begun) - 3} more" if len(begun) > 3 else ""
        return f"stack {self.stack}, {', '.join(begun[:3])}{more}" if begun else f"the engine, stack {self.stack}"

    @property
    def changed(self) -> dict[str, int]:
        """Resources that are not as they were, by verb."""
        return {verb: n for verb, n in self.changes.items() if verb not in ("keep", "read") and n}


def said(changes: Mapping[str, int]) -> str:
    """``3 create, 1 change``; empty for none."""
    return ", ".join(f"{count} {verb}" for verb, count in sorted(changes.items()))


def short(urn: str) -> str:
    """A URN as a person would say it: ``acme-db-app (postgresql:Role)``; empty for none or the stack itself."""
    parts = urn.split("::")
    if len(parts) < 4 or parts[2].endswith("pulumi:pulumi:Stack"):
        return ""
    kind = parts[2].rsplit("$", 1)[-1].split(":")
    return f"{parts[3]} ({kind[0]}:{kind[-1]})"
