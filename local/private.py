"""Files and folders that only their owner reads: mail, states, secrets, journals. Made so, not made and then closed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

UMASK: Final = 0o077
"""Of every process that writes into a home."""


def opener(path: str, flags: int) -> int:
    """For ``open``: what it makes is 0600 from the first moment, whatever the umask."""
    return os.open(path, flags, 0o600)


def write(path: Path, content: bytes) -> None:
    """Puts a file in the place of the one that is there, or of none: complete or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)  # one that a killed process left may be open to others
    with open(fresh, "xb", opener=opener) as file:  # Path.open takes no opener
        file.write(content)
    fresh.replace(path)


def folder(path: Path) -> Path:
    """The folder, which is made where there is none, with those above it, and closed to others either way."""
    for missing in [each for each in (*reversed(path.parents), path) if not each.exists()]:
        missing.mkdir(exist_ok=True, mode=0o700)  # `parents=True` would make those above as the umask says
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def mend(root: Path, but: Iterable[Path]) -> int:
    """Closes everything beneath ``root`` that others may read, but for what is in ``but``; how many files and folders that were."""
    left = set(but)
    count = 0
    for here, folders, files in os.walk(root):
        place = Path(here)
        folders[:] = [name for name in folders if place / name not in left]
        for path in (place, *(place / name for name in files)):
            try:
                mode = path.lstat().st_mode
                if path != root and mode & 0o077 and not path.is_symlink():
                    path.chmod(mode & 0o700)
                    count += 1
            except FileNotFoundError:
                continue  # a server's own, gone meanwhile
    return count
