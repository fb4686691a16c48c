"""A command that is killed at a point: with its own worker, its threads and every program that it runs."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from importlib import import_module
from typing import Any

from tests import commands


def killed_at(sandbox: Any, point: str, call: int, *arguments: str) -> bool:
    """Runs the command line, with its own worker, and lets it kill all of itself at the ``call``-th ``before …`` or ``after …``.

    A point names a function, ``module:path``; ``sandbox`` has the ``environment``. Whether it was killed there: False when it ended without
    getting there.
    """
    return _code(sandbox, arguments, partial(lay, point, call)) == -signal.SIGKILL


def done(sandbox: Any, *arguments: str) -> None:
    """The same, and nothing kills it."""
    assert _code(sandbox, arguments) == 0


def _code(sandbox: Any, arguments: tuple[str, ...], before: partial[None] | None = None) -> int:
    ended = commands.run(sandbox.environment, *arguments, before=before)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stdout + ended.stderr
    return ended.returncode


def lay(point: str, call: int) -> None:
    """In the process that is to die: lets the ``call``-th ``before …`` or ``after …`` kill all of its group."""
    when, _, where = point.partition(" ")
    module, _, path = where.partition(":")
    assert when in ("before", "after"), point
    holder: Any = import_module(module)
    *outer, name = path.split(".")
    for attribute in outer:
        holder = getattr(holder, attribute)
    original, calls, lock = getattr(holder, name), [0], threading.Lock()

    def killing(*args: Any, **kwargs: Any) -> Any:
        with lock:
            calls[0] += 1
            here = calls[0] == call
        if here and when == "before":
            os.killpg(0, signal.SIGKILL)
        result = original(*args, **kwargs)
        if here:
            os.killpg(0, signal.SIGKILL)
        return result

    setattr(holder, name, killing)
