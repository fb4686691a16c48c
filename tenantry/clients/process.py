"""Processes of this machine: by id, and run to their end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from tenantry import waiting
from tenantry.errors import InputError, WorkError

LIMIT: Final = 60
"""Seconds that a program which only has to answer is given."""


def alive(pid: int) -> bool:
    """Whether a process of that id lives, whoever's it is. One that has ended and that its parent has not looked after yet does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def pulumi() -> str:
    """The engine's command. ``WorkError`` where there is none."""
    path = shutil.which("pulumi")
    if path is None:
        raise WorkError("no pulumi on PATH", 'install it, or run: tenantry local up; eval "$(tenantry local env)"')
    return path


def run(
    command: Sequence[str | Path],
    *,
    limit: float = LIMIT,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Runs a program to its end, whatever it gives. ``WorkError`` when it has not ended after ``limit`` seconds: then it is no more.

    ``environment``: this process's own where it is left out. ``given``: what the program reads. ``FileNotFoundError`` when there is no
    such program.
    """
    name = " ".join([Path(command[0]).name, *(str(word) for word in command[1:2])])
    try:
        with waiting.on(name):
            return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False, input=given, timeout=limit)
    except subprocess.TimeoutExpired:
        raise WorkError(f"{name} has not answered for {limit:g} s and was ended", "run it by hand to see what it waits for") from None


@dataclass(frozen=True)
class Ended:
    """How a program ended, and the last of what it said."""

    code: int
    output: str
    errors: str


SAID: Final = 1 << 16
"""Bytes of each of a program's two outputs that are kept: the last ones."""


def captured(command: Sequence[str], *, limit: float, cwd: Path, environment: Mapping[str, str]) -> Ended:
    """Runs a program that says as much as it likes to its end, in a process group of its own, without an input.

    ``WorkError`` when it has not ended after ``limit`` seconds: then all of its group is no more. ``InputError`` when there is no such
    program.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
            )
        except (FileNotFoundError, PermissionError):
            raise InputError(f"there is no program {command[0]} in {cwd} or on PATH", "name it as it can be run there") from None
        try:
            with waiting.on(name):
                code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise WorkError(
                f"{name} has not ended after {limit:g} s and was stopped", "let it take longer, or see what it waits for"
            ) from None
        finally:
            with suppress(ProcessLookupError, PermissionError):  # what it has left behind, too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Ended(code, _last(output), _last(errors))


def _last(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SAID))
    return file.read().decode(errors="replace")
