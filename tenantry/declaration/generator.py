"""Writes the file of a new tenant: complete enough to be valid, with a cell that has room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Final

import yaml

from tenantry import naming
from tenantry.clients.git_branch import Overtaken
from tenantry.declaration.crosscheck import cross_check
from tenantry.declaration.files import SUFFIX, FileReader
from tenantry.declaration.keeper import Change
from tenantry.declaration.model import ISOLATIONS, TenantDeclaration
from tenantry.declaration.names import Names, first_with_room
from tenantry.declaration.store import TRIES, DeclarationStore
from tenantry.declaration.yaml_edit import CannotEdit, set_value
from tenantry.errors import InputError
from tenantry.problems import DeclarationErrors, nearest
from tenantry.settings import PlatformSettings, project_settings

_TURN: Final = RLock()
"""Of the threads of a process one declares at a time: between processes the keeper of the files says who was first."""


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What a person says about a new tenant; ``None`` is decided for them."""

    slug: str
    tier: str
    name: str | None = None
    email: str | None = None
    isolation: str | None = None
    cell: str | None = None
    row_context: str | None = None
    more: str | None = None
    """YAML in place of the comments that say what can be added; whole lines."""
    values: tuple[tuple[tuple[str, ...], Any], ...] = ()
    """What the file says besides: path and value (text, number, boolean), as ``DeclarationStore.edit`` would write them."""
    domains: tuple[str, ...] = ()


def cell_with_room(tenants: Mapping[str, TenantDeclaration]) -> str:
    """The first cell with fewer than ``CELL_CAPACITY`` pooled tenants, ``main`` first, then by name; else the next free ``c2``, ``c3`` …"""
    count: dict[str, int] = {}
    for tenant in tenants.values():
        count[tenant.cell] = count.get(tenant.cell, 0) + (tenant.pooled and not tenant.gone)
    return first_with_room(count)


def create(directory: Path, new: NewTenant, settings: PlatformSettings | None = None, change: Change | None = None) -> Path:
    """Write ``<slug>.yaml`` and return its path: see ``write``."""
    write(directory, new, settings, change)
    return DeclarationStore(directory).path(new.slug)


def write(directory: Path, new: NewTenant, settings: PlatformSettings | None = None, change: Change | None = None) -> str:
    """Write ``<slug>.yaml`` and return its text. The whole folder must be valid, before and after.

    Raises ``InputError`` when the file exists or an argument is wrong, ``DeclarationErrors`` when a file is.
    The file appears whole or not at all, and never replaces one; on a branch it is made anew where somebody else was first.
    """
    store = DeclarationStore(directory)
    with _TURN:
        for number in range(TRIES):
            names = _names(store, new.slug, settings, fresh=number > 0)
            try:
                text = prepare(directory, new, settings, names)
                store.create(new.slug, text, change, names.at)
                return text
            except Overtaken:
                if number == TRIES - 1:
                    raise
            except InputError:
                if number or names.at is None:  # else what stands in the way may be gone by now
                    raise
    raise AssertionError(new.slug)


def read_ahead(directory: Path) -> None:
    """Notes who has which name, for the first ``write`` or ``prepare`` of this process."""
    with _TURN:
        DeclarationStore(directory).names()


def prepare(directory: Path, new: NewTenant, settings: PlatformSettings | None = None, names: Names | None = None) -> str:
    """What ``create`` would write; raises what it raises, and writes nothing. ``names``: who has which by now."""
    naming.require_slug(new.slug)
    names = names or _names(DeclarationStore(directory), new.slug, settings)
    if names.has(new.slug):
        raise _exists(directory / f"{new.slug}{SUFFIX}")
    reader = FileReader(directory)
    if new.tier not in reader.tiers:
        raise InputError(f"there is no tier {new.tier!r}", nearest(new.tier, reader.tiers))
    if new.isolation is not None and new.isolation not in ISOLATIONS:
        raise InputError(f"there is no isolation {new.isolation!r}", nearest(new.isolation, ISOLATIONS))
    if new.cell is not None:
        naming.require_cell(new.cell)
    tier = reader.tier(new.tier) or {}
    isolation = new.isolation or tier.get("isolation", "rls")
    cell = new.cell or (names.cell_with_room() if isolation in naming.POOLED else naming.MAIN_CELL)
    text = render(new, isolation, cell)
    for place, value in new.values:
        try:
            text = set_value(text, place, value)
        except CannotEdit as error:
            raise InputError(f"{'.'.join(place)}: {error}") from None
    if new.domains:
        text += yaml.safe_dump({"domains": list(new.domains)}, default_flow_style=None, width=10_000)
    reader.check(new.slug, text.encode())
    claims = reader.claims.get(new.slug, ())
    reader.claims.update(names.near(new.slug, claims))
    reader.problems.extend(cross_check(reader.claims, reader, settings or project_settings()))
    if reader.problems:
        # The file does not exist: its lines would mean nothing.
        said, hint = "; ".join(problem.message for problem in reader.problems), reader.problems[0].hint
        if any(names.owner(host) for _, host in claims):
            raise InputError(said, hint, code="domain.taken")
        raise InputError(said, hint)
    return text


def _names(store: DeclarationStore, slug: str, settings: PlatformSettings | None, *, fresh: bool = True) -> Names:
    try:
        return store.names(settings, fresh=fresh)
    except DeclarationErrors:
        if store.keeper.text(slug) is not None:  # whatever is wrong, a file is never replaced
            raise _exists(store.path(slug)) from None
        raise


def _exists(path: Path) -> InputError:
    return InputError(f"{path} exists already", "edit it, or choose another slug", code="tenant.exists")


def render(new: NewTenant, isolation: str, cell: str) -> str:
    """The text of a new file, with comments that say what can be added."""
    stack = naming.stack_of(isolation, cell, new.slug)
    context = f"row_context: {new.row_context}\n" if new.row_context else ""
    return f"""\
# {new.slug}: stack {stack}. Every key is in docs/declaration.md; what is not said here comes from defaults/{new.tier}.yaml.
name: {_quoted(new.name or new.slug.replace("-", " ").title())}
tier: {new.tier}
isolation: {isolation}
cell: {cell}  # assigned once; moving a tenant is `tenantry move`, not an edit
{context}state: active
admin:
  name: {_quoted("Administrator")}
  email: {_quoted(new.email or f"admin@{new.slug}.example")}  # the first invitation goes here
{new.more or _more(new.slug)}"""


def _more(slug: str) -> str:
    return f"""\
# domains: [portal.{slug}.example]
# branding: {{app_name: …, logo: assets/{slug}/logo.svg, favicon: assets/{slug}/favicon.svg}}
# theme: {{primary: "#0b5fff", font: Inter}}
# legal: {{terms: "https://…", privacy: "https://…"}}
"""


def _quoted(text: str) -> str:
    """A value as YAML writes it, quoted only where it must be."""
    # YAML folds these line breaks to a space where they are not escaped; read back as they are, they are refused.
    style = '"' if {"\x85", "\u2028", "\u2029"} & set(text) else None
    return str(yaml.safe_dump(text, allow_unicode=True, width=10_000, default_style=style)).removesuffix("\n").removesuffix("\n...")
