"""Holds the declarations against what the platform knows, for commands that must do without a server as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tenantry import naming
from tenantry.clients.git import Repository
from tenantry.control import admission, host_names, losses, quarantine
from tenantry.control.admitted import Verdict
from tenantry.control.ledger import Ledger
from tenantry.control.losses import Loss
from tenantry.declaration import Declarations, TenantDeclaration
from tenantry.declaration.explain import Place
from tenantry.declaration.files import SUFFIX, FileReader, display
from tenantry.errors import InputError, TenantryError
from tenantry.operations.pull_request import PullRequest
from tenantry.postgres.server import Server
from tenantry.problems import Problem, Severity
from tenantry.settings import project_settings

TIMEOUT: Final = 2
"""Seconds that a server has to answer: a check of files does not wait for one that is away."""


def reachable(tell: Callable[[str], None] = lambda line: None) -> bool:
    """Whether the platform can be asked; where not, ``tell`` hears why. In a pull request's checks there is no server."""
    try:
        Server.from_environment().connect(timeout=TIMEOUT).close()
    except TenantryError as error:
        tell(f"note: the platform was not asked: {error.message}")
        return False
    return True


def problems(directory: Path, files: Declarations, request: PullRequest | None) -> list[Problem]:
    """What the platform would refuse of the files in ``directory``, each where it stands: names in quarantine, edits that lose data,
    tenants without their file, files of tenants that are gone, host names that cannot change hands, and what it knows better than a file.

    What a ``request`` has not touched is none of its errors, where a run goes on without it.
    """
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    admitted = admission.admit(files, book)
    declared = admitted.declared
    settings, reader = project_settings(), FileReader(directory)
    return [
        *(found for verdict in admitted.verdicts.values() if (found := _of(verdict, reader, book, request)) is not None),
        *_quarantined(reader, declared, book),
        *(_lost(reader, loss) for loss in losses.losses(book, declared, protects=settings is None or settings.protects)),
        *_left(reader, declared, book),
        *_passing(reader, declared, book),
    ]


def _of(verdict: Verdict, reader: FileReader, book: Ledger, request: PullRequest | None) -> Problem | None:
    """What the run would not make of a file; None where that is over with the merge: a branch may be behind the one that it is for."""
    slug, severity = verdict.slug, _SEVERITY[verdict.kind]
    if request is not None:
        origin = book.tenants[slug].origin if slug in book.tenants else None
        if verdict.kind == "older" and origin and origin.commit and request.repository.contains(origin.commit, request.reference):
            return None
        if verdict.kind == "older" or (verdict.kind == "deleted" and slug in request.added):
            severity = "error"
        if slug not in request.changes:
            severity = "warning"
    elif verdict.kind == "deleted" and _is_new(reader, slug):
        severity = "error"
    key = {"unaware": "state", "refused": "state"}.get(verdict.kind)
    place = reader.position(slug, (key,) if key else ()) if (reader.directory / f"{slug}{SUFFIX}").exists() else _file(reader, slug)
    return Problem(*place, verdict.message, verdict.hint, severity)


def _is_new(reader: FileReader, slug: str) -> bool:
    """Whether someone is about to add the file: it is not the one that was left behind."""
    repository = Repository.of(reader.directory)
    head = repository.head() if repository else None
    return repository is not None and head is not None and repository.blob(head, repository.folder / f"{slug}{SUFFIX}") is None


_SEVERITY: Final[Mapping[str, Severity]] = {"unaware": "warning", "older": "warning", "refused": "error", "deleted": "warning"}
"""A run goes on without what it skips; only what contradicts a command is an error of whoever writes it."""


def _file(reader: FileReader, slug: str) -> tuple[str, int, int]:
    return display(reader.directory / f"{slug}{SUFFIX}"), 1, 1


def _quarantined(reader: FileReader, declared: Mapping[str, TenantDeclaration], book: Ledger) -> Iterator[Problem]:
    for row in quarantine.standing(*quarantine.new_names(declared.values(), book)):
        for slug, place in _places(row["kind"], row["name"], declared):
            left = "a file that was left behind is removed with its assets; " if row["kind"] == "slug" else ""
            yield Problem(*reader.position(slug, place), quarantine.said(row), left + quarantine.HINT)


def _places(kind: str, name: str, declared: Mapping[str, TenantDeclaration]) -> list[tuple[str, Place]]:
    if kind == "slug":
        return [(name, ())]
    return [(slug, ("domains", tenant.domains.index(name))) for slug, tenant in declared.items() if name in tenant.domains]


def _lost(reader: FileReader, loss: Loss) -> Problem:
    if loss.key is None:
        return Problem(*_file(reader, loss.slug), loss.message, loss.hint)
    return Problem(*reader.position(loss.slug, (loss.key,)), loss.message, loss.hint)


def _left(reader: FileReader, declared: Mapping[str, TenantDeclaration], book: Ledger) -> Iterator[Problem]:
    for slug, tenant in declared.items():
        if tenant.gone and slug not in book.tenants:
            yield Problem(
                *reader.position(slug, ("state",)),
                f"there is no tenant {slug} that could be {tenant.state}: it is gone already, or never was",
                f"remove the file, and assets/{slug}/",
            )


def _passing(reader: FileReader, declared: Mapping[str, TenantDeclaration], book: Ledger) -> Iterator[Problem]:
    for found in host_names.passing(book, declared):
        try:
            host_names.refuse_unsafe(found, book, declared)
            host_names.refuse_exchange(found.given_by, found.taken_by, book, declared)
        except InputError as error:
            place: Place = ("domains", declared[found.taker].domains.index(found.host))
            yield Problem(*reader.position(found.taker, place), error.message, error.hint)
