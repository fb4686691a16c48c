"""A platform's declarations: the one reading, which is kept between processes, and the one writer of tenants' files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tenantry.actor import Actor
from tenantry.clients.git_branch import Overtaken
from tenantry.declaration import kept
from tenantry.declaration.files import SUFFIX, FileReader, display, tenant_files
from tenantry.declaration.folder import Folder
from tenantry.declaration.keeper import Change, Keeper
from tenantry.declaration.loader import Declarations
from tenantry.declaration.names import Names
from tenantry.declaration.on_branch import OnBranch
from tenantry.declaration.yaml_edit import CannotEdit, set_value
from tenantry.errors import InputError
from tenantry.problems import DeclarationErrors, did_you_mean
from tenantry.settings import PlatformSettings, declared_in, tenants_dir

TRIES: Final = 20
"""How often an edit is made anew of a file that somebody else edits meanwhile."""


class DeclarationStore:
    """The declarations of one folder; where that is the platform's checkout of a branch, those of the branch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keeper: Keeper = _keeper(directory)

    @classmethod
    def of_platform(cls) -> DeclarationStore:
        """That of the platform that this process works for."""
        return cls(tenants_dir())

    def load(self, settings: PlatformSettings | None = None) -> Declarations:
        """As ``loader.load``, which reads all files: of those that are as they were, what an earlier process read of them."""
        with self.keeper.reading():
            return kept.load(self.directory, settings)

    def path(self, slug: str) -> Path:
        """Where the tenant's file is or would be for whoever reads; on a branch it may be behind what ``text`` says."""
        return self.directory / f"{slug}{SUFFIX}"

    def text(self, slug: str) -> str:
        """The tenant's file. ``InputError`` with the nearest name where there is none."""
        found = self.keeper.text(slug)
        if found is None:
            raise self._missing(slug)
        try:
            return found.decode()
        except UnicodeDecodeError:
            raise InputError(f"{display(self.path(slug))} is not UTF-8", "save it again in that encoding") from None

    def names(self, settings: PlatformSettings | None = None, *, fresh: bool = True) -> Names:
        """See ``Keeper``."""
        return self.keeper.names(settings, fresh=fresh)

    def create(self, slug: str, text: str, change: Change | None = None, at: str | None = None) -> Path:
        """Writes the file of a new tenant: it appears whole or not at all, and never replaces one (``InputError``).

        ``Overtaken`` where the declarations are not those ``at`` that commit any more.
        """
        self.keeper.put(slug, None, text.encode(), change or _here("declared"), at)
        return self.path(slug)

    def edit(
        self, slug: str, values: Mapping[str, Any], *, dry: bool = False, change: Change | None = None, seen: str | None = None
    ) -> tuple[str, str]:
        """Lets the tenant's file say these values, by dotted key, and leaves every other character alone; its text before and after.

        It is replaced whole or not at all, and keeps its mode. ``dry`` only says what would
        be written. ``InputError`` where there is no file, or one that cannot be edited so: it says what to write;
        ``DeclarationErrors`` where the file would not be valid; ``Overtaken`` where it is another than the one that was ``seen``.
        """
        self.keeper.ready()
        for left in reversed(range(TRIES)):
            before = self.text(slug)
            if seen is not None and before != seen:
                raise Overtaken(display(self.path(slug)))
            after = self._edited(slug, before, values)
            if dry or after == before:
                return before, after
            try:
                self.keeper.put(slug, before.encode(), after.encode(), change or _here(f"{', '.join(values)} edited"))
            except Overtaken:
                if not left:
                    raise
                continue
            return before, after
        raise AssertionError(slug)

    def remove(self, slug: str, change: Change | None = None) -> list[str]:
        """Removes the tenant's file and the folder of its assets; what was removed, as paths for people."""
        path, assets = self.path(slug), self.directory / "assets" / slug
        before = self.keeper.text(slug)
        with self.keeper.reading():
            removed = [*([display(path)] if before is not None else []), *([display(assets) + "/"] if assets.is_dir() else [])]
        if removed:
            self.keeper.put(slug, before, None, change or _here("removed"))
        return removed

    def _edited(self, slug: str, text: str, values: Mapping[str, Any]) -> str:
        for key, value in values.items():
            try:
                text = set_value(text, tuple(key.split(".")), value)
            except CannotEdit as error:
                raise InputError(
                    f"{display(self.path(slug))} cannot be edited for {key}: {error}", f"write it yourself: {_line(key, value)}"
                ) from None
        reader = FileReader(self.directory)
        if reader.check(slug, text.encode()) is None or reader.problems:
            raise DeclarationErrors(reader.problems)
        return text

    def _missing(self, slug: str) -> InputError:
        there = list(tenant_files(self.directory, [])) if self.directory.is_dir() else []
        hint = did_you_mean(slug, there, "bring it back from version control")
        return InputError(f"there is no file {display(self.path(slug))}", hint, code="declaration.missing")


def _keeper(directory: Path) -> Keeper:
    place = declared_in()
    if place.kind == "git":
        branch = OnBranch.of(place)
        if branch.directory == directory:
            return branch
    return Folder(directory)


def _here(what: str) -> Change:
    return Change(what, Actor.of_environment())


def _line(key: str, value: Any) -> str:
    """The value as one line of YAML, its last levels in braces."""
    nested = value
    for step in reversed(key.split(".")):
        nested = {step: nested}
    return str(yaml.safe_dump(nested, default_flow_style=True, allow_unicode=True, width=10_000)).strip()[1:-1]
