"""What a folder of declarations amounts to, now or in a commit, key by key; assets by what is published of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenantry.declaration.assets import published
from tenantry.declaration.model import TenantDeclaration


@dataclass(frozen=True, slots=True)
class Tree:
    """The tenants by slug; the SHA-256 (hex) of what is published of each asset that they name, by its path; and the files that today's
    rules refuse: why, by slug. A path without a digest has no file."""

    tenants: Mapping[str, TenantDeclaration]
    assets: Mapping[str, str]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, directory: Path, tenants: Mapping[str, TenantDeclaration]) -> Tree:
        """``tenants`` as loaded from ``directory``."""
        return cls(tenants, {path: digest(directory, path) for tenant in tenants.values() for path in assets_of(tenant)})

    def __contains__(self, slug: object) -> bool:
        """Whether there is a file of that tenant."""
        return slug in self.tenants or slug in self.unreadable

    def flat(self, slug: str) -> dict[str, Any]:
        """The tenant's keys, and ``branding.logo.sha256`` beside the path; nothing where none is declared that can be read."""
        if slug not in self.tenants:
            return {}
        result = flat(self.tenants[slug])
        pictures = [key for key in ("branding.logo", "branding.favicon") if result.get(key) in self.assets]
        return result | {f"{key}.sha256": self.assets[result[key]] for key in pictures}


def assets_of(tenant: TenantDeclaration) -> list[str]:
    """The assets that a tenant names."""
    return [path for path in (tenant.branding.logo, tenant.branding.favicon) if path]


def digest(directory: Path, path: str) -> str:
    """SHA-256 (hex) of what is published of an asset; raises what ``published`` does."""
    return hashlib.sha256(published(directory, path)).hexdigest()


def flat(tenant: TenantDeclaration) -> dict[str, Any]:
    """The effective declaration with dotted keys; lists stay whole."""
    result: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                walk(f"{prefix}.{key}" if prefix else key, below)
        elif value is not None:
            result[prefix] = value

    walk("", tenant.model_dump(mode="json"))
    return result
