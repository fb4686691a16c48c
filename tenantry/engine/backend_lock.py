"""The state backend's own lock of a stack: removed only when it is proven that its holder is no more."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime

from tenantry.control.engines import Engine, Lock
from tenantry.errors import TransientError

# https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/backend/diy/lock.go
_LOCK = re.compile(r"(?P<id>[0-9a-f-]{36})\.json\S*: created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")

GOING = 3
"""Seconds that a process which was just killed may take to go."""


class Held(TransientError):
    """Someone lives who holds the lock, or nobody knows."""

    code = "stack.busy"


def told(message: str) -> list[Lock]:
    """The locks that the engine's message names."""
    return [
        Lock(found["id"], found["user"], found["host"], int(found["pid"]), datetime.fromisoformat(found["at"]))
        for found in _LOCK.finditer(message)
    ]


def refuse_unless_dead(stack: str, message: str, last: Engine | None) -> None:
    """Raises ``Held`` unless the holder of each lock in the engine's ``message`` is proven to be no more.

    ``last``: how the stack's last run had written itself down before this one began.
    """
    holders = told(message)

    def not_dead() -> list[Lock]:
        return [lock for lock in holders if last is None or not last.holds(lock) or not last.is_gone(lock)]

    deadline = time.monotonic() + GOING
    while (alive := not_dead()) and time.monotonic() < deadline:
        time.sleep(0.1)
    if alive or not holders:
        raise Held(
            f"a pulumi run holds the stack {stack}{_named(alive, last)}",
            f"wait until it has ended; once you are sure that it is no more: pulumi cancel --stack {stack}",
        )


def _named(alive: Sequence[Lock], last: Engine | None) -> str:
    if not alive:
        return ""
    lock = alive[0]
    worker = f", of the worker {last.worker}" if last and last.worker and last.holds(lock) else ""
    return f" (process {lock.pid} of {lock.user} on {lock.host}, since {lock.at:%Y-%m-%d %H:%M:%S %Z}{worker})"
