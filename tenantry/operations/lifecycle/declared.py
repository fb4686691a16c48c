"""The tenant's file: its state is edited where it stands, everything else in it is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from tenantry.declaration.files import SUFFIX, display, tenant_files
from tenantry.declaration.rewrite import read, rewrite
from tenantry.declaration.yaml_edit import CannotEdit, set_value
from tenantry.errors import InputError
from tenantry.problems import did_you_mean
from tenantry.settings import tenants_dir


def path_of(slug: str) -> Path:
    """The tenant's file. ``InputError`` with the nearest name when there is none."""
    directory = tenants_dir()
    path = directory / f"{slug}{SUFFIX}"
    if not path.is_file():
        there = list(tenant_files(directory, [])) if directory.is_dir() else []
        raise InputError(
            f"there is no file {display(path)}", did_you_mean(slug, there, "bring it back from version control"), code="declaration.missing"
        )
    return path


def set_state(slug: str, state: str) -> bool:
    """Makes the file say ``state``; whether it was changed. ``InputError`` when the file is broken or cannot be edited so."""
    path = path_of(slug)
    try:
        edited = set_value(read(path), ("state",), state)
    except CannotEdit as error:
        raise InputError(f"{display(path)} cannot be edited: {error}", f"write it yourself: state: {state}") from None
    return rewrite(path, edited)


def remove(slug: str) -> list[str]:
    """Removes the file and the folder of its assets; what was removed, as paths for people."""
    path, assets = tenants_dir() / f"{slug}{SUFFIX}", tenants_dir() / "assets" / slug
    removed = []
    if path.is_file():
        path.unlink()
        removed.append(display(path))
    if assets.is_dir():
        shutil.rmtree(assets)
        removed.append(display(assets) + "/")
    return removed
