"""Edits of the files that would lose a tenant's data: found for the whole platform, and refused for the stack that a run is about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import psycopg

from tenantry import naming
from tenantry.control import registry, unmade
from tenantry.control.ledger import KnownTenant, Ledger
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.history import bringing_back
from tenantry.errors import InputError, TenantryError
from tenantry.settings import tenants_dir

FEW = 5
"""Lost files for each of which the command that brings it back is looked up."""


class Loss(NamedTuple):
    """What an edit would lose. ``key`` is what the tenant's file says wrong; None: the file itself is gone."""

    slug: str
    key: str | None
    message: str
    hint: str


def losses(book: Ledger, declared: Mapping[str, TenantDeclaration], *, protects: bool) -> list[Loss]:
    """Every tenant of the platform that lost its file, or that an edit would move, replace or drop; by slug.

    Where the platform ``protects``, a tenant is deleted only by the run that has waited for its hold and proved its final backup.
    """
    return _of_what_is_there(book, [loss for slug in sorted(book.tenants) for loss in _of_tenant(slug, book, declared, protects)])[0]


def refuse(book: Ledger, declared: Mapping[str, TenantDeclaration], *, protects: bool) -> frozenset[str]:
    """Raises ``InputError`` for the losses that concern ``book``'s stack: where the tenant is, or where its file would have it.

    Nothing is lost of a tenant that was never made: those, which a run has to let go (``unmade.let_go``).
    """
    concerned = {
        slug
        for slug, known in book.tenants.items()
        if book.stack in (known.stack, declared[slug].stack if slug in declared else known.stack)
    }
    found, never_made = _of_what_is_there(book, [loss for slug in sorted(concerned) for loss in _of_tenant(slug, book, declared, protects)])
    if found:
        raise InputError(
            "; ".join(loss.message for loss in found), "; ".join(dict.fromkeys(loss.hint for loss in found)), code="declaration.refused"
        )
    return never_made


def _of_what_is_there(book: Ledger, found: list[Loss]) -> tuple[list[Loss], frozenset[str]]:
    """The losses of tenants that there are, and the others' slugs."""
    never_made = unmade.among(book, {loss.slug for loss in found})
    return [loss for loss in found if loss.slug not in never_made], never_made


def _of_tenant(slug: str, book: Ledger, declared: Mapping[str, TenantDeclaration], protects: bool) -> Iterator[Loss]:
    known, tenant = book.tenants[slug], declared.get(slug)
    if tenant is None:
        yield _without_file(slug, book, declared)
    elif slug in book.moves:
        # Where it lives is the move's business until that is over, whatever its file says.
        if tenant.gone or tenant.state == "offboarding":
            yield Loss(
                slug,
                "state",
                f"tenant {slug} is being moved and cannot be {tenant.state}",
                f"end the move first: tenantry move {slug} --finish, or --rollback",
            )
    elif tenant.isolation != known.isolation:
        yield Loss(
            slug,
            "isolation",
            f"tenant {slug} has isolation {known.isolation}; {tenant.isolation} would leave its data behind",
            f"put isolation: {known.isolation} back, or move the data first: tenantry move {slug} --to {tenant.isolation}",
        )
    elif tenant.cell != known.cell:
        yield Loss(
            slug,
            "cell",
            f"tenant {slug} is in the cell {known.cell}; {tenant.cell} would leave its data behind",
            f"put cell: {known.cell} back, or move the data first: tenantry move {slug} --cell {tenant.cell}",
        )
    elif tenant.gone:
        yield from _gone(slug, known, protects=protects, proven=slug in book.released)


def _gone(slug: str, known: KnownTenant, *, protects: bool, proven: bool) -> Iterator[Loss]:
    if known.state not in ("offboarding", "archived", "deleted"):
        yield Loss(slug, "state", f"tenant {slug} is {known.state} and cannot be deleted at once", f"tenantry offboard {slug}")
    elif protects and not proven:
        yield Loss(
            slug,
            "state",
            f"tenant {slug} has no proven final backup: an edit alone does not delete it",
            f"put state: offboarding back, then: tenantry offboard {slug} --delete",
        )


def _without_file(slug: str, book: Ledger, declared: Mapping[str, TenantDeclaration]) -> Loss:
    new = _renamed_to(slug, book, declared)
    # Of one after the other git is asked; a folder that has none of the files is another mistake.
    few = len(book.tenants.keys() - declared.keys()) <= FEW
    if new is None:
        return Loss(
            slug,
            None,
            f"tenants/{slug}.yaml is gone but the tenant {slug} is not",
            f"bring the file back{_way_back(slug) if few else ''}; a tenant is removed with: tenantry offboard {slug}",
        )
    return Loss(
        slug,
        None,
        f"tenants/{slug}.yaml was renamed to tenants/{new}.yaml, but a tenant keeps its slug: {new} would be another, empty tenant",
        f"git mv tenants/{new}.yaml tenants/{slug}.yaml; `name` and `domains` are what people see, and may change",
    )


def _way_back(slug: str) -> str:
    """The command that brings the file back: of what git had, or of what the registry knows of the tenant."""
    committed = bringing_back(tenants_dir(), slug)
    if committed is not None:
        return f": {committed}"
    known = _registered(slug)
    if known is None:
        return ", which is in no commit"
    row, admin = known["row"], known["admin"] or {"email": "ADDRESS"}
    hosts = f" and in it domains: [{', '.join(known['domains'])}]" if known["domains"] else ""
    return (
        f": tenantry new {slug} --tier {row['tier']} --isolation {row['isolation']} --cell {row['cell']}"
        f" --name {shlex.quote(row['name'])} --email {shlex.quote(admin['email'])}{hosts}"
    )


def _renamed_to(slug: str, book: Ledger, declared: Mapping[str, TenantDeclaration]) -> str | None:
    """The new tenant that is the lost one by what the registry knows of it: its name, its administrator or a host name of its own."""
    newcomers = [tenant for tenant in declared.values() if tenant.slug not in book.tenants and not tenant.gone]
    if not newcomers:
        return None
    lost = _registered(slug)
    if lost is None:
        return None
    admin = (lost["admin"] or {}).get("email")
    for tenant in newcomers:
        if tenant.name == lost["row"]["name"] or tenant.admin.email == admin or set(tenant.domains) & set(lost["domains"]):
            return tenant.slug
    return None


def _registered(slug: str) -> dict[str, Any] | None:
    try:
        return registry.read_record(str(naming.tenant_id(slug)))
    except (TenantryError, psycopg.Error):  # no registry, or none that answers: the loss is told without it
        return None
