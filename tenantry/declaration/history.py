"""The declarations of other commits, and what differs between two trees of them, key by key."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tenantry.clients.git import Repository
from tenantry.declaration.committed import committed
from tenantry.declaration.files import SUFFIX, display
from tenantry.declaration.tree import Tree, assets_of


@dataclass(frozen=True, slots=True)
class Change:
    """One key of ``Tree.flat``: dotted name, JSON values before and after (``None``: absent)."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class TenantChange:
    """What became of one tenant's effective declaration and its assets. ``unreadable``: why today's rules refuse the one from before;
    then there are no ``changes``, because nobody knows them."""

    slug: str
    what: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...]
    unreadable: str = ""


def load_revision(directory: Path, revision: str, now: Tree) -> Tree:
    """What ``directory``, which has ``now``, had in a commit; ``A...B`` is the commit where the two part.

    ``InputError`` with the cause where git cannot tell.
    """
    repository = Repository.require(directory)
    one, dots, other = revision.partition("...")
    return committed(repository, parting(repository, one, other) if dots else repository.commit(revision), now)


def compared(directory: Path, revision: str, now: Tree) -> tuple[Tree, Tree]:
    """Before and after, for someone who wants to see what a branch does.

    ``REF``: what ``directory`` has against the commit where its branch and REF part: what REF got since is none of the branch's
    doing. ``A...B``: commit B in the same way; ``A..B``: commit B against commit A.
    """
    repository = Repository.require(directory)
    one, dots, other = revision.partition("..")
    if not dots:
        return committed(repository, parting(repository, revision), now), now
    third, other = other.startswith("."), other.removeprefix(".")
    before = parting(repository, one, other) if third else repository.commit(one or "HEAD")
    return committed(repository, before, now), committed(repository, repository.commit(other or "HEAD"), now)


def parting(repository: Repository, one: str, other: str = "") -> str:
    """The commit where two branches part (``HEAD`` for one that is not named); the first itself where they never were together."""
    first, second = (repository.commit(name or "HEAD") for name in (one, other))
    return repository.merge_base(first, second) or first


def bringing_back(directory: Path, slug: str) -> str | None:
    """The git command that brings a tenant's file and assets back as they were last committed; None where git has never had them."""
    repository = Repository.of(directory)
    if repository is None or repository.head() is None:
        return None
    file = repository.folder / f"{slug}{SUFFIX}"
    removal = repository.removal(file)
    for revision in ("HEAD", f"{removal}~" if removal else ""):
        if revision and repository.blob(revision, file):
            pictures = repository.files(revision, f"{repository.prefix}assets/{slug}/")
            paths = [directory / file.name, *([directory / "assets" / slug] if pictures else [])]
            return f"git checkout {revision} -- {' '.join(shlex.quote(display(path)) for path in paths)}"
    return None


def differences(before: Tree, after: Tree) -> tuple[TenantChange, ...]:
    """Every tenant whose effective declaration or asset differs, by slug, with every key that does.

    One whose declaration could not be read on either side counts as changed: nobody can say that it is the same.
    """
    found = []
    for slug in sorted({*before.tenants, *before.unreadable, *after.tenants, *after.unreadable}):
        what: Literal["added", "removed", "changed"] = "added" if slug not in before else "removed" if slug not in after else "changed"
        why = before.unreadable.get(slug) or after.unreadable.get(slug) or ""
        changes = () if why or _same(before, after, slug) else _changes(before, after, slug)
        if changes or why:
            found.append(TenantChange(slug, what, changes, why))
    return tuple(found)


def _same(before: Tree, after: Tree, slug: str) -> bool:
    """Whether one declaration, read once, stands in both, with the same assets: what nearly every tenant is."""
    old, new = before.tenants.get(slug), after.tenants.get(slug)
    return new is not None and old is new and all(before.assets.get(path) == after.assets.get(path) for path in assets_of(new))


def _changes(before: Tree, after: Tree, slug: str) -> tuple[Change, ...]:
    old, new = before.flat(slug), after.flat(slug)
    return tuple(Change(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key))
