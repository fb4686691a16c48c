"""Changes of tenants' files that are proposed on a forge: pending → proposed → merged → run → done or failed; or rejected.

What was asked for is written down before the forge is spoken to, in steps that find what is there already: it may answer 500, hang, or
be away for a day. Nothing is lost, nothing is proposed twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from tenantry.actor import Actor
from tenantry.clients import forges
from tenantry.clients.forges import Wish
from tenantry.control import proposals
from tenantry.control.proposals import Row
from tenantry.control.tenant_pages import EVERYTHING, Sight
from tenantry.declaration.files import SUFFIX
from tenantry.declaration.keeper import Change
from tenantry.declaration.on_branch import person
from tenantry.errors import InputError, TenantryError, TransientError
from tenantry.operations import provision
from tenantry.settings import declared_in
from tenantry.sweep import over

AT_ONCE: Final = 50
"""Proposals that one sweep looks after."""
LIMIT: Final = 200
"""Proposals of a page, at most."""

_SPEAKING: Final = threading.Semaphore(2)
"""Threads of a process that a request may keep at a forge, so that one that hangs keeps nobody else waiting."""
_AWAY: Final[dict[str, float]] = {}
_PAUSE: Final = 15.0
"""Seconds for which requests leave a forge alone that has not answered one."""


@dataclass(frozen=True)
class Proposal:
    """One proposal. ``state``: ``pending`` (the forge has not answered yet), ``proposed``, ``merged``, ``run``, ``done``, ``failed``,
    ``rejected``; ``link``: where it is decided; ``cause``: why the last attempt to go on came to nothing."""

    id: UUID
    tenant: str
    kind: str
    state: str
    link: str | None
    run: UUID | None
    cause: str | None
    requested_by: str
    created_at: datetime
    decided_at: datetime | None


def used() -> bool:
    """Whether this platform's changes are proposed."""
    return declared_in().forged


def refuse_taken(slug: str, hosts: list[str]) -> None:
    """``InputError`` where another proposal wants the slug or one of the host names."""
    row = proposals.taken(slug, hosts)
    if row is None:
        return
    if row.slug == slug:
        raise InputError(f"a tenant {slug} is proposed already", "choose another slug, or wait for the decision", code="tenant.exists")
    both = ", ".join(sorted({*row.hosts} & {*hosts}))
    raise InputError(f"{both} is proposed for another tenant", "a host name has one tenant", code="domain.taken")


def note(slug: str, *, before: str | None, content: str, hosts: list[str], labels: Mapping[str, str], what: str, actor: Actor) -> Row:
    """Writes the change down. ``InputError`` where a change of the tenant is proposed already."""
    values = {"id": uuid4(), "slug": slug, "kind": "create" if before is None else "edit", "labels": labels, "hosts": hosts, "what": what}
    asked = {"before": before, "content": content, "actor": actor.name, "via": actor.via, "request_id": actor.request}
    return proposals.add(values | asked)


def send(row: Row) -> Proposal:
    """Lets the forge have a change that was written down; where it does not answer soon, the task ``proposals`` goes on."""
    if time.monotonic() > _AWAY.get(declared_in().place, 0) and _SPEAKING.acquire(blocking=False):
        try:
            if _went_on(row)[1]:
                _AWAY[declared_in().place] = time.monotonic() + _PAUSE
        finally:
            _SPEAKING.release()
    else:
        proposals.later(row.id, None)
    return shown(proposals.find(row.id) or row)


def advance(*, now: bool = False) -> dict[str, int]:
    """Goes on with what is due, or with all that is under way; how many have come further, and how many wait for another attempt."""
    if not used():
        return {}
    away = ""

    def look(row: Row) -> bool:
        nonlocal away
        if away and row.state != "merged":  # the others wait for no answer that this one has not got
            proposals.later(row.id, away)
            return False
        cause, passes = _went_on(row)
        away = cause if passes else ""
        return not cause

    due = proposals.due(AT_ONCE, all_of_them=now)
    swept = over(due, look)
    for row, error in swept.failed:
        proposals.later(row.id, error.message)
    further = sum(swept.results)
    return {"proposals looked after": further, "proposals that wait for another attempt": len(due) - further}


def of_new(slug: str) -> Row | None:
    """The proposal of a new tenant that is under way."""
    return proposals.of_new(slug)


def page(sight: Sight = EVERYTHING, after: UUID | None = None, limit: int = 50) -> tuple[tuple[Proposal, ...], UUID | None]:
    """Proposals of tenants in sight, the newest first, and where the next page begins. ``InputError`` for a limit that is none."""
    if not 1 <= limit <= LIMIT:
        raise InputError(f"a page cannot have {limit} proposals", f"1 to {LIMIT}")
    rows = proposals.page(sight, after, limit + 1)
    return tuple(shown(row) for row in rows[:limit]), rows[limit - 1].id if len(rows) > limit else None


def find(proposal: UUID, sight: Sight) -> Proposal:
    """One proposal; ``InputError`` of the same words for one out of sight and for one that there is not."""
    row = proposals.find(proposal)
    if row is None or not sight.sees(row.slug, row.labels):
        raise InputError("there is no such proposal", "GET /v1/proposals lists those that are there for you", code="proposal.unknown")
    return shown(row)


def shown(row: Row) -> Proposal:
    """As whoever asks sees it."""
    state = row.state
    if state == "merged" and row.run_state is not None:
        state = {"done": "done", "failed": "failed", "cancelled": "failed"}.get(row.run_state, "run")
    return Proposal(row.id, row.slug, row.kind, state, row.link, row.run_id, row.cause, row.actor, row.created_at, row.decided_at)


def _went_on(row: Row) -> tuple[str, bool]:
    """One step further with a proposal; else why not, and whether the forge may answer later."""
    try:
        if row.state == "pending":
            opened = forges.of(declared_in()).propose(_wish(row))
            proposals.note(row.id, state="proposed", number=opened.number, link=opened.link)
        elif row.state == "proposed" and row.number is not None:
            decision = forges.of(declared_in()).decision(row.number)
            if decision == "open":
                proposals.later(row.id, None)
            else:
                proposals.note(row.id, state=decision)
        elif row.state == "merged":
            # Its file may not have come to this machine yet, or somebody has merged what cannot be made: then this says so.
            proposals.note(row.id, state="merged", run=provision.request(row.slug, actor=Actor(row.actor, row.via)))
    except TenantryError as error:
        proposals.later(row.id, error.message)
        return error.message, isinstance(error, TransientError)
    return "", False


def _wish(row: Row) -> Wish:
    change = Change(row.what, Actor(row.actor, row.via, row.request_id))
    message = change.message(row.slug)
    title, _, trailers = message.partition("\n")
    return Wish(
        f"tenantry/{row.slug}-{row.id.hex[:8]}",
        f"{declared_in().inside}{row.slug}{SUFFIX}",
        None if row.before is None else row.before.encode(),
        row.content.encode(),
        person(change),
        message,
        title,
        f"Asked for through the service by {row.actor}.\n\n{trailers.strip()}\n",
    )
