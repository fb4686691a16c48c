"""A tenant's users: who they are, what they may do, and their end. Sessions end with a trigger, where a role changes or somebody goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import portal_people, runs
from tenantry.control.database import transaction
from tenantry.control.portal import Portal, door
from tenantry.errors import InputError

if TYPE_CHECKING:
    import psycopg


def listed(tenant: UUID, portal: Portal | None = None) -> list[dict[str, Any]]:
    """``id``, ``email``, ``name``, ``role`` and ``created_at`` of each, by address. ``portal``: one of the tenant's own people asks."""
    with door(portal, tenant) as connection:
        return connection.execute(
            "SELECT id, email, name, role, created_at FROM users WHERE tenant_id = %s ORDER BY email", [tenant]
        ).fetchall()


def change(tenant: UUID, user: UUID, role: str, actor: Actor, portal: Portal | None = None) -> dict[str, Any]:
    """Gives a user that role; the user. ``InputError`` where there is none, or where it would leave the tenant without an administrator."""
    if portal is not None:
        return _told(portal_people.change_user(portal, tenant, user, role))
    with transaction() as connection:
        found = _locked(connection, tenant, user)
        if found["role"] != role:
            _require_another(connection, tenant, found)
            connection.execute("UPDATE users SET role = %s WHERE tenant_id = %s AND id = %s", [role, tenant, user])
            runs.audit(connection, tenant, actor.name, "user", f"{user}, now {role}")
        return {**found, "role": role}


def remove(tenant: UUID, user: UUID, actor: Actor, portal: Portal | None = None) -> dict[str, Any]:
    """Removes a user with all that is his own here; who it was. ``InputError`` as ``change``."""
    if portal is not None:
        return _told(portal_people.change_user(portal, tenant, user, None))
    with transaction() as connection:
        found = _locked(connection, tenant, user)
        _require_another(connection, tenant, found)
        connection.execute("DELETE FROM users WHERE tenant_id = %s AND id = %s", [tenant, user])
        runs.audit(connection, tenant, actor.name, "user", f"{user} removed")
        return found


def _locked(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, user: UUID) -> dict[str, Any]:
    """The user, as long as nobody else changes one of this tenant's: two administrators must not take each other's role at once."""
    connection.execute("SELECT FROM tenants WHERE id = %s FOR UPDATE", [tenant])
    row = connection.execute(
        "SELECT id, email, name, role, created_at FROM users WHERE tenant_id = %s AND id = %s", [tenant, user]
    ).fetchone()
    if row is None:
        raise _unknown()
    return row


def _require_another(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, found: dict[str, Any]) -> None:
    others = connection.execute(
        "SELECT FROM users WHERE tenant_id = %s AND role = 'admin' AND id <> %s LIMIT 1", [tenant, found["id"]]
    ).fetchone()
    if found["role"] == "admin" and others is None:
        raise _last()


def _told(done: dict[str, Any]) -> dict[str, Any]:
    """The user, as the portal's function says it."""
    outcome = done.pop("outcome")
    if outcome != "done":
        raise _last() if outcome == "last" else _unknown()
    return done


def _unknown() -> InputError:
    return InputError("there is no such user", "tenantry user list shows a tenant's", code="user.unknown")


def _last() -> InputError:
    return InputError("it is the tenant's last administrator", "make somebody else one first", code="user.last")
