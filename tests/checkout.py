"""A folder of declarations in a git repository, as a platform team has it: an edit that takes another back is then no older file."""

from __future__ import annotations

import subprocess
from pathlib import Path

AS = ("-c", "user.name=Ada", "-c", "user.email=ada@team.example")


def begin(folder: Path) -> None:
    """Makes the repository, with an empty commit."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(folder)], check=True)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")


def git(folder: Path, *arguments: str) -> str:
    """What git answers in the folder."""
    done = subprocess.run(["git", "-C", str(folder), *AS, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
