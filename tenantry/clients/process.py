"""Processes of this machine: by id, and run to their end."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from tenantry import waiting
from tenantry.errors import WorkError

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
