"""Declarations kept on a branch: each change is a commit on the head that was seen, and whoever reads has a checkout of his own."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tenantry.clients.git_branch import Branch, Overtaken
from tenantry.clients.git_commit import Files, Person
from tenantry.declaration import kept
from tenantry.declaration.files import SUFFIX, FileReader
from tenantry.declaration.keeper import Change
from tenantry.declaration.names import Names
from tenantry.declared_in import DeclaredIn
from tenantry.errors import InputError, TransientError
from tenantry.problems import DeclarationErrors
from tenantry.settings import PlatformSettings, project_root, project_settings

TRIES: Final = 20
"""How often a change is tried on a newer head, before somebody else has to wait: each time another one's change was written."""

_SEEN: Final[dict[tuple[Path, str, PlatformSettings | None], Names]] = {}
_TURN: Final = threading.RLock()
"""Threads of a process share what was read, and the checkout."""


@dataclass(frozen=True)
class OnBranch:
    """See ``Keeper``."""

    branch: Branch
    inside: str
    """The folder in the repository, with a slash behind it; empty for its root."""
    checkout: Path
    directory: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", self.checkout / self.inside)

    @classmethod
    def of(cls, place: DeclaredIn) -> OnBranch:
        """That of the setting."""
        root = project_root()
        return cls(Branch(place.repository_at(root), place.branch), place.inside, place.checkout(root))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See ``Keeper``. Where a remote does not answer, the checkout stays as it is: an older file never wins (ADR 0028)."""
        with _TURN:
            try:
                commit = self.branch.fetch()
                self._fetched().touch(mode=0o600)
            except TransientError:
                commit = self.branch.head()
            if self.branch.checked_out(self.checkout) != commit:
                with self._lock(fcntl.LOCK_EX):
                    self.branch.check_out(self.checkout, commit)
            with self._lock(fcntl.LOCK_SH):
                yield

    def ready(self) -> None:
        """See ``Keeper``."""
        with _TURN:
            there = self.branch.checked_out(self.checkout)
            if there is None or self._tenants_only(there, self.branch.fetch()) is None:
                with self.reading():
                    pass

    def text(self, slug: str) -> bytes | None:
        """See ``Keeper``."""
        return self.branch.blobs(self.branch.fetch(), [self._path(slug)])[0]

    def names(self, settings: PlatformSettings | None, *, fresh: bool = True) -> Names:
        """See ``Keeper``."""
        with _TURN:
            key = (self.checkout, self.inside, settings)
            if not fresh and key in _SEEN:
                return _SEEN[key]
            head, names = self.branch.fetch(), _SEEN.pop(key, None)
            # Without the checkout the tiers are missing: somebody has cleared this user's cache.
            if names is None or self.branch.checked_out(self.checkout) is None or not self._bring(names, head):
                with self.reading():
                    names = Names(kept.load(self.directory, settings).values(), self.branch.checked_out(self.checkout))
            _SEEN[key] = names
            return names

    def put(self, slug: str, before: bytes | None, after: bytes | None, change: Change, at: str | None = None) -> None:
        """See ``Keeper``."""
        path = self._path(slug)
        for _ in range(TRIES):
            head = at or self.branch.fetch()
            if at is None:  # else it is known what that commit has
                found = self.branch.blobs(head, [path])[0]
                if found is not None and before is None:
                    raise InputError(f"{path} exists already", "edit it, or choose another slug", code="tenant.exists")
                if found != before:
                    raise Overtaken(path)
            gone = {f"{self.inside}assets/{slug}": None} if after is None else {}
            try:
                made = self.branch.commit(head, Files({path: after, **gone}, person(change), _platform(), change.message(slug)))
                self._note(slug, after, head, made)
            except Overtaken:
                if at is not None:
                    raise
                continue
            return
        raise Overtaken(f"the branch {self.branch.name}")

    def tidy(self) -> None:
        """See ``Keeper``."""
        self.branch.tidy()

    def _bring(self, names: Names, head: str) -> bool:
        """Whether what was read could be brought to ``head`` file by file."""
        slugs = self._tenants_only(names.at or "", head)
        if slugs is None or len(slugs) > kept.FEWEST:
            return False
        reader = FileReader(self.directory)
        for slug, data in zip(slugs, self.branch.blobs(head, [self._path(slug) for slug in slugs]), strict=True):
            tenant = None if data is None else reader.check(slug, data)
            if reader.problems:
                raise DeclarationErrors(reader.problems)
            names.put(slug, tenant)
        names.at = head
        return True

    def _note(self, slug: str, after: bytes | None, on: str, made: str) -> None:
        """Brings what was read to our own commit: nobody has to ask git what it has."""
        with _TURN:
            for names in [names for (checkout, *_), names in _SEEN.items() if checkout == self.checkout and names.at == on]:
                reader = FileReader(self.directory)
                tenant = None if after is None else reader.check(slug, after)
                if not reader.problems:
                    names.put(slug, tenant)
                    names.at = made

    def _tenants_only(self, before: str, after: str) -> list[str] | None:
        """The tenants whose files differ between two commits; None where that is not all: a tier, a picture, or a commit that is gone."""
        paths = [] if before == after else self.branch.changed(before, after, self.inside)
        slugs = [path.removesuffix(SUFFIX) for path in paths or () if path.endswith(SUFFIX) and "/" not in path]
        return None if paths is None or len(slugs) < len(paths) else slugs

    def _path(self, slug: str) -> str:
        return f"{self.inside}{slug}{SUFFIX}"

    def fetched_at(self) -> datetime | None:
        """When a reading of this user was up to date last; None: never, or its cache was cleared."""
        mark = self._fetched()
        return datetime.fromtimestamp(mark.stat().st_mtime, UTC) if mark.exists() else None

    def _fetched(self) -> Path:
        self.checkout.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.checkout.with_name(f"{self.checkout.name}.fetched")

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        """Processes of this user share the checkout: nobody changes its files while another reads all of them."""
        self.checkout.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.checkout.with_name(f"{self.checkout.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def person(change: Change) -> Person:
    """The author of a change: who asked for it, by an address of the platform's domain where the name is none itself."""
    name = change.actor.name
    if "@" in name.strip("@") and " " not in name:
        return Person(name.partition("@")[0], name)
    local = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return Person(name, f"{local or 'unknown'}@{_domain()}")


def _platform() -> Person:
    return Person("Tenantry", f"tenantry@{_domain()}")


def _domain() -> str:
    settings = project_settings()
    return settings.domain if settings else "tenantry.invalid"
