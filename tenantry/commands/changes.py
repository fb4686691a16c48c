"""What a run of the engine changes, as people read it while it works and when it has ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock

from tenantry import console
from tenantry.engine.progress import Step, said


class StackProgress:
    """Shows the steps of engine runs: every change as a line, with the stack's name; a running count on a terminal."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun: dict[tuple[str, str], float] = {}

    def __call__(self, step: Step) -> None:
        with self._lock:
            key = (step.stack, step.name)
            if not step.done:
                self._begun[key] = time.monotonic()
                console.fleeting(f"{step.stack}: {step.verb} {step.name}")
                return
            seconds = time.monotonic() - self._begun.pop(key, time.monotonic())
            slow = f" ({seconds:.1f} s)" if seconds >= 1 else ""
            console.say(f"{step.stack}: {step.verb} {step.name} ({kind(step.type)}){slow}", over=True)


def kind(token: str) -> str:
    """``aws:s3/bucket:Bucket`` as ``aws:Bucket``; our own types without the SDK's prefix."""
    package, _, name = token.partition(":")
    own = package == "pulumi-python"
    return f"{'tenantry' if own else package}:{name.rsplit(':', 1)[-1]}"


def counted(changes: Mapping[str, int]) -> str:
    """``3 create, 1 change`` or ``nothing to do``."""
    return said(changes) or "nothing to do"
