"""A checkout of the declarations beside what was applied: which of the two came first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from tenantry.clients.git import Repository
from tenantry.control import origin
from tenantry.control.ledger import KnownTenant
from tenantry.control.origin import Origin
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.files import SUFFIX

Reason = tuple[str, str]
"""Message and hint."""


class Checkout:
    """A folder of declarations, of whose repository each commit is asked once; it may be in none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: dict[str, bool | None] = {}

    def behind(self, slug: str, content: str, known: KnownTenant) -> Reason | None:
        """Why a file with this ``Fingerprint.content`` is older than what was applied; None: it is not, or that cannot be told.

        Without git a content that was replaced before counts as older.
        """
        before = known.origin
        if before is None:
            return None
        if before.commit is not None and self._head is not None:
            return self.older(slug, before)
        if content != before.content and content in known.earlier:
            return (
                f"tenants/{slug}{SUFFIX} says what was replaced by {before.said()}",
                f"bring the newer file here, or, where the older one is meant: tenantry up {slug} --accept-older",
            )
        return None

    def older(self, slug: str, before: Origin, *, there: bool = True) -> Reason | None:
        """Why the checkout's commit does not contain what was applied. ``there``: whether it has a file of the tenant."""
        repository, head = self._repository, self._head
        if repository is None or head is None or before.commit is None:
            return None
        contained = self._contains(before.commit)
        if contained:
            return None
        overtaken = repository.contains(head, before.commit)
        if contained is False and not overtaken and self._has_passed(slug, before):
            return None
        what = f"tenants/{slug}{SUFFIX} of commit {head[:10]}" if there else f"commit {head[:10]}, which has no tenants/{slug}{SUFFIX},"
        meant = f"; or, where this file is meant: tenantry up {slug} --accept-older" if there else ""
        if contained is None:
            fetch = "git fetch --unshallow" if repository.shallow else f"git fetch origin {before.commit}"
            return (
                f"{what} may be older than {before.said()}: that commit is not in this clone",
                f"{fetch}, then the same again{meant}",
            )
        relation = "is older than" if overtaken else "is of a history that does not contain"
        return f"{what} {relation} {before.said()}", f"git pull, or merge that commit{meant}"

    def overtaken_by(self, made: Iterable[Origin]) -> str | None:
        """What to say where the commit of one of these contains this checkout's, and more; None where there is none."""
        repository, head = self._repository, self._head
        if repository is None or head is None:
            return None
        for commit, newer in {each.commit: each for each in made}.items():
            if commit not in (None, head) and repository.contains(head, commit):
                return f"commit {head[:10]} is older than {newer.said()}"
        return None

    def further(self, before: Origin) -> bool:
        """Whether this checkout has more than the commit at which the same was applied: an edit that was made and taken back between the
        two is older from now on."""
        if self._head is None or before.commit in (None, self._head):
            return False
        return bool(self._contains(before.commit))

    def elsewhere(self, before: Origin) -> bool:
        """Whether the same was applied at a commit of another history: from now on this one is what later runs are compared with."""
        repository, head = self._repository, self._head
        if repository is None or head is None or before.commit is None or self._contains(before.commit):
            return False
        return not repository.contains(head, before.commit)

    def committed(self, slug: str) -> bool:
        """Whether the tenant's file is in the checkout's commit as it is."""
        return self._repository is not None and self._head is not None and not self._repository.dirty([self._file(slug)])

    def origin(self, tenant: TenantDeclaration, content: str) -> Origin:
        """Where a tenant's declaration comes from when it is made of this checkout; state and place are those of ``tenant``."""
        file = self._file(tenant.slug)
        blob = origin.blob(file) if file.is_file() else ""
        return Origin(content, tenant.state, tenant.isolation, tenant.cell, self._head, blob, origin.actor(), origin.now())

    def _has_passed(self, slug: str, before: Origin) -> bool:
        """Whether the history has the tenant's file as it was applied, and another since: a squash or a rebase gives the same file another
        commit. Of a commit that is not in this clone the same would be true of a file that came back later; and where the file is the same
        the difference is its tier's or a picture's."""
        file, repository, head = self._file(slug), self._repository, self._head
        if repository is None or head is None or not file.is_file() or origin.blob(file) == before.blob:
            return False
        return repository.knew(file, before.blob, head)

    def _contains(self, commit: str) -> bool | None:
        """Whether the checkout's commit contains it; None: it is not in this clone."""
        if commit not in self._asked:
            assert self._repository is not None and self._head is not None  # noqa: S101, PT018  # the callers have looked
            self._asked[commit] = self._repository.contains(commit, self._head)
        return self._asked[commit]

    def _file(self, slug: str) -> Path:
        return self._folder / f"{slug}{SUFFIX}"

    @cached_property
    def _repository(self) -> Repository | None:
        return Repository.of(self._folder)

    @cached_property
    def _head(self) -> str | None:
        return self._repository.head() if self._repository else None
