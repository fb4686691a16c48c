"""The key of one tenant's backups: an age identity, sealed to the platform's own, in the control database and once more in AWS SSM.

Backups need one of the two copies and the platform's identity (AWS Secrets Manager). A copy that is missing is made again from the other.
When both are gone, no other key is made as long as there are backups of the lost one, unless someone says so (``renew``). Erasing both
makes every backup of the tenant unreadable for good, wherever copies of it are; the control database's own older backups
still hold the row until they expire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pyrage

from tenantry.clients import key_copies, objects
from tenantry.control import backup_manifest, backups, keys, runs
from tenantry.control.database import transaction
from tenantry.errors import InputError, TenantryError, WorkError

if TYPE_CHECKING:
    import psycopg

ACTION: Final = "backup key"
"""The audit log's word; what came of it is ``made``, ``recovered`` or ``erased``."""

Tell = Callable[[str], None]


def recipient(tenant_id: UUID, tell: Tell = lambda line: None) -> str:
    """What backups of the tenant are encrypted to (``age1…``); made when it is first asked for.

    Its identity is unsealed for that, with the errors of ``identity``: a backup that nobody can open would say that it is done. Sees to
    the second copy as well; one that cannot be kept now is told, and the backup is taken: the next one tries again.
    """
    found = _find(tenant_id, tell)
    if found is None:
        if lost := _unreadable(tenant_id):
            raise WorkError(
                f"{_gone(tenant_id)}; {lost}",
                "bring one of them back from a backup of the control database; if both are lost for good: tenantry backup renew-key SLUG",
            )
        found = _make(tenant_id)
    _keep_copy(tenant_id, found, tell)
    return str(pyrage.x25519.Identity.from_str(_opened(found)).to_public())


def identity(tenant_id: UUID, tell: Tell = lambda line: None) -> str:
    """The tenant's age identity. ``InputError`` when it was erased or lost, or is sealed to another platform's identity."""
    found = _find(tenant_id, tell)
    if found is None:
        if _last(tenant_id) == "erased":
            raise InputError("the key of this tenant's backups was erased: nobody can read them", "there is no way back from that")
        raise InputError(
            _gone(tenant_id),
            "bring one of them back from a backup of the control database (docs/backups.md, Keys)",
        )
    return _opened(found)


def renew(tenant_id: UUID) -> None:
    """Makes a new key where both copies are lost: earlier backups stay unreadable. ``InputError`` when there is one."""
    if _find(tenant_id, lambda line: None) is not None:
        raise InputError("this tenant's backups have a key", "nothing to renew: tenantry backup verify ID says which backups it opens")
    _make(tenant_id)


def erase(tenant_id: UUID) -> bool:
    """Destroys the tenant's key, and with it every backup of the tenant; whether there was one. Repeating it is a no-op.

    ``WorkError`` when a copy is still there afterwards.
    """
    copy = key_copies.erase(tenant_id)  # first: whoever recovers the row from it looks for it once more, see `_recovered`
    with transaction() as connection:
        _lock(connection)
        row = connection.execute("DELETE FROM backup_keys WHERE tenant_id = %s", [tenant_id]).rowcount > 0
        if copy or row:
            runs.audit(connection, tenant_id, "platform", ACTION, "erased")
    if key_copies.find(tenant_id) is not None or _row(tenant_id) is not None:
        raise WorkError(
            "the key of the tenant's backups is there again after it was erased", "end what takes its backups, then repeat this"
        )
    return copy or row


def without_copy() -> int:
    """Of how many tenants no second copy is known."""
    with transaction() as connection:
        row = connection.execute("SELECT count(*) AS n FROM backup_keys WHERE copied_at IS NULL").fetchone()
    return int(row["n"]) if row else 0


def without_key() -> list[str]:
    """Tenants that have backups and whose row is gone, by slug or id."""
    with transaction() as connection:
        rows = connection.execute(
            """
            SELECT DISTINCT coalesce(t.slug, b.tenant_id::text) AS name FROM backups b LEFT JOIN tenants t ON t.id = b.tenant_id
            WHERE b.state = 'done' AND NOT EXISTS (SELECT FROM backup_keys k WHERE k.tenant_id = b.tenant_id)
              AND NOT EXISTS (SELECT FROM audit_log a WHERE a.tenant_id = b.tenant_id AND a.action = %s AND a.outcome = 'erased')
            ORDER BY name
            """,
            [ACTION],
        ).fetchall()
    return [row["name"] for row in rows]


