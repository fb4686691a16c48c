"""The declarations of a commit, under today's rules: its own bytes, of the declarations and the assets that they name alone.

What is the same file now has been read already, and is not read again. A file that today's rules refuse is told from one that is not
there.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic_core import PydanticCustomError

from tenantry import naming
from tenantry.clients.git import Entry, Repository
from tenantry.declaration import assets, yaml_source
from tenantry.declaration.files import SUFFIX, FileReader
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.tree import Tree, assets_of, digest

_ASSET: Final = re.compile(rb"assets/[A-Za-z0-9._/-]+")
_LFS_ID: Final = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_LINKS: Final = 8
"""Links that may lead to a file, one to the other."""
_AT_ONCE: Final = 500
"""Declarations that are in memory at one time."""

Files = Mapping[str, Entry]
"""What a commit has, by the path below the folder of the declarations."""


def committed(repository: Repository, commit: str, now: Tree) -> Tree:
    """What ``repository.folder`` had in a commit. ``now`` is what it has."""
    with tempfile.TemporaryDirectory() as name:
        return _Reading(repository, _files(repository, commit, now), now, Path(name)).tree()


def _files(repository: Repository, commit: str, now: Tree) -> Files:
    """From where the folder is now, or, where it is new there, from the one that had the same tenants and is no more."""
    there = {entry.path: entry for entry in repository.files(commit)}
    if any(path.endswith(SUFFIX) and posixpath.dirname(path) in ("", "defaults") for path in there):
        return there
    moved = _earlier_place(repository, commit, {f"{slug}{SUFFIX}" for slug in now.tenants})
    return there if moved is None else {entry.path: entry for entry in repository.files(commit, moved)}


def _earlier_place(repository: Repository, commit: str, names: set[str]) -> str | None:
    """The folder that had most of these files and the tiers beside them, in the form of ``Repository.prefix``."""
    head = repository.head()
    still = {entry.path for entry in repository.files(head, "")} if head else set()
    paths = {entry.path for entry in repository.files(commit, "")}
    tiers = {posixpath.dirname(folder) for path in paths if posixpath.basename(folder := posixpath.dirname(path)) == "defaults"}
    folders = Counter(posixpath.dirname(path) for path in paths - still if posixpath.basename(path) in names)
    return next((f"{folder}/" if folder else "" for folder, _ in folders.most_common() if folder in tiers), None)


class _Reading:
    """One commit's files: declarations in memory, a few at a time; tiers and assets in a folder for the time of it."""

    def __init__(self, repository: Repository, files: Files, now: Tree, scratch: Path) -> None:
        self.repository = repository
        self.files = files
        self.now = now
        self.scratch = scratch
        self._pictures: dict[str, bool] = {}
        # An id of 64 digits is a SHA-256.
        self._hash = hashlib.sha256 if any(len(entry.blob) == 64 for entry in files.values()) else hashlib.sha1

    def tree(self) -> Tree:
        """Everything of the commit."""
        tiers = {path for path in self.files if path.endswith(SUFFIX) and posixpath.dirname(path) == "defaults"}
        same_tiers = {Path(path).stem for path in tiers if self._same(path)}
        tenants: dict[str, TenantDeclaration] = {}
        others: dict[str, Entry] = {}
        for path, entry in self.files.items():
            slug = path.removesuffix(SUFFIX)
            if slug == path or not naming.is_slug(slug) or naming.is_reserved(slug):
                continue
            known = self.now.tenants.get(slug)
            if known is not None and known.tier in same_tiers and self._same(path):
                tenants[slug] = known
            else:
                others[slug] = entry
        self._write(_named(self._write(tiers)))
        read, unreadable = self._read(others)
        unreadable |= self._without_pictures(tenants)
        tenants = {slug: tenant for slug, tenant in sorted((tenants | read).items()) if slug not in unreadable}
        return Tree(tenants, self._digests(tenants.values()), unreadable)

    def _read(self, others: Mapping[str, Entry]) -> tuple[dict[str, TenantDeclaration], dict[str, str]]:
        reader = FileReader(self.scratch)
        tenants: dict[str, TenantDeclaration] = {}
        unreadable: dict[str, str] = {}
        for tier in reader.tiers:
            reader.tier(tier)
        of_tiers = self._said(reader)
        every = sorted(others)
        for first in range(0, len(every), _AT_ONCE):
            slugs = every[first : first + _AT_ONCE]
            texts = self._texts({slug: others[slug] for slug in slugs})
            self._write(_named(texts.values()))
            for slug in slugs:
                reader.problems.clear()
                tenant = reader.check(slug, texts[slug]) if slug in texts else None
                if tenant is not None and not reader.problems:
                    tenants[slug] = tenant
                else:
                    unreadable[slug] = [*self._said(reader), *of_tiers, f"{slug}{SUFFIX}: is no file, or a large one"][0]
        return tenants, unreadable

    def _said(self, reader: FileReader) -> list[str]:
        return [str(problem).removeprefix(f"{self.scratch}/") for problem in reader.problems]

    def _texts(self, declarations: Mapping[str, Entry]) -> dict[str, bytes]:
        """Each one's bytes by its slug; without those that are too large, and the links out of the folder."""
        found: dict[str, bytes] = {}
        for _ in range(_LINKS):
            wanted: dict[str, list[str]] = {}
            for slug, entry in declarations.items():
                wanted.setdefault(entry.blob, []).append(slug)
            links: dict[str, Entry] = {}
            for blob, data in self.repository.contents(wanted, yaml_source.MAX_BYTES):
                for slug in wanted[blob]:
                    if not declarations[slug].link:
                        found[slug] = data
                    elif (target := self._target(declarations[slug], data)) is not None and "/" not in target.path:
                        links[slug] = target
            declarations = links
            if not declarations:
                break
        return found

    def _without_pictures(self, tenants: Mapping[str, TenantDeclaration]) -> dict[str, str]:
        """Of tenants whose files are as they are now, those with an asset that was missing or refused then: why, by slug."""
        self._write({path for tenant in tenants.values() for path in assets_of(tenant) if not self._as_now(path)})
        found: dict[str, str] = {}
        for slug, tenant in tenants.items():
            for use in ("logo", "favicon"):
                path = getattr(tenant.branding, use)
                if path and not self._as_now(path):
                    try:
                        assets.check_asset(self.scratch, slug, use, path)
                    except PydanticCustomError as error:
                        found[slug] = f"{slug}{SUFFIX}: {error}"
        return found

    def _digests(self, tenants: Iterable[TenantDeclaration]) -> dict[str, str]:
        """What is published of each asset that they name."""
        paths = {path for tenant in tenants for path in assets_of(tenant)}
        return {path: self.now.assets[path] if self._as_now(path) else digest(self.scratch, path) for path in paths}

    def _as_now(self, path: str) -> bool:
        if path not in self._pictures:
            self._pictures[path] = path in self.files and path in self.now.assets and self._same(path)
        return self._pictures[path]

    def _same(self, path: str) -> bool:
        """Whether the folder has the commit's bytes there."""
        entry = self.files[path]
        if entry.link:
            return False
        try:
            data = (self.repository.folder / path).read_bytes()
        except OSError:
            return False
        return self._hash(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == entry.blob

    def _write(self, paths: Iterable[str]) -> list[bytes]:
        """Puts files of the commit into the scratch folder that are not there yet, with what they lead to; their bytes."""
        written: list[bytes] = []
        wanted = [self.files[path] for path in paths if path in self.files and not (self.scratch / path).exists()]
        for _ in range(_LINKS):
            entries: dict[str, list[Entry]] = {}
            for entry in wanted:
                entries.setdefault(entry.blob, []).append(entry)
            wanted = []
            for blob, data in self.repository.contents(entries, assets.MAX_BYTES):
                for entry in entries[blob]:
                    file = self.scratch / entry.path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    if entry.link:
                        target = self._target(entry, data)
                        if target is not None and not file.is_symlink():
                            file.symlink_to(os.fsdecode(data))
                            wanted.append(target)
                    else:
                        file.write_bytes(self._picture(entry.path, data))
                        written.append(data)
            if not wanted:
                break
        return written

    def _target(self, link: Entry, data: bytes) -> Entry | None:
        """Where a link leads, if that is a file of the folder: an absolute path is none of its names."""
        return self.files.get(posixpath.normpath(posixpath.join(posixpath.dirname(link.path), os.fsdecode(data))))

    def _picture(self, path: str, data: bytes) -> bytes:
        """What git LFS's pointer stands for, where the folder has it: a commit has pointers only."""
        found = _LFS_ID.search(data) if data.startswith(assets.LFS) else None
        if found is None:
            return data
        try:
            now = (self.repository.folder / path).read_bytes()
        except OSError:
            return data
        return now if hashlib.sha256(now).hexdigest().encode() == found[1] else data


def _named(texts: Iterable[bytes]) -> Iterator[str]:
    """The assets that declarations speak of."""
    found = {name.decode() for text in texts for name in _ASSET.findall(text)}
    return (name for name in sorted(found) if assets.is_asset_path(name))
