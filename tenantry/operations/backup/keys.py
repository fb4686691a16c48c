"""The key of a tenant's backups, made anew."""

from __future__ import annotations

from tenantry.control import backup_keys
from tenantry.errors import InputError
from tenantry.stores.tenant_store import TenantStore


def renew(slug: str, *, give_up: str) -> None:
    """Makes a new key where both copies of the old one are lost: the earlier backups stay unreadable.

    ``give_up`` is the slug once more, which says that this is meant. ``InputError`` when it is not, for an unknown tenant, and for one
    whose key can be read.
    """
    store = TenantStore.of(slug)
    if give_up != slug:
        raise InputError(f"the earlier backups of {slug} would stay unreadable", f"to say that you mean it: --give-up {slug}")
    backup_keys.renew(store.id)
