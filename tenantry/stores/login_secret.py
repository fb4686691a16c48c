"""The secret of the login that a tenant's application comes with, where the platform keeps one."""

from __future__ import annotations

from tenantry import naming
from tenantry.clients.login_secrets import MARK, PLATFORM, Kind, LoginSecret
from tenantry.errors import InputError
from tenantry.settings import LOGIN_SECRETS, platform_settings
from tenantry.stores.tenant_store import TenantStore


def of(store: TenantStore) -> LoginSecret:
    """That of the store's login; all ``rls`` tenants of a cell have one. ``InputError`` where the platform keeps none."""
    name = naming.login_secret(platform_settings().bucket_prefix, store.app_role)
    return LoginSecret(require_kind(), name, {MARK: PLATFORM if store.shared else store.slug})


def left(slug: str) -> list[str]:
    """The names of the secrets that there are of a tenant's own logins, also when it is gone."""
    settings = platform_settings()
    if settings.login_secrets == "none":
        return []
    names = [naming.login_secret(settings.bucket_prefix, naming.tenant_app(slug, turn)) for turn in (0, 1)]
    return [name for name in names if LoginSecret(require_kind(), name, {MARK: slug}).there]


def require_kind() -> Kind:
    """Where the platform keeps them; ``InputError`` where it keeps none."""
    match platform_settings().login_secrets:
        case "secretsmanager" | "ssm" as kind:
            return kind
    raise InputError(
        "this platform keeps no secrets of logins: its applications would not be told of a new password",
        f"set tenantry:loginSecrets in Pulumi.yaml ({' or '.join(LOGIN_SECRETS[1:])}), then: tenantry up --all (docs/application.md)",
        code="credentials.none",
    )
