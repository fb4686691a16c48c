"""A folder of declarations: the one reading, which is kept between processes, and the one writer of tenants' files."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tenantry.declaration import kept, loader
from tenantry.declaration.files import SUFFIX, FileReader, display, tenant_files
from tenantry.declaration.loader import Declarations
from tenantry.declaration.yaml_edit import CannotEdit, set_value
from tenantry.errors import InputError
from tenantry.problems import DeclarationErrors, did_you_mean
from tenantry.settings import PlatformSettings, tenants_dir


class DeclarationStore:
    """The declarations of one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of_platform(cls) -> DeclarationStore:
        """That of the platform that this process works for."""
        return cls(tenants_dir())

    def load(self, settings: PlatformSettings | None = None) -> Declarations:
        """As ``loader.load``, which reads all files: of those that are as they were, what an earlier process read of them."""
        file = kept.place(self.directory)
        if file is None:
            return loader.load(self.directory, settings)
        with _no_garbage():
            reading = kept.Reading(self.directory, file)
            try:
                found = loader.load(self.directory, settings, reading.read)
            except DeclarationErrors:
                reading.keep()  # of the files that are valid
                raise
            reading.keep()
            return found

    def path(self, slug: str) -> Path:
        """Where the tenant's file is or would be."""
        return self.directory / f"{slug}{SUFFIX}"

    def existing(self, slug: str) -> Path:
        """The tenant's file. ``InputError`` with the nearest name when there is none."""
        path = self.path(slug)
        if not path.is_file():
            there = list(tenant_files(self.directory, [])) if self.directory.is_dir() else []
            hint = did_you_mean(slug, there, "bring it back from version control")
            raise InputError(f"there is no file {display(path)}", hint, code="declaration.missing")
        return path

    def create(self, slug: str, text: str) -> Path:
        """Writes the file of a new tenant: it appears whole or not at all, and never replaces one (``InputError``)."""
        path = self.path(slug)
        # A link appears whole and fails when the name is taken; a crash leaves at most a hidden file without our suffix.
        handle, name = tempfile.mkstemp(prefix=f".{slug}.", suffix=".new", dir=self.directory)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            os.link(temporary, path)
        except FileExistsError:
            raise InputError(f"{path} exists already", "edit it, or choose another slug", code="tenant.exists") from None
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}", "check the folder's permissions") from None
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def edit(self, slug: str, values: Mapping[str, Any], *, dry: bool = False) -> tuple[str, str]:
        """Lets the tenant's file say these values, by dotted key, and leaves every other character alone; its text before and after.

        It is replaced whole or not at all, and keeps its mode. ``dry`` only says what would
        be written. ``InputError`` where there is no file, or one that cannot be edited so: it says what to write;
        ``DeclarationErrors`` where the file would not be valid.
        """
        path = self.existing(slug)
        with path.open(encoding="utf-8", newline="") as stream:  # its line ends as they are
            after = before = stream.read()
        for key, value in values.items():
            try:
                after = set_value(after, tuple(key.split(".")), value)
            except CannotEdit as error:
                raise InputError(
                    f"{display(path)} cannot be edited for {key}: {error}", f"write it yourself: {_line(key, value)}"
                ) from None
        reader = FileReader(self.directory)
        if reader.check(slug, after.encode()) is None or reader.problems:
            raise DeclarationErrors(reader.problems)
        if not dry and after != before:
            scratch = path.with_name(f".{path.name}.tmp")
            with scratch.open("w", encoding="utf-8", newline="") as stream:
                stream.write(after)
            scratch.chmod(path.stat().st_mode)
            scratch.replace(path)
        return before, after

    def remove(self, slug: str) -> list[str]:
        """Removes the tenant's file and the folder of its assets; what was removed, as paths for people."""
        path, assets = self.path(slug), self.directory / "assets" / slug
        removed = []
        if path.is_file():
            path.unlink()
            removed.append(display(path))
        if assets.is_dir():
            shutil.rmtree(assets)
            removed.append(display(assets) + "/")
        return removed


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Looking for garbage among rows that all stay would be a third of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _line(key: str, value: Any) -> str:
    """The value as one line of YAML, its last levels in braces."""
    nested = value
    for step in reversed(key.split(".")):
        nested = {step: nested}
    return str(yaml.safe_dump(nested, default_flow_style=True, allow_unicode=True, width=10_000)).strip()[1:-1]
