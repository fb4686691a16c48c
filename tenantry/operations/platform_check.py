"""Holds the declarations against what the platform knows, for commands that must do without a server as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tenantry.clients import host_names, losses, quarantine
from tenantry.clients.ledger import Ledger
from tenantry.clients.losses import Loss
from tenantry.clients.postgres import Server
from tenantry.declaration import TenantDeclaration, naming
from tenantry.declaration.explain import Place
from tenantry.declaration.files import SUFFIX, FileReader, display
from tenantry.declaration.problems import Problem
from tenantry.errors import InputError
from tenantry.settings import project_settings


def problems(directory: Path, declared: Mapping[str, TenantDeclaration]) -> list[Problem]:
    """What the platform would refuse of the files in ``directory``, each where it stands: names in quarantine, edits that lose data,
    tenants without their file, files of tenants that are gone, and host names that cannot change hands."""
    with Server.from_environment().connect() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    settings, reader = project_settings(), FileReader(directory)
    return [
        *_quarantined(reader, declared, book),
        *(_lost(reader, loss) for loss in losses.losses(book, declared, protects=settings is None or settings.protects)),
        *_left(reader, declared, book),
        *_passing(reader, declared, book),
    ]


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
        return Problem(display(reader.directory / f"{loss.slug}{SUFFIX}"), 1, 1, loss.message, loss.hint)
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
