"""A tenant's users, as people and programs see them; their roles, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import user_roles
from tenantry.control.invitations import Role
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


def listed(slug: str) -> tuple[UserEntry, ...]:
    """The tenant's users, by address. ``InputError`` for an unknown tenant."""
    return tuple(UserEntry(**row) for row in user_roles.listed(TenantStore.of(slug).id))


def find(slug: str, who: str) -> UUID:
    """The id of the user whom an id or an address names. ``InputError`` where there is none."""
    for user in listed(slug):
        if who.lower() in (str(user.id), user.email.lower()):
            return user.id
    raise InputError("there is no such user", f"tenantry user list {slug} shows them", code="user.unknown")


def change(slug: str, user: UUID, role: str, *, actor: Actor) -> UserEntry:
    """Gives a user that role and ends his sessions. ``InputError`` where there is none, and for the last administrator's."""
    return UserEntry(**user_roles.change(TenantStore.of(slug).id, user, people.role(role), actor))


def remove(slug: str, user: UUID, *, actor: Actor) -> UserEntry:
    """Removes a user and ends his sessions; who it was. ``InputError`` as ``change``."""
    return UserEntry(**user_roles.remove(TenantStore.of(slug).id, user, actor))
