"""Which secret a login has, where the platform keeps one for each of them."""

from __future__ import annotations

from typing import TypedDict

from tenantry import naming
from tenantry.clients.login_secrets import MARK, PLATFORM
from tenantry.settings import PlatformSettings


class LoginSecretArgs(TypedDict):
    kind: str
    """``secretsmanager`` or ``ssm``."""
    name: str
    tags: dict[str, str]
    """By which a policy gives an application exactly its own: docs/application.md."""


def of_cell(cell: str, settings: PlatformSettings) -> LoginSecretArgs | None:
    """That of the login of a cell's shared tables; None: the platform keeps none."""
    return _of(naming.cell_app(cell), settings, PLATFORM, {"tenantry:cell": cell, "tenantry:isolation": "rls"})


def of_directory(settings: PlatformSettings) -> LoginSecretArgs | None:
    """That of the login that looks tenants up; None: the platform keeps none."""
    return _of(naming.CONTROL_DIRECTORY, settings, PLATFORM, {"tenantry:directory": "true"})


def of_tenant(slug: str, isolation: str, app_role: str, settings: PlatformSettings) -> LoginSecretArgs | None:
    """That of a tenant's own login; None: the platform keeps none."""
    return _of(app_role, settings, slug, {"tenantry:tenant": slug, "tenantry:isolation": isolation})


def _of(role: str, settings: PlatformSettings, mark: str, tags: dict[str, str]) -> LoginSecretArgs | None:
    if settings.login_secrets == "none":
        return None
    return {
        "kind": settings.login_secrets,
        "name": naming.login_secret(settings.bucket_prefix, role),
        "tags": {MARK: mark, "tenantry:platform": settings.bucket_prefix, **tags},
    }
