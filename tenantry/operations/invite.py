"""Invitations: the links of first administrators, made, shown once or sent by mail; and those of anybody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import invitations, portal_people, registry, runs
from tenantry.control.database import transaction
from tenantry.control.invitations import Role, State
from tenantry.control.portal import Portal
from tenantry.declaration import Declarations
from tenantry.declaration.keys import LIMITS
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import WorkError
from tenantry.operations import invite_refusals, mailing, people, welcome
from tenantry.operations.accept import refuse_closed
from tenantry.settings import platform_settings
from tenantry.stores import tenant_store

if TYPE_CHECKING:
    import psycopg


MOST_AN_HOUR: Final = 100
"""Invitations mailed in one tenant's name: else whoever may invite could write to the whole world."""


@dataclass(frozen=True)
class Invited:
    """An invitation that is open, with its new link or the mail that carries it."""

    id: UUID
    slug: str
    email: str
    name: str
    role: Role
    expires_at: datetime
    link: str | None = field(repr=False)
    """None where it goes by mail, and is for nobody else's eyes."""
    mail: UUID | None
    """The mail in the outbox, which the sweep sends."""


@dataclass(frozen=True)
class InvitationEntry:
    """One invitation, without its link."""

    id: UUID
    email: str
    name: str
    role: Role
    state: State
    invited_by: str | None
    """None: the platform, because the tenant's file names this administrator."""
    created_at: datetime
    issued_at: datetime | None
    """When its link was made; None: there is none yet."""
    expires_at: datetime | None
    accepted_at: datetime | None
    revoked_at: datetime | None
    user_id: UUID | None
    """Who accepted it; he may be gone since."""


def invite(
    slug: str,
    email: str,
    name: str,
    role: str,
    actor: Actor,
    *,
    by_mail: bool = False,
    inviter: str = "",
    portal: Portal | None = None,
) -> Invited:
    """Invites somebody to the tenant. Asked again for the same address: a new link, with the name and role said now.

    ``inviter``: who invites, as the mail says it; the application's name where it is left out. ``portal``: one of the tenant's own people
    invites, by mail only: nobody but who is invited sees the link. ``InputError`` for an address that is a
    user's already, for more people than ``limits.users``, and as of ``people`` and ``accept.refuse_closed``.
    """
    email, name, wanted = people.email(email), people.name(name), people.role(role)
    inviter = people.name(inviter) if inviter else ""
    if by_mail:
        mailing.settings()
    if portal is not None:
        return _by_own_people(portal, slug, email, name, wanted, actor, inviter)
    with _tenant(slug) as (connection, tenant):
        refuse_closed(slug, tenant["state"])
        there = invitations.standing(connection, tenant["id"], email)
        if invitations.is_user(connection, tenant["id"], email):
            raise invite_refusals.is_user(slug, email)
        if there is not None and there["accepted_at"] and not there["gone"]:
            raise invite_refusals.accepted(slug, email)
        if there is not None and there["invited_by"] is None and wanted != there["role"]:
            raise invite_refusals.declared(slug, there["email"])
        refuse_crowd(connection, slug, tenant["id"], there["id"] if there else None)
        if by_mail and invitations.mailed_lately(connection, tenant["id"]) >= MOST_AN_HOUR:
            raise invite_refusals.mailed_enough(slug, MOST_AN_HOUR)
        made = invitations.write(connection, tenant["id"], there, email, name, wanted, actor.name)
        return _issued(connection, slug, tenant, made, name, wanted, actor, by_mail=by_mail, inviter=inviter)


def _by_own_people(portal: Portal, slug: str, email: str, name: str, role: Role, actor: Actor, inviter: str) -> Invited:
    """The same in two transactions: the invitation is the tenant's people's to write, its link and the mail with it are not. Where the
    second is not reached there is an invitation without a link, which gets one when it is asked for again."""
    done = portal_people.invite(portal, naming.tenant_id(slug), email, name, role)
    match done["outcome"]:
        case "user":
            raise invite_refusals.is_user(slug, email)
        case "accepted":
            raise invite_refusals.accepted(slug, email)
        case "declared":
            raise invite_refusals.declared(slug, done["email"])
        case "crowd":
            raise invite_refusals.crowd(slug, done["people"], done["most"])
        case "mail":
            raise invite_refusals.mailed_enough(slug, MOST_AN_HOUR)
    with _tenant(slug) as (connection, tenant):
        refuse_closed(slug, tenant["state"])
        there = invitations.standing(connection, tenant["id"], str(done["invitation"]))
        if there is None or there["accepted_at"]:  # meanwhile
            raise invite_refusals.nobody(slug, email)
        return _issued(connection, slug, tenant, there["id"], name, role, actor, by_mail=True, inviter=inviter)


def _issued(
    connection: psycopg.Connection[dict[str, Any]],
    slug: str,
    tenant: Mapping[str, Any],
    made: UUID,
    name: str,
    role: Role,
    actor: Actor,
    *,
    by_mail: bool,
    inviter: str,
) -> Invited:
    """Gives an invitation its link, and queues the mail with it, in the caller's transaction."""
    token = invitations.issue(connection, tenant["id"], made)
    mail = invitations.queue(connection, tenant["id"], made, token, inviter) if by_mail else None
    runs.audit(connection, tenant["id"], actor.name, "invitation", f"{made} issued, {role}")
    (row,) = [each for each in invitations.listed(connection, tenant["id"]) if each["id"] == made]
    link = None if by_mail else invitations.link(tenant["host"], token)
    return Invited(made, slug, row["email"], name, role, row["expires_at"], link, mail)


