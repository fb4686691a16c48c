"""Writes values that were set at runtime into the tenant's file, so that they go through review like any other change."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.control import configuration
from tenantry.declaration import load_one
from tenantry.declaration.files import display
from tenantry.declaration.store import DeclarationStore
from tenantry.declaration.values import known
from tenantry.errors import InputError
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class WriteBack:
    """What was written: the file, the keys, and the change as a unified diff. Without keys nothing was."""

    file: str
    keys: tuple[str, ...]
    diff: str


def write_back(slug: str, directory: Path, keys: Sequence[str] | None = None, *, dry: bool = False) -> WriteBack:
    """Writes the runtime values of ``keys`` into the tenant's file; None: all that differ, but for uploaded pictures.

    ``dry`` only says what would change.

    The row becomes declared when the file is applied: it may still be turned down in review. ``InputError`` when a key has no value of
    its own at runtime, or when the file cannot be edited without touching more: it says what to write.
    """
    wanted = [known(key).key for key in keys] if keys is not None else None
    files = DeclarationStore(directory)
    with files.keeper.reading():
        declared = load_one(directory, slug).configuration()
    store = TenantStore.of(slug)
    rows = configuration.rows([store.id], runtime_only=True)[store.id]
    for key in wanted or ():
        if key not in rows:
            raise InputError(f"{key} of {slug} is not set at runtime", f"tenantry config drift {slug} shows the keys that are")
    values = {key: row["config_value"] for key, row in rows.items() if wanted is None or key in wanted}
    values = {key: value for key, value in values.items() if declared.get(key) != value}
    pictures = [key for key in values if known(key).uploaded]
    if wanted is not None and pictures:
        raise InputError(
            f"{pictures[0]} of {slug} is a picture that was uploaded, and a file can only name one of assets/{slug}/",
            f"put the picture there, name it in the file, and after the next `tenantry up`: tenantry config unset {slug} {pictures[0]}",
        )
    values = {key: value for key, value in values.items() if key not in pictures}
    before, after = files.edit(slug, values, dry=dry)
    file = display(files.path(slug))
    name = file.lstrip("/")
    diff = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}")
    return WriteBack(file, tuple(values), "".join(line if line.endswith("\n") else line + "\n" for line in diff))
