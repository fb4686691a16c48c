"""Reads a folder of declarations, with every problem of every file at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from tenantry import naming
from tenantry.declaration.crosscheck import cross_check
from tenantry.declaration.files import FileReader, tenant_files
from tenantry.declaration.model import TenantDeclaration
from tenantry.errors import InputError
from tenantry.problems import DeclarationErrors, nearest
from tenantry.settings import PlatformSettings, project_settings


class Later(Protocol):
    """A declaration that is known to be valid, and made when it is asked for."""

    @property
    def stack(self) -> str: ...

    def made(self) -> TenantDeclaration: ...


class Declarations(Mapping[str, TenantDeclaration]):
    """All declared tenants by slug, in alphabetical order; cannot be changed."""

    def __init__(self, tenants: Mapping[str, TenantDeclaration | Later]) -> None:
        self._tenants = dict(sorted(tenants.items()))

    def __getitem__(self, slug: str) -> TenantDeclaration:
        found = self._tenants[slug]
        if not isinstance(found, TenantDeclaration):
            found = self._tenants[slug] = found.made()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._tenants)

    def __len__(self) -> int:
        return len(self._tenants)

    def __repr__(self) -> str:
        return f"Declarations({', '.join(self._tenants)})"

    def tenant(self, slug: str) -> TenantDeclaration:
        """One tenant; ``InputError`` with the nearest slug when no file declares it."""
        if slug not in self._tenants:
            raise InputError(
                f"no file declares the tenant {slug!r}",
                nearest(slug, self._tenants) or "`tenantry list` shows all tenants",
                code="tenant.unknown",
            )
        return self[slug]

    def of_stack(self, stack: str) -> tuple[TenantDeclaration, ...]:
        """The tenants that a stack holds: a cell's pooled ones, or the one dedicated tenant; none for an unknown stack."""
        return tuple(self[slug] for slug, tenant in self._tenants.items() if tenant.stack == stack)


Read = Callable[[FileReader, str], TenantDeclaration | Later | None]


def load(directory: Path, settings: PlatformSettings | None = None, read: Read = FileReader.read) -> Declarations:
    """Every tenant of a folder. ``settings`` (the project's own when left out) give the platform's host names, ``read`` reads one file.

    Raises ``DeclarationErrors`` with every problem of every file.
    """
    if not directory.is_dir():
        raise InputError(f"there is no folder {directory}", "TENANTRY_TENANTS names the folder of the declarations")
    reader = FileReader(directory)
    for tier in reader.tiers:
        reader.tier(tier)
    tenants: dict[str, TenantDeclaration | Later] = {}
    for slug in tenant_files(directory, reader.problems):
        if (tenant := read(reader, slug)) is not None:
            tenants[slug] = tenant
    reader.problems.extend(cross_check(reader.claims, reader, settings or project_settings()))
    if reader.problems:
        raise DeclarationErrors(reader.problems)
    return Declarations(tenants)


def load_one(directory: Path, slug: str) -> TenantDeclaration:
    """One tenant, read and checked by itself: nothing is said about other files. Raises ``InputError`` or ``DeclarationErrors``."""
    naming.require_slug(slug)
    path = directory / f"{slug}.yaml"
    if not path.exists():
        declared = list(tenant_files(directory, [])) if directory.is_dir() else []
        raise InputError(f"no file declares the tenant {slug!r}", nearest(slug, declared) or f"looked for {path}", code="tenant.unknown")
    reader = FileReader(directory)
    tenant = reader.read(slug)
    if tenant is None or reader.problems:
        raise DeclarationErrors(reader.problems)
    return tenant