def _find(tenant_id: UUID, tell: Tell) -> bytes | None:
    """The sealed key: the row, or else the copy, from which the row is made again."""
    return _row(tenant_id) or _recovered(tenant_id, tell)


def _row(tenant_id: UUID) -> bytes | None:
    with transaction() as connection:
        row = connection.execute("SELECT sealed FROM backup_keys WHERE tenant_id = %s", [tenant_id]).fetchone()
    return bytes(row["sealed"]) if row is not None else None


def _recovered(tenant_id: UUID, tell: Tell) -> bytes | None:
    sealed = key_copies.find(tenant_id)
    if sealed is None:
        return None
    public = str(pyrage.x25519.Identity.from_str(_opened(sealed)).to_public())
    with transaction() as connection:
        _lock(connection)
        if key_copies.find(tenant_id) != sealed:
            return None  # erased at this moment
        _insert(connection, tenant_id, sealed, public, "recovered")
        connection.execute("UPDATE backup_keys SET copied_at = now() WHERE tenant_id = %s", [tenant_id])
    tell("the key of this tenant's backups was gone from control.backup_keys: brought back from its second copy")
    return sealed


def _make(tenant_id: UUID) -> bytes:
    made = pyrage.x25519.Identity.generate()
    platform = pyrage.x25519.Identity.from_str(keys.backup_identity()).to_public()
    # The copy first: a key that nothing was encrypted to may be left over, one of which there is no copy may not.
    sealed = key_copies.keep(tenant_id, bytes(pyrage.encrypt(str(made).encode(), [platform])))
    with transaction() as connection:
        _insert(connection, tenant_id, sealed, str(pyrage.x25519.Identity.from_str(_opened(sealed)).to_public()), "made")
    return _row(tenant_id) or sealed


def _insert(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, sealed: bytes, public: str, outcome: str) -> None:
    done = connection.execute(
        "INSERT INTO backup_keys (tenant_id, sealed, recipient) VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO NOTHING",
        [tenant_id, sealed, public],
    )
    if done.rowcount:
        runs.audit(connection, tenant_id, "platform", ACTION, outcome)


def _keep_copy(tenant_id: UUID, sealed: bytes, tell: Tell) -> None:
    try:
        kept = key_copies.keep(tenant_id, sealed)
    except TenantryError as error:
        with transaction() as connection:
            connection.execute("UPDATE backup_keys SET copied_at = NULL WHERE tenant_id = %s", [tenant_id])
        tell(f"no second copy of the key could be kept: {error.message}")
        return
    if kept != sealed and _opened(kept) != _opened(sealed):
        raise WorkError(
            f"control.backup_keys and {key_copies.name_of(tenant_id)} hold different keys of this tenant's backups",
            "keep the one that opens them (tenantry backup verify ID uses the row) and delete the other: it is made again",
        )
    with transaction() as connection:
        connection.execute("UPDATE backup_keys SET copied_at = coalesce(copied_at, now()) WHERE tenant_id = %s", [tenant_id])


def _opened(sealed: bytes) -> str:
    platform = pyrage.x25519.Identity.from_str(keys.backup_identity())
    try:
        return bytes(pyrage.decrypt(sealed, [platform])).decode()
    except pyrage.DecryptError:
        raise InputError(
            "the key of this tenant's backups is sealed to another platform key", "bring back the platform's secret that it was made with"
        ) from None


def _unreadable(tenant_id: UUID) -> str:
    """In words, which backups a new key would not open; empty when there are none, or when they were meant to be erased."""
    if _last(tenant_id) == "erased":
        return ""
    if listed := backups.listed(tenant_id):
        return f"{len(listed)} backups need it"
    # A control database that was lost has forgotten them; the bucket has not.
    there = any(version.key.endswith(f"/{backup_manifest.NAME}") for version in objects.current(backups.bucket(), f"{tenant_id}/"))
    return "there are backups in the bucket that need it" if there else ""


def _gone(tenant_id: UUID) -> str:
    return f"the key of this tenant's backups is gone, the row in control.backup_keys and its copy {key_copies.name_of(tenant_id)}"


def _last(tenant_id: UUID) -> str | None:
    with transaction() as connection:
        row = connection.execute(
            "SELECT outcome FROM audit_log WHERE tenant_id = %s AND action = %s ORDER BY id DESC LIMIT 1", [tenant_id, ACTION]
        ).fetchone()
    return row["outcome"] if row else None


def _lock(connection: psycopg.Connection[dict[str, Any]]) -> None:
    """One at a time recovers or erases keys."""
    connection.execute("LOCK TABLE backup_keys IN SHARE ROW EXCLUSIVE MODE")
