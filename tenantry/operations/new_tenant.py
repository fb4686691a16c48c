"""A new tenant's file, with a name that nobody has had before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tenantry.control import quarantine
from tenantry.declaration.generator import NewTenant, create
from tenantry.declaration.store import DeclarationStore
from tenantry.operations import platform_check


def write(directory: Path, wanted: NewTenant, tell: Callable[[str], None] = lambda line: None) -> Path:
    """Writes the tenant's file into ``directory``, with a cell that has room; its path. A file that is there is never replaced.

    ``InputError`` for what cannot be declared, and for a slug in quarantine where the platform can be asked; else ``tell`` hears why not.
    """
    if platform_check.reachable(tell):
        quarantine.refuse([wanted.slug], [])
    path = create(directory, wanted)
    with DeclarationStore(directory).keeper.reading():
        return path
