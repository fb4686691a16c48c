"""On-boarding: whoever has an invitation's code becomes a user of the tenant, with its settings, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import UUID

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import invitations, portal_people
from tenantry.control.database import transaction
from tenantry.control.invitations import Resolved, Role
from tenantry.control.portal import Portal
from tenantry.errors import InputError, TransientError
from tenantry.escape import escaped
from tenantry.operations import people

if TYPE_CHECKING:
    import psycopg

PROFILE: Final = 20_000
"""Characters of a profile, as PostgreSQL writes it (0019)."""


@dataclass(frozen=True)
class Accepted:
    """A user who has come in."""

    user_id: UUID
    tenant_id: UUID
    slug: str
    role: Role
    redirect: str
    """Where the person goes on: set-up for an administrator, the tour for a member, at the host that was asked for."""
    settings: Mapping[str, Any]
    """The user's settings: those of the tenant's ``user_defaults`` at first."""
    again: bool
    """Whether the code had let the same user in before. A code that was used proves nothing: nobody is signed in for it."""


def accept(
    code: str, *, name: str | None = None, host: str | None = None, profile: Mapping[str, Any] | None = None, actor: Actor
) -> Accepted:
    """Accepts an invitation: user, settings, welcome mails and the audit log's line are written together, or nothing is.

    ``name``: as the person wants to be called; else as the invitation calls him. ``host``: where the code was brought to, without a port;
    it has to be one of the tenant's. ``profile``: an object that is the application's. The same code again gives the same answer.

    Each with a code of its own, ``InputError`` for an invitation that is unknown or was replaced, that was taken back, has expired, or was
    used by somebody who is gone; for another tenant's host; for a tenant that is suspended or off-boarded. ``TransientError`` for one that
    is being made, or whose rows are being replaced.
    """
    with transaction() as connection:
        return within(connection, code, name=name, host=host, profile=profile, actor=actor)


def within(
    connection: psycopg.Connection[dict[str, Any]],
    code: str,
    *,
    name: str | None = None,
    host: str | None = None,
    profile: Mapping[str, Any] | None = None,
    actor: Actor,
) -> Accepted:
    """The same in the caller's transaction."""
    called = people.name(name) if name is not None else None
    said = _profile(profile or {})
    found, at = invited(connection, code, host)
    done = invitations.accept(connection, found.tenant_id, code, called, said, actor.name)
    return _accepted(done, found, at)


def by_own_people(
    portal: Portal, slug: str, code: str, *, name: str | None = None, host: str | None = None, profile: Mapping[str, Any] | None = None
) -> Accepted:
    """The same where one of the tenant's administrators lets in whoever has brought him the code; a code of another tenant is unknown."""
    called = people.name(name) if name is not None else None
    said, tenant = _profile(profile or {}), naming.tenant_id(slug)
    if not _possible(code):
        _refuse_unknown()
    at = _at(portal_people.hosts(portal, tenant), host)
    done = portal_people.accept(portal, tenant, code, called, said)
    return _accepted(done, Resolved(UUID(int=0), "open", tenant, slug, "active"), at)


def _accepted(done: Mapping[str, Any], found: Resolved, at: str) -> Accepted:
    """What ``onboard`` answered."""
    outcome = done["outcome"]
    if outcome not in ("accepted", "again"):
        _refuse(outcome, found)
    return Accepted(
        user_id=done["person"],
        tenant_id=found.tenant_id,
        slug=found.slug,
        role=done["person_role"],
        redirect=f"https://{at}{done['page']}",
        settings=done["settings"],
        again=outcome == "again",
    )


def invited(connection: psycopg.Connection[dict[str, Any]], code: str, host: str | None) -> tuple[Resolved, str]:
    """The invitation of a code, and the host that it is accepted at: ``host``, else the tenant's first.

    ``InputError`` where there is no such invitation, or the host is none of its tenant's.
    """
    found = invitations.resolve(connection, code) if _possible(code) else None
    if found is None:
        _refuse_unknown()
    return found, _at(invitations.hosts(connection, found.tenant_id), host)


