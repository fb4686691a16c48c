"""A folder of declarations, and one in a git repository, as a platform team has it: an edit that takes another back is no older file."""

from __future__ import annotations

import subprocess
from pathlib import Path

from local.home import CLONE

DEFAULTS = CLONE / "tenants" / "defaults"
AS = ("-c", "user.name=Ada", "-c", "user.email=ada@team.example")


def declared(folder: Path) -> Path:
    """Makes a folder for the files of tenants, where it is missing: so far it has the clone's defaults alone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "defaults").symlink_to(DEFAULTS)
    return folder


def begin(folder: Path) -> None:
    """Makes such a folder, and the repository, with an empty commit."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(declared(folder))], check=True)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")


def git(folder: Path, *arguments: str) -> str:
    """What git answers in the folder."""
    done = subprocess.run(["git", "-C", str(folder), *AS, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
