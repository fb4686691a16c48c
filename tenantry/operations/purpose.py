"""What a run is for: a declaration, and the commit that has it; and whether a worker's own files are that, or newer.

A worker makes what its own files say. Where they are other ones, what was asked for would not be what is made:
docs/adr/0029-a-run-is-for-a-declaration.md
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tenantry.clients.git import Repository
from tenantry.control.admitted import Admitted
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.files import SUFFIX, display
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.declaration.tree import assets_of
from tenantry.settings import tenants_dir
from tenantry.work.step import OtherFiles


@dataclass(frozen=True)
class Purpose:
    """What was asked for, as the journal keeps it."""

    declared: str
    """A ``Fingerprint``."""
    commit: str | None
    """The commit that has the declaration; None where there is no git, or it was not committed when it was asked for."""

    @classmethod
    def of(cls, admitted: Admitted, slugs: Collection[str]) -> dict[str, Purpose]:
        """What a run for each of the tenants is for when it is asked for here and now, by slug."""
        repository = Repository.of(tenants_dir())
        head = repository.head() if repository else None
        dirty = repository.dirty([tenants_dir()]) if repository and head else set()
        changed = {slug: bool(dirty) and _changed(_sources(admitted.declared[slug]), dirty) for slug in slugs}
        return {slug: cls(str(admitted.fingerprint(slug)), None if changed[slug] else head) for slug in slugs}

    def newer(self, admitted: Admitted, slug: str) -> str:
        """Empty where this worker's files declare what was asked for; in words where they are newer, so that those are to be made.

        ``OtherFiles`` where they are neither. Whether they can be made at all is for ``admitted.require`` to say.
        """
        wanted, verdict = Fingerprint.parse(self.declared), admitted.verdicts.get(slug)
        repository = Repository.of(tenants_dir())
        head = repository.head() if repository else None
        here = f"gave back at commit {head[:10]}" if head else f"gave back in {tenants_dir()}, which is in no git repository"
        mine = admitted.fingerprint(slug) if slug in admitted.declared else None
        if mine is not None and mine.content == wanted.content:
            # What else differs where no history tells which is newer is a command's: it has given the tenant another state or place since.
            settled = verdict or head is None or self.commit is None
            if settled or mine.declaration == wanted.declaration:
                return ""
        if verdict is not None and verdict.kind == "older":  # another worker may have what was applied last
            raise OtherFiles(f"{here}: {verdict.message}", verdict.hint)
        if repository is not None and head is not None and self.commit is not None:
            sources = _sources(admitted.declared[slug]) if slug in admitted.declared else ()
            if changed := _changed(sources, repository.dirty(sources)):
                here += f", where {display(changed[0])} was changed and not committed"
            elif repository.contains(self.commit, head):
                return f"made from newer files: commit {head[:10]} contains {self.commit[:10]}, which was asked for"
        raise OtherFiles(
            f"{here}: {slug} was asked for with {f'commit {self.commit[:10]}' if self.commit else 'other files'}",
            f"tenantry provision {slug} asks for what is declared where it is run; or bring those files to the worker (git pull)",
        )


def _sources(declaration: TenantDeclaration) -> tuple[Path, ...]:
    """The files that the declaration was read from, its pictures among them."""
    names = (f"{declaration.slug}{SUFFIX}", f"defaults/{declaration.tier}{SUFFIX}", *assets_of(declaration))
    paths = [tenants_dir() / name for name in names]
    return tuple(path.parent.resolve() / path.name for path in paths)


def _changed(sources: Collection[Path], dirty: Collection[Path]) -> tuple[Path, ...]:
    return tuple(sorted(set(sources) & set(dirty)))
