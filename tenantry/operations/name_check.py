"""Holds the names that declarations bring in against the quarantine, for commands that must do without a server as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tenantry.clients.postgres import Server
from tenantry.declaration import TenantDeclaration, naming
from tenantry.declaration.files import FileReader
from tenantry.declaration.problems import Problem
from tenantry.errors import TenantryError

TIMEOUT: Final = 2
"""Seconds that a server has to answer: whoever checks files does not wait for one that is away."""


def unasked() -> str:
    """Why no quarantine can be asked, in one line; nothing when it can. In a pull request's checks there is no server."""
    try:
        Server.from_environment().connect(timeout=TIMEOUT).close()
    except TenantryError as error:
        return error.message
    return ""


def problems(directory: Path, declared: Mapping[str, TenantDeclaration]) -> list[Problem]:
    """Names in quarantine that the files of ``directory`` bring in, each where it stands."""
    from tenantry.clients import quarantine
    from tenantry.clients.ledger import Ledger

    with Server.from_environment().connect() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    slugs, hosts = quarantine.new_names(declared.values(), book)
    reader = FileReader(directory)
    found = []
    for row in quarantine.standing(slugs, hosts):
        for slug, place in _places(row["kind"], row["name"], declared):
            found.append(Problem(*reader.position(slug, place), quarantine.said(row), quarantine.HINT))
    return found


def _places(kind: str, name: str, declared: Mapping[str, TenantDeclaration]) -> list[tuple[str, tuple[str | int, ...]]]:
    if kind == "slug":
        return [(name, ())]
    return [(slug, ("domains", tenant.domains.index(name))) for slug, tenant in declared.items() if name in tenant.domains]
