"""The key of one tenant's backups: an age identity, kept in the control database and encrypted to the platform's own.

Backups need both the row and the platform's identity (AWS Secrets Manager). Deleting the row makes every backup of the tenant unreadable
for good, wherever copies of it are; the control database's own older backups still hold it until they expire.
"""

from __future__ import annotations

from uuid import UUID

from tenantry.clients import keys, registry
from tenantry.errors import InputError


def recipient(tenant_id: UUID) -> str:
    """What backups of the tenant are encrypted to (``age1…``); made when it is first asked for.

    Its identity is unsealed for that, with the errors of ``identity``: a backup that nobody can open would say that it is done.
    """
    import pyrage

    with registry.transaction() as connection:
        if connection.execute("SELECT FROM backup_keys WHERE tenant_id = %s", [tenant_id]).fetchone() is None:
            made = pyrage.x25519.Identity.generate()
            platform = pyrage.x25519.Identity.from_str(keys.backup_identity()).to_public()
            connection.execute(
                "INSERT INTO backup_keys (tenant_id, sealed, recipient) VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO NOTHING",
                [tenant_id, pyrage.encrypt(str(made).encode(), [platform]), str(made.to_public())],
            )
    return str(pyrage.x25519.Identity.from_str(identity(tenant_id)).to_public())


def identity(tenant_id: UUID) -> str:
    """The tenant's age identity. ``InputError`` when it was erased, or is sealed to another platform's identity."""
    import pyrage

    with registry.transaction() as connection:
        row = connection.execute("SELECT sealed FROM backup_keys WHERE tenant_id = %s", [tenant_id]).fetchone()
    if row is None:
        raise InputError("the key of this tenant's backups was erased: nobody can read them", "there is no way back from that")
    platform = pyrage.x25519.Identity.from_str(keys.backup_identity())
    try:
        return bytes(pyrage.decrypt(bytes(row["sealed"]), [platform])).decode()
    except pyrage.DecryptError:
        raise InputError(
            "the key of this tenant's backups is sealed to another platform key", "bring back the platform's secret that it was made with"
        ) from None


def erase(tenant_id: UUID) -> bool:
    """Destroys the tenant's key, and with it every backup of the tenant; whether there was one."""
    with registry.transaction() as connection:
        return connection.execute("DELETE FROM backup_keys WHERE tenant_id = %s", [tenant_id]).rowcount > 0