def _at(hosts: Sequence[str], host: str | None) -> str:
    at = hosts[0] if host is None and hosts else (host or "").lower().rstrip(".")
    if at not in hosts:
        raise InputError(
            f"the invitation is not one to {escaped(at)[:253] or 'a host without a name'}",
            "open the link as it was sent",
            code="invitation.host",
        )
    return at


def known(
    connection: psycopg.Connection[dict[str, Any]],
    tenant: UUID,
    slug: str,
    *,
    email: str | None = None,
    digest: bytes | None = None,
    name: str | None,
    actor: Actor,
) -> UUID | None:
    """Lets in somebody of whom it is known who he is, by the open invitation of the address or the code's digest; the user's id.

    None where there is none, in the caller's transaction. ``InputError`` for one that has expired.
    """
    open_ones = invitations.open_digests(connection, tenant, email, digest)
    if not open_ones:
        return None
    try:
        called = people.name(name) if name else None
    except InputError:  # the provider's word, not the person's: the invitation has a name
        called = None
    done = invitations.accept_digest(connection, tenant, open_ones[0], called, {}, actor.name)
    if done["outcome"] != "accepted":
        _refuse(done["outcome"], Resolved(UUID(int=0), "open", tenant, slug, "active"))
    return UUID(str(done["person"]))


def _possible(code: str) -> bool:
    return code.isascii() and code.isprintable() and 0 < len(code) <= 200


def _profile(given: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        text = json.dumps(given, allow_nan=False)
        text.encode()
        read = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        read = None
    # PostgreSQL keeps neither of the two in a text: NUL, and half of a surrogate pair.
    if not isinstance(read, dict) or _unkept(read):
        raise InputError("the profile is not a JSON object of texts, numbers, lists and objects", 'for example {"title": "Buyer"}')
    if len(json.dumps(read, ensure_ascii=False)) > PROFILE * 9 // 10:
        raise InputError(f"the profile is longer than {PROFILE * 9 // 10:,} characters", "keep pictures and files elsewhere")
    return read


def _unkept(value: Any) -> bool:
    if isinstance(value, str):
        return any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_unkept(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(_unkept(each) for each in value)


def _refuse_unknown() -> NoReturn:
    raise InputError(
        "no invitation has that code", "a newer link has replaced it, or it was not copied whole: look for the latest mail",
        code="invitation.unknown",
    )  # fmt: skip


def _refuse(outcome: str, found: Resolved) -> NoReturn:
    """Raises what an outcome of ``onboard`` means."""
    if outcome == "expired":
        raise InputError("the invitation has expired", f"a new link: {_anew(found)}", code="invitation.expired")
    if outcome == "revoked":
        raise InputError("the invitation was taken back", "ask whoever sent it", code="invitation.revoked")
    if outcome == "used":
        raise InputError(
            "whoever accepted this invitation is no user any more", f"a new one: {_anew(found)}", code="invitation.used"
        )  # fmt: skip
    if outcome == "unknown":
        _refuse_unknown()
    refuse_closed(found.slug, outcome)
    raise AssertionError(outcome)


def _anew(found: Resolved) -> str:
    return f"tenantry invite {found.slug}, with --email for others than its first administrator"


def refuse_closed(slug: str, state: str) -> None:
    """Raises where a tenant's state (as the look-up has it) lets nobody new in."""
    if state == "suspended":
        raise InputError(f"tenant {slug} is suspended", f"tenantry reactivate {slug}, then again", code="tenant.suspended")
    if state == "offboarding":
        raise InputError(f"tenant {slug} is off-boarded", f"tenantry undelete {slug}, then again", code="tenant.offboarded")
    if state == "deleted":
        raise InputError(f"tenant {slug} was deleted", "nobody can be let in", code="tenant.deleted")
    if state not in ("active", "moving"):
        what = "its rows are being replaced by a backup's" if state == "maintenance" else "it is being made"
        raise TransientError(f"tenant {slug} lets nobody in at the moment: {what}", "try again in some minutes", code="tenant.busy")