def send(mail: UUID) -> None:
    """Sends the mail of an invitation now. ``WorkError`` where it did not go out: what is deferred is sent by the sweep."""
    delivery = mailing.deliver([mail])
    if not delivery.sent:
        raise WorkError(delivery.causes[0], "tenantry mail list shows it; what is deferred is sent by the sweep")


def revoke(slug: str, whom: str, actor: Actor, *, portal: Portal | None = None) -> InvitationEntry:
    """Takes back an open invitation, by its address or id: its link stops working, and its mails are not sent.

    ``InputError`` where there is none, where it was accepted, and for that of the administrator whom the tenant's file names. ``portal``:
    one of the tenant's own people asks.
    """
    if portal is not None:
        return _revoked_by_own_people(portal, slug, whom)
    with _tenant(slug) as (connection, tenant):
        there = invitations.standing(connection, tenant["id"], whom) if whom.isprintable() else None
        if there is None:
            raise invite_refusals.nobody(slug, whom)
        if there["accepted_at"]:
            raise invite_refusals.used(there["email"])
        if there["invited_by"] is None:
            raise invite_refusals.declared(slug, there["email"])
        invitations.revoke(connection, tenant["id"], there["id"])
        runs.audit(connection, tenant["id"], actor.name, "invitation", f"{there['id']} taken back")
        (row,) = [each for each in invitations.listed(connection, tenant["id"]) if each["id"] == there["id"]]
    return InvitationEntry(**row)


def _revoked_by_own_people(portal: Portal, slug: str, whom: str) -> InvitationEntry:
    if not whom.isprintable():
        raise invite_refusals.nobody(slug, whom)
    tenant = naming.tenant_id(slug)
    done = portal_people.revoke(portal, tenant, whom)
    match done["outcome"]:
        case "unknown":
            raise invite_refusals.nobody(slug, whom)
        case "accepted":
            raise invite_refusals.used(done["email"])
        case "declared":
            raise invite_refusals.declared(slug, done["email"])
    (row,) = [each for each in portal_people.invitations_of(portal, tenant) if each["id"] == done["invitation"]]
    return InvitationEntry(**row)


def listed(slug: str, *, portal: Portal | None = None) -> list[InvitationEntry]:
    """The tenant's invitations, the oldest first. ``InputError`` for a tenant that is not there."""
    if portal is not None:
        return [InvitationEntry(**row) for row in portal_people.invitations_of(portal, naming.tenant_id(slug))]
    with _tenant(slug) as (connection, tenant):
        return [InvitationEntry(**row) for row in invitations.listed(connection, tenant["id"])]


@contextmanager
def _tenant(slug: str) -> Iterator[tuple[psycopg.Connection[dict[str, Any]], dict[str, Any]]]:
    """A transaction in which nobody else invites to the tenant, or lets somebody in; and its ``id``, ``host``, ``state`` as looked up."""
    with transaction() as connection:
        connection.execute("SELECT FROM tenants WHERE slug = %s FOR NO KEY UPDATE", [slug])
        row = connection.execute("SELECT id, host, state FROM directory WHERE slug = %s AND state <> 'deleted'", [slug]).fetchone()
        if row is None:
            raise tenant_store.unknown(slug, list(registry.states()))
        yield connection, row


def refuse_crowd(connection: psycopg.Connection[dict[str, Any]], slug: str, tenant_id: UUID, but: UUID | None = None) -> None:
    """``InputError`` where the tenant has no room. Whoever is invited counts as a user: he must not learn it at the door."""
    there, most = invitations.room(connection, tenant_id, but)
    most = LIMITS["users"].default if most is None else most
    if there >= most:
        raise invite_refusals.crowd(slug, there, most)


def by_mail(slug: str) -> str:
    """Sends a new link to the tenant's first administrator, whose address it returns; the link before stops working.

    ``InputError`` for a tenant that no file declares, or without a mail server; ``WorkError`` where the mail did not go out.
    """
    tenant = DeclarationStore.of_platform().load().tenant(slug)
    mailing.settings()  # without a mail server nothing is touched: the link that is out goes on working
    send(welcome.again(tenant.id))
    return tenant.admin.email


def new_link(slug: str) -> str:
    """A new link, which is shown this once; the one before stops working. ``WorkError`` where no invitation is open."""
    tenant = DeclarationStore.of_platform().load().tenant(slug)
    tokens = registry.issue_tokens([str(tenant.id)], again=True)
    if not tokens:
        raise WorkError(f"tenant {slug} has no open invitation", f"it was accepted, or `tenantry up {slug}` has not made it yet")
    return _link(slug, next(iter(tokens.values())))


def first_links(declared: Declarations, stacks: Sequence[str]) -> dict[str, str]:
    """A link for each administrator of these stacks who was never given one, by slug; it is shown this once."""
    ids = _active(declared, stacks)
    tokens = registry.issue_tokens(list(ids)) if ids else {}
    return {ids[tenant_id]: _link(ids[tenant_id], token) for tenant_id, token in tokens.items()}


def uninvited(declared: Declarations, stacks: Sequence[str]) -> list[str]:
    """The tenants of these stacks whose administrator was never given a link, by slug."""
    slugs = set(_active(declared, stacks).values())
    return sorted(row["slug"] for row in registry.tenants() if row["slug"] in slugs and not row["issued_at"] and not row["accepted_at"])


def _active(declared: Declarations, stacks: Sequence[str]) -> dict[str, str]:
    """Id → slug of the active tenants of these stacks."""
    return {str(tenant.id): tenant.slug for tenant in declared.values() if tenant.stack in stacks and tenant.state == "active"}


def _link(slug: str, token: str) -> str:
    return invitations.link(naming.host(slug, platform_settings().domain), token)
