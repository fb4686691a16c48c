"""The declared tenants as people and programs see them: listed, with their tiers' defaults, and compared with another commit."""

from __future__ import annotations

from dataclasses import dataclass

from tenantry.declaration import TenantDeclaration, generator
from tenantry.declaration.history import TenantChange, compared, differences
from tenantry.declaration.store import DeclarationStore
from tenantry.declaration.tree import Tree
from tenantry.naming import host
from tenantry.settings import project_settings, tenants_dir


@dataclass(frozen=True)
class DeclaredTenant:
    """One declared tenant. ``hosts``: its own on the platform's domain, outside a project not known, and those that it brings."""

    slug: str
    name: str
    tier: str
    isolation: str
    cell: str
    stack: str
    state: str
    hosts: tuple[str, ...]


def listed() -> tuple[DeclaredTenant, ...]:
    """The declared tenants, by slug."""
    settings = project_settings()
    return tuple(
        DeclaredTenant(
            slug=tenant.slug,
            name=tenant.name,
            tier=tenant.tier,
            isolation=tenant.isolation,
            cell=tenant.cell,
            stack=tenant.stack,
            state=tenant.state,
            hosts=(*([host(tenant.slug, settings.domain)] if settings else []), *tenant.domains),
        )
        for tenant in DeclarationStore.of_platform().load().values()
    )


def read_ahead() -> None:
    """Reads all of them: whoever declares the next tenant in this process does not wait for that. ``DeclarationErrors`` as theirs."""
    generator.read_ahead(tenants_dir())


def effective(slug: str | None = None) -> tuple[TenantDeclaration, ...]:
    """Each tenant's file with its tier's defaults, or one tenant's. ``InputError`` with the nearest slug where no file declares it."""
    tenants = DeclarationStore.of_platform().load()
    return tuple(tenants.values()) if slug is None else (tenants.tenant(slug),)


def changes(revision: str, slug: str | None = None) -> tuple[TenantChange, ...]:
    """What effective declarations differ in since this branch left ``revision``, or between ``A...B``; of all tenants, or of one.

    ``InputError`` for a tenant that neither side has.
    """
    directory = tenants_dir()
    tenants = DeclarationStore(directory).load()
    before, after = compared(directory, revision, Tree.of(directory, tenants))
    if slug is not None and slug not in before and slug not in after:
        tenants.tenant(slug)
    return tuple(change for change in differences(before, after) if slug in (None, change.slug))
