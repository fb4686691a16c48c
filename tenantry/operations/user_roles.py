"""A tenant's users, as people and programs see them; their roles, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import user_roles
from tenantry.control.invitations import Role
from tenantry.control.portal import Portal
from tenantry.errors import InputError
from tenantry.operations import people
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class UserEntry:
    """One user of a tenant."""

    id: UUID
    email: str
    name: str
    role: Role
    created_at: datetime


def listed(slug: str, *, portal: Portal | None = None) -> tuple[UserEntry, ...]:
    """The tenant's users, by address. ``InputError`` for an unknown tenant. ``portal``: one of the tenant's own people asks."""
    return tuple(UserEntry(**row) for row in user_roles.listed(_id(slug, portal), portal))


def find(slug: str, who: str) -> UUID:
    """The id of the user whom an id or an address names. ``InputError`` where there is none."""
    for user in listed(slug):
        if who.lower() in (str(user.id), user.email.lower()):
            return user.id
    raise InputError("there is no such user", f"tenantry user list {slug} shows them", code="user.unknown")


def change(slug: str, user: UUID, role: str, *, actor: Actor, portal: Portal | None = None) -> UserEntry:
    """Gives a user that role and ends his sessions. ``InputError`` where there is none, and for the last administrator's."""
    return UserEntry(**user_roles.change(_id(slug, portal), user, people.role(role), actor, portal))


def remove(slug: str, user: UUID, *, actor: Actor, portal: Portal | None = None) -> UserEntry:
    """Removes a user and ends his sessions; who it was. ``InputError`` as ``change``."""
    return UserEntry(**user_roles.remove(_id(slug, portal), user, actor, portal))


def _id(slug: str, portal: Portal | None) -> UUID:
    """A tenant's id. Where its own people ask, the database says whether they are of a tenant of that slug."""
    return naming.tenant_id(slug) if portal is not None else TenantStore.of(slug).id
