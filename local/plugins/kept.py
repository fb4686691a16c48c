"""Our own modules, which the plugin host has imported already for processes that would import the very same.

A process runs the present code, whatever the host has read before: where a file of ours has changed since, or where the process would find
another clone's modules first, they are forgotten, and the process imports what there is.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

OURS: Final = ("components", "local", "stacks", "tenantry")
_OF_OURS: Final = ("pulumi_aws", "pulumi_cloudflare")
"""Packages of which components/official.py has put parts into place."""
MODULES: Final = ("stacks.shared", "stacks.dedicated")
"""What pulls in the program; what the plugins are the host imports in any case."""

CLONE: Final = Path(__file__).resolve().parents[2]
Code = frozenset[tuple[str, int, int]]


class KeptModules:
    """The modules as they were imported, and the files that they came from: taken before the first of them is imported."""

    def __init__(self) -> None:
        self._code = code()

    def load(self) -> None:
        """Imports the program. It raises what a broken module raises; then nothing is kept."""
        try:
            for name in MODULES:
                importlib.import_module(name)
            importlib.import_module("tenantry.hosts").suffixes()
        except BaseException:
            forget()
            raise

    @property
    def current(self) -> bool:
        """Whether no file of ours has changed, come or gone since."""
        return code() == self._code

    def prepare(self) -> None:
        """In a process that is about to run one of them, with its ``sys.path``: forgets them where it would import others."""
        if not self.current or not first_found():
            forget()


def first_found() -> bool:
    """Whether the modules that are in memory are those that would be found."""
    importlib.invalidate_caches()
    for name in OURS:
        loaded = sys.modules.get(name)
        found = PathFinder.find_spec(name, sys.path)
        if loaded is not None and (found is None or found.origin != getattr(loaded, "__file__", None)):
            return False
    return True


def forget() -> None:
    """Lets go of our modules, and of what belongs to them."""
    for name in [name for name in sys.modules if name.split(".")[0] in (*OURS, *_OF_OURS)]:
        del sys.modules[name]
    importlib.invalidate_caches()


def code() -> Code:
    """Our files, each with its size and when it changed last."""
    found: set[tuple[str, int, int]] = set()
    folders = [str(CLONE / name) for name in OURS]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    found.add((entry.path, status.st_mtime_ns, status.st_size))
    return frozenset(found)
