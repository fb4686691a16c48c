"""What a branch does to tenants that are there: what a run would refuse of it, and what it would do besides writing settings.

Told from the files and git alone, as where a pull request is checked and no platform can be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tenantry.clients.git import Repository
from tenantry.control.lifecycle import COMMANDS
from tenantry.declaration.committed import committed
from tenantry.declaration.files import SUFFIX, FileReader, display
from tenantry.declaration.history import TenantChange, bringing_back, differences, parting
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.tree import Tree
from tenantry.problems import Problem

_MIGRATION: Final = re.compile(r"(?:control|tenant)/[0-9]{4}_[^/]*\.(?:sql|py)")
_DOES: Final = {
    "suspend": "its people are locked out and its host says so",
    "reactivate": "its people are let in again",
    "offboard": "its people are locked out, and it is held until it may be deleted",
    "undelete": "its hold ends",
}


class PullRequest:
    """The difference between the commit where a branch left another one, and the files as they are now."""

    def __init__(self, directory: Path, revision: str, now: Tree) -> None:
        """``InputError`` with the cause where git cannot tell."""
        self.directory = directory
        self.repository = Repository.require(directory)
        one, _, other = revision.partition("...")
        self.reference = self.repository.commit(one or "HEAD")
        self.base = parting(self.repository, one, other)
        self.before, self.after = committed(self.repository, self.base, now), now
        self.changes: dict[str, TenantChange] = {change.slug: change for change in differences(self.before, self.after)}
        self._reader = FileReader(directory)

    @property
    def added(self) -> frozenset[str]:
        """The tenants that were not declared before."""
        return frozenset(slug for slug, change in self.changes.items() if change.what == "added")

    def refused(self) -> Iterator[Problem]:
        """What would lose a tenant's data, or do nothing. A platform that can be asked knows it better: whether the tenant was ever made,
        is moved already, or is gone."""
        for slug, change in self.changes.items():
            if change.what == "removed":
                yield from self._removed(slug)
            elif slug in self.after.tenants:
                was, tenant = self.before.tenants.get(slug), self.after.tenants[slug]
                if was is not None:
                    yield from self._moved(was, tenant)
                if tenant.gone and not (was is not None and was.state == tenant.state):
                    yield self._gone(was, tenant)
                elif was is not None and was.gone and not tenant.gone:
                    yield self._at(
                        slug, "state",
                        f"tenant {slug} was {was.state} and cannot be {tenant.state} by an edit: its data is gone",
                        "give a new tenant another name: tenantry new SLUG --tier TIER",
                    )  # fmt: skip

    def meant(self) -> Iterator[Problem]:
        """Changes of a state that a run makes: what the command of that name does, said so that nobody merges it unaware."""
        for slug in self.changes:
            was, tenant = self.before.tenants.get(slug), self.after.tenants.get(slug)
            if was is None or tenant is None or tenant.gone:
                continue
            command = COMMANDS.get((was.state, tenant.state))
            if command is not None:
                then = " and stays suspended" if (command, tenant.state) == ("undelete", "suspended") else ""
                found = self._at(
                    slug, "state",
                    f"would {command} {slug}: {_DOES[command]}{then}, as with: tenantry {command} {slug}",
                    f"leave state: {was.state} where that is not meant",
                )  # fmt: skip
                yield Problem(found.file, found.line, found.column, found.message, found.hint, "notice")

    def older_code(self, migrations: Path) -> Iterator[Problem]:
        """Migrations that the branch takes away or edits: a platform that has them refuses the program, or stays without the edit."""
        repository = Repository.of(migrations)
        if repository is None or repository.root != self.repository.root:
            return
        entries = {entry.path: entry.blob for entry in repository.files(self.base) if _MIGRATION.fullmatch(entry.path)}
        texts = dict(repository.contents(entries.values(), 2**20))
        for name, blob in sorted(entries.items()):
            path = migrations / name
            back = f"git checkout {self.base[:12]} -- {display(path)}"
            if not path.is_file():
                yield Problem(
                    display(path),
                    1,
                    1,
                    "is gone: a platform that was migrated with it refuses a program without it",
                    f"bring it back: {back}",
                )
            elif name.endswith(".sql") and blob in texts and _lines(path.read_bytes()) != _lines(texts[blob]):
                yield Problem(
                    display(path), 1, 1, "was edited: where it was applied it is not applied again", f"put it back, and add another: {back}"
                )

    def _removed(self, slug: str) -> Iterator[Problem]:
        file = display(self.directory / f"{slug}{SUFFIX}")
        was = self.before.tenants.get(slug)
        new = self._renamed_to(was) if was is not None else None
        back = bringing_back(self.directory, slug) or f"git checkout {self.base[:12]} -- {file}"
        if was is not None and was.gone:
            return
        if new is not None:
            there = display(self.directory / f"{new}{SUFFIX}")
            yield Problem(
                file, 1, 1,
                f"{file} was renamed to {there}, but a tenant keeps its slug: {new} would be another, empty tenant",
                f"git mv {there} {file}; `name` and `domains` are what people see, and may change",
            )  # fmt: skip
        elif was is not None and was.state == "offboarding":
            yield Problem(
                file, 1, 1,
                f"{file} is removed: right where the tenant {slug} has been deleted, refused where it is still held",
                f"bring it back: {back}; a tenant is deleted with: tenantry offboard {slug} --delete",
                "warning",
            )  # fmt: skip
        else:
            yield Problem(
                file, 1, 1,
                f"{file} is removed, which deletes nothing: every run of the tenant's stack would be refused",
                f"bring it back: {back}; a tenant is removed with: tenantry offboard {slug}",
            )  # fmt: skip

    def _renamed_to(self, was: TenantDeclaration) -> str | None:
        for slug in sorted(self.added):
            tenant = self.after.tenants.get(slug)
            if tenant is not None and (
                tenant.name == was.name or tenant.admin.email == was.admin.email or set(tenant.domains) & set(was.domains)
            ):
                return slug
        return None

    def _moved(self, was: TenantDeclaration, tenant: TenantDeclaration) -> Iterator[Problem]:
        slug = tenant.slug
        for key, option, old, new in (
            ("isolation", "--to", was.isolation, tenant.isolation), ("cell", "--cell", was.cell, tenant.cell),
        ):  # fmt: skip
            if old != new:
                yield self._at(
                    slug, key,
                    f"tenant {slug} had {key}: {old}; {new} would leave its data behind",
                    f"put {key}: {old} back, or move the data first, then merge this: tenantry move {slug} {option} {new}",
                )  # fmt: skip

    def _gone(self, was: TenantDeclaration | None, tenant: TenantDeclaration) -> Problem:
        slug = tenant.slug
        if was is None:
            return self._at(
                slug, "state", f"there is no tenant {slug} that could be {tenant.state}", f"remove the file, and assets/{slug}/"
            )
        option = "--archive" if tenant.state == "archived" else "--delete"
        first = f"state: {was.state} stays" if was.state == "offboarding" else f"tenantry offboard {slug} first"
        return self._at(
            slug, "state",
            f"an edit does not make tenant {slug} {tenant.state}",
            f"{first}, then: tenantry offboard {slug} {option}, which removes the file when it is done",
        )  # fmt: skip

    def _at(self, slug: str, key: str, message: str, hint: str) -> Problem:
        return Problem(*self._reader.position(slug, (key,)), message, hint)


def _lines(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")
