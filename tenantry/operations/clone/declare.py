"""Writes the clone's own file: what a source's file says about looks and limits, and nothing that names, reaches or mails anybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tenantry import naming
from tenantry.control import quarantine
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.generator import NewTenant, cell_with_room, create, prepare
from tenantry.declaration.keys import COLOURS, LIMITS
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.settings import tenants_dir

LABEL: Final = "clone-of"
"""The label that makes a tenant a clone: mail is withheld by it, and a banner shown."""

OFF: Final = frozenset({"sso", "webhooks"})
"""Features that would reach the source's own systems."""


Labels = Mapping[str, str] | None


def declared(slug: str) -> TenantDeclaration | None:
    """The file of that tenant; None where there is none."""
    return DeclarationStore.of_platform().load().get(slug)


def is_clone_of(declaration: TenantDeclaration, source: str) -> bool:
    """Whether the file was written for a clone of ``source``."""
    return declaration.labels.get(LABEL) == source


def place(source: TenantDeclaration, isolation: str | None) -> tuple[str, str]:
    """Isolation and cell of a new clone: the source's model unless told otherwise, a cell that has room."""
    chosen = isolation or source.isolation
    return chosen, cell_with_room(DeclarationStore.of_platform().load()) if chosen in naming.POOLED else naming.MAIN_CELL


def write(source: TenantDeclaration, new: str, *, isolation: str, cell: str, admin: str | None, labels: Labels = None) -> Path:
    """The clone's file, valid together with all others; ``InputError`` when it is there already or would not be."""
    return create(tenants_dir(), _new(source, new, isolation, cell, admin, labels))


def check(source: TenantDeclaration, new: str, *, isolation: str, cell: str, admin: str | None, labels: Labels = None) -> None:
    """Raises what ``write`` would raise."""
    prepare(tenants_dir(), _new(source, new, isolation, cell, admin, labels))


def _new(source: TenantDeclaration, new: str, isolation: str, cell: str, admin: str | None, labels: Labels) -> NewTenant:
    context = "signed" if source.row_context == "signed" else None  # said by the tier or the file: a copy is no weaker
    return NewTenant(new, source.tier, None, admin, isolation, cell, context, more=_more(source, labels or {}))


def _more(source: TenantDeclaration, labels: Mapping[str, str]) -> str:
    content: dict[str, Any] = {
        "branding": {"app_name": f"Clone of {source.slug}"},
        "theme": {**{name: getattr(source.theme, name) for name in COLOURS}, "font": source.theme.font, "css": _banner(source.slug)},
        "features": {key: (on and key not in OFF) or key == "custom_css" for key, on in source.features.items()},
        "limits": {key: getattr(source.limits, key) for key in LIMITS},
        "labels": {**labels, LABEL: source.slug},
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)
    return f"# An anonymised clone: the label {LABEL} keeps mail from being sent, the css shows the banner. Leave both.\n{text}"


def _banner(source: str) -> str:
    return (
        f"body::before {{ content: 'Clone of {source}: anonymised data, no mail is sent'; display: block; position: sticky; top: 0;"
        " z-index: 2147483647; padding: 0.5rem; background: #b00020; color: #ffffff; text-align: center; }"
    )


def require_free(new: str, source: str, taken: set[str]) -> None:
    """``InputError`` when ``new`` cannot be a clone's slug, or is in quarantine; ``taken`` are the slugs that the registry knows."""
    naming.require_slug(new)
    if new == source:
        raise InputError(f"{new} cannot be a clone of itself", "choose another slug with --as")
    file = declared(new)
    if file is not None and not is_clone_of(file, source):
        raise InputError(f"the tenant {new} exists already", "choose another slug with --as", code="tenant.exists")
    if file is None and new in taken:
        raise InputError(f"the registry knows a tenant {new} already", "choose another slug with --as", code="tenant.exists")
    if file is None:
        quarantine.refuse([new], [])
