"""A command that is killed at a point: with its own worker, its threads and every program that it runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from local.home import CLONE

TIMEOUT: Final = 300  # seconds

# Commands are forked from a process that has read the modules: there are many, and reading takes longer than most of their work.
# None of these may import a point's function by name: it would keep the one that does not kill.
_commands = multiprocessing.get_context("forkserver")
_commands.set_forkserver_preload(["dbos", "boto3", "tenantry.cli", "tenantry.commands.runs", "tenantry.operations.worker", "tests.killing"])


def killed_at(sandbox: Any, point: str, call: int, *arguments: str) -> bool:
    """Runs the command line, with its own worker, and lets it kill all of itself at the ``call``-th ``before …`` or ``after …``.

    A point names a function, ``module:path``; ``sandbox`` has the ``environment``. Whether it was killed there: False when it ended without
    getting there.
    """
    return _ended(sandbox, arguments, point, call) == -signal.SIGKILL


def done(sandbox: Any, *arguments: str) -> None:
    """The same, and nothing kills it."""
    assert _ended(sandbox, arguments) == 0


def _ended(sandbox: Any, arguments: tuple[str, ...], point: str = "", call: int = 0) -> int:
    with tempfile.NamedTemporaryFile("r", prefix="tenantry-killed-") as output:
        process = _commands.Process(target=_command, args=(dict(sandbox.environment), output.name, arguments, point, call))
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
            raise AssertionError(f"still at work after {TIMEOUT} s: {output.read()}")
        assert process.exitcode in (0, -signal.SIGKILL), output.read()
        return process.exitcode


def _command(environment: Mapping[str, str], output: str, arguments: tuple[str, ...], point: str, call: int) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(CLONE)
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    if point:
        _lay(point, call)
    sys.argv = ["tenantry", *arguments]
    from tenantry.cli import main

    main()


def _lay(point: str, call: int) -> None:
    when, _, where = point.partition(" ")
    module, _, path = where.partition(":")
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
