"""The fingerprint of what a declaration makes: equal exactly when a run would make the same of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tenantry.declaration.assets import published
from tenantry.declaration.model import TenantDeclaration


def of(declaration: TenantDeclaration, assets: Path, migrations: Path) -> str:
    """SHA-256 over the effective declaration, what is published of its assets (below ``assets``) and the names of ``migrations``; hex."""
    digest = hashlib.sha256(declaration.model_dump_json().encode())
    for path in (declaration.branding.logo, declaration.branding.favicon):
        if path:
            digest.update(published(assets, path))
    digest.update("".join(sorted(file.name for file in (migrations / "tenant").glob("*.sql"))).encode())
    return digest.hexdigest()
