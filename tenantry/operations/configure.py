"""Configuration of one tenant at runtime: read, set, taken back, its history, and how it differs from the declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration
from tenantry.control.portal import Portal
from tenantry.declaration.keys import CONFIGURATION_KEYS, ConfigurationKey, Editor
from tenantry.declaration.values import changeable, check, known, settable, winner
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    from tenantry.declaration import TenantDeclaration


@dataclass(frozen=True, slots=True)
class Setting:
    """A key's value for a tenant. ``source``: ``declaration``, ``runtime`` or ``default``; ``declared`` is what the applied file says."""

    key: str
    value: Any
    source: str
    declared: Any
    editor: Editor
    runtime: bool
    updated_at: datetime | None = None
    updated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What a call did to one key. ``changed`` is False when it was so already."""

    slug: str
    key: str
    old: Any
    old_source: str
    value: Any
    source: str

    @property
    def changed(self) -> bool:
        return (self.old, self.old_source) != (self.value, self.source)


def settings(slug: str, key: str | None = None, *, portal: Portal | None = None) -> list[Setting]:
    """Every key's value in force, or one key's; in the registry's order. ``portal``: one of the tenant's own people asks."""
    chosen = [known(key)] if key is not None else list(CONFIGURATION_KEYS.values())
    rows = configuration.rows_of(_id(slug, portal), portal)
    return [_setting(entry, rows.get(entry.key)) for entry in chosen]


def _setting(key: ConfigurationKey, row: Mapping[str, Any] | None) -> Setting:
    if row is None:
        return Setting(key.key, key.default, "default", None, key.editor, key.runtime)
    return Setting(
        key.key, row["config_value"], row["source"], row["declared_value"], key.editor, key.runtime, row["updated_at"], row["updated_by"]
    )


def _id(slug: str, portal: Portal | None) -> UUID:
    """A tenant's id. Where its own people ask, the database says whether they are of a tenant of that slug."""
    return naming.tenant_id(slug) if portal is not None else TenantStore.of(slug).id


def put(slug: str, key: str, value: Any, *, editor: Editor, actor: Actor, portal: Portal | None = None) -> Changed:
    """Sets a value at runtime. ``InputError`` for an unknown key, one that ``editor`` may not change, or a value no file could have."""
    entry = settable(key, editor)
    checked = check(entry, value)
    return changed(slug, entry, *configuration.put(_id(slug, portal), key, checked, actor, portal))


def take_back(slug: str, key: str, *, editor: Editor, actor: Actor, portal: Portal | None = None) -> Changed:
    """Ends a value set at runtime: the declared one, or the default, is in force again."""
    entry = changeable(key, editor)
    return changed(slug, entry, *configuration.take_back(_id(slug, portal), key, actor, portal))


def changed(slug: str, key: ConfigurationKey, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Changed:
    """What became of a key whose row was ``before`` and is ``after``; None: there was or is none."""

    def told(row: Mapping[str, Any] | None) -> tuple[Any, str]:
        return (row["config_value"], row["source"]) if row else (key.default, "default")

    return Changed(slug, key.key, *told(before), *told(after))


@dataclass(frozen=True)
class ConfigurationChange:
    """One change of a tenant's row. A value that is None: there was or is no row; ``run_id`` None: a change of its own."""

    change_id: int
    config_key: str
    old_value: Any
    old_source: str | None
    new_value: Any
    source: str
    changed_at: datetime
    changed_by: str
    run_id: UUID | None


def history(slug: str, key: str | None = None, limit: int = 100, *, portal: Portal | None = None) -> list[ConfigurationChange]:
    """A tenant's changes, the newest first. ``InputError`` for an unknown tenant or key."""
    if key is not None:
        known(key)
    return [ConfigurationChange(**row) for row in configuration.history(_id(slug, portal), key, limit, portal)]


@dataclass(frozen=True, slots=True)
class Drift:
    """A key whose value in force, applied declaration and file are not all the same. None: there is no value."""

    slug: str
    key: str
    file: Any
    declared: Any
    value: Any
    source: str
    next: str
    """What the next ``tenantry up`` makes of it, in words."""


def drift(declared: Mapping[str, TenantDeclaration], slug: str | None = None) -> list[Drift]:
    """Where runtime, applied declaration and ``declared`` (the files as they are) differ; of one tenant, or of all in the registry."""
    stores = [TenantStore.of(slug)] if slug is not None else TenantStore.every()
    rows = configuration.rows([store.id for store in stores])
    return [found for store in stores for found in _drift(store.slug, declared.get(store.slug), rows[store.id])]


def _drift(slug: str, tenant: TenantDeclaration | None, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Drift]:
    file = tenant.configuration() if tenant is not None and not tenant.gone else None
    for key in CONFIGURATION_KEYS.values():
        row = rows.get(key.key)
        declared, value, source = (row["declared_value"], row["config_value"], row["source"]) if row else (None, None, "default")
        says = file.get(key.key) if file is not None else declared
        if (outcome := _next(key, says, declared, value, source)) is not None:
            yield Drift(slug, key.key, says, declared, value, source, outcome)


def _next(key: ConfigurationKey, file: Any, declared: Any, value: Any, source: str) -> str | None:
    """None when nothing differs."""
    if source == "runtime":
        if file == value:
            return "the file says so too: up makes it declared"
        if file == declared:
            return "overridden at runtime: stays"
        if winner(key) == "runtime" or declared is None:
            return "overridden at runtime: stays, whatever the file says"
        return "overridden at runtime: the changed file wins"
    if file != declared:
        return "the file was changed: up applies it" if file is not None else "the file says nothing any more: up removes it"
    if value != declared:
        return "changed past Tenantry: up --refresh restores it"
    return None
