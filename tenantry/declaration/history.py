"""The declarations of another commit, and what differs from them, key by key; assets by what is published of them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tenantry.clients import process
from tenantry.declaration.assets import published
from tenantry.declaration.files import SUFFIX, display
from tenantry.declaration.loader import Declarations, load
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.problems import DeclarationErrors
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings


@dataclass(frozen=True, slots=True)
class Tree:
    """The declarations of a folder with what they name: the SHA-256 (hex) of what is published of each asset, by its path."""

    tenants: Declarations
    assets: Mapping[str, str]

    @classmethod
    def of(cls, directory: Path, tenants: Declarations) -> Tree:
        """``tenants`` as loaded from ``directory``."""
        paths = {path for tenant in tenants.values() for path in (tenant.branding.logo, tenant.branding.favicon) if path}
        return cls(tenants, {path: hashlib.sha256(published(directory, path)).hexdigest() for path in paths})

    def flat(self, slug: str) -> dict[str, Any]:
        """The tenant's keys, and ``branding.logo.sha256`` beside the path; nothing where it is not declared."""
        if slug not in self.tenants:
            return {}
        result = flat(self.tenants[slug])
        return result | {f"{key}.sha256": self.assets[result[key]] for key in ("branding.logo", "branding.favicon") if key in result}


@dataclass(frozen=True, slots=True)
class Change:
    """One key of ``Tree.flat``: dotted name, JSON values before and after (``None``: absent)."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class TenantChange:
    """What became of one tenant's effective declaration and its assets."""

    slug: str
    what: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...]


def load_revision(directory: Path, revision: str, settings: PlatformSettings | None = None) -> Tree:
    """What ``directory`` had in a commit. ``InputError`` when git does not know it, or the declarations break today's rules."""
    if revision.startswith("-"):
        raise InputError(f"{revision!r} is not a commit", "name a branch, tag or commit")
    try:
        # Run inside a folder, git archives that folder alone, with paths relative to it.
        archive = process.run(["git", "archive", "--format=tar", revision], cwd=directory)
    except FileNotFoundError:
        raise InputError("git is not installed", "--diff reads another commit through git") from None
    if archive.returncode != 0:
        reason = archive.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"cannot read {directory} at {revision!r}: {reason[-1] if reason else 'git failed'}", "name a commit that has it")
    with tempfile.TemporaryDirectory() as name:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
                tar.extractall(name, filter="data")
        except tarfile.FilterError as error:
            raise InputError(f"cannot read {directory} at {revision!r}: {error}", "links may not lead out of the folder") from None
        try:
            return Tree.of(Path(name), load(Path(name), settings))
        except DeclarationErrors as error:
            problems = len(error.problems)
            raise InputError(
                f"the declarations of {revision!r} have {problems} problem{'s' if problems > 1 else ''} under today's rules",
                str(error.problems[0]).removeprefix(f"{name}/"),
            ) from None


def bringing_back(directory: Path, slug: str) -> str | None:
    """The git command that brings a tenant's file and assets back as they were last committed; None where git has never had them."""

    def git(*arguments: str) -> list[str]:
        try:
            answer = process.run(["git", *arguments], cwd=directory)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return answer.stdout.decode("utf-8", "replace").split("\0") if answer.returncode == 0 else []

    file = f"{slug}{SUFFIX}"
    removed = "".join(git("log", "-1", "--diff-filter=D", "--format=%h", "--", file)).strip()
    for revision in ("HEAD", f"{removed}~" if removed else ""):
        there = [path for path in git("ls-tree", "-z", "--name-only", revision, "--", file, f"assets/{slug}") if path] if revision else []
        if file in there:
            return f"git checkout {revision} -- {' '.join(display(directory / path) for path in there)}"
    return None


def differences(before: Tree, after: Tree) -> tuple[TenantChange, ...]:
    """Every tenant whose effective declaration or asset differs, by slug, with every key that does."""
    found = []
    for slug in sorted(before.tenants.keys() | after.tenants.keys()):
        old, new = before.flat(slug), after.flat(slug)
        changes = tuple(Change(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key))
        if changes:
            found.append(TenantChange(slug, "added" if not old else "removed" if not new else "changed", changes))
    return tuple(found)


def flat(tenant: TenantDeclaration) -> dict[str, Any]:
    """The effective declaration with dotted keys; lists stay whole."""
    result: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                walk(f"{prefix}.{key}" if prefix else key, below)
        elif value is not None:
            result[prefix] = value

    walk("", tenant.model_dump(mode="json"))
    return result
