"""Folders of declarations in real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Git = Callable[..., str]


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def git_in(folder: Path) -> Git:
    def run(*arguments: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    return run


def commit(folder: Path, message: str = "x") -> str:
    git = git_in(folder)
    git("add", "-A", git("rev-parse", "--show-toplevel"))
    git("commit", "-qm", message, "--allow-empty")
    return git("rev-parse", "HEAD")
