"""Domains of the addresses of tenants' people, which DNS has to prove; asked again, because domains change hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import text_records
from tenantry.control import email_domains, registry, runs
from tenantry.control.database import transaction
from tenantry.control.email_domains import Claimed
from tenantry.errors import InputError, TransientError
from tenantry.escape import escaped
from tenantry.stores import tenant_store

if TYPE_CHECKING:
    from tenantry.work.tasks.task import Context

AGAIN: Final = timedelta(hours=20)
"""After which a domain that is proved is asked for again."""
AT_A_TIME: Final = 60
"""Domains in one pass: where DNS is silent that is five minutes."""


@dataclass(frozen=True)
class EmailDomain:
    """A domain that a tenant's file names. ``record``, ``value``: the TXT record that proves it, and what it says."""

    domain: str
    record: str
    value: str
    verified_at: datetime | None
    """None: it is not proved, and nobody comes in by it."""
    checked_at: datetime | None
    problem: str | None


def listed(slug: str) -> list[EmailDomain]:
    """Those of a tenant, as its file was last applied, by name. ``InputError`` for a tenant that is not there."""
    return [_told(claim) for claim in _claims(slug)]


def check(slug: str, domain: str | None, *, actor: Actor) -> list[EmailDomain]:
    """Asks DNS for one domain of a tenant, or for each, now.

    ``InputError`` for a domain that its file does not name; ``TransientError`` where DNS cannot say.
    """
    claims = [claim for claim in _claims(slug) if domain is None or claim.domain == domain]
    if domain is not None and not claims:
        raise InputError(
            f"{slug} does not name the e-mail domain {escaped(domain)[:80]!r}",
            "sign_in.email_domains of its file does, then tenantry up",
            code="email.unknown",
        )
    for claim in claims:
        _look(claim, actor.name)
    return [told for told in listed(slug) if domain is None or told.domain == domain]


def recheck(_: Context) -> str:
    """Those that are not proved, and once a day the others: counts, in words."""
    with transaction() as connection:
        email_domains.enter(connection)
        due = email_domains.due(connection, AGAIN, AT_A_TIME)
    return _looked_at(due)


def _looked_at(due: Sequence[Claimed]) -> str:
    changed, silent = [], 0
    for claim in due:
        try:
            if _look(claim, "schedule"):
                changed.append(claim)
        except TransientError:
            silent += 1
    counts = {
        "e-mail domains proved": sum(claim.verified_at is None for claim in changed),
        "not any more": sum(claim.verified_at is not None for claim in changed),
        "DNS did not tell of": silent,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _look(claim: Claimed, actor: str) -> bool:
    """Asks DNS, outside of any transaction, and writes down what it says; whether that changed anything."""
    wanted, name = _told(claim).value, _told(claim).record
    there = text_records.of(name)
    problem = None if wanted in (text.strip() for text in there) else f"{name} does not say {wanted}" if there else f"there is no {name}"
    with transaction() as connection:
        changed = email_domains.found(connection, claim, problem)
        if changed:
            runs.audit(connection, claim.tenant, actor, "e-mail domain", "proved" if claim.verified_at is None else "not proved any more")
        return changed


def _claims(slug: str) -> list[Claimed]:
    tenant = naming.tenant_id(slug)
    with transaction() as connection:
        if connection.execute("SELECT FROM directory WHERE id = %s AND state <> 'deleted'", [tenant]).fetchone() is None:
            raise tenant_store.unknown(slug, list(registry.states()))
        email_domains.enter(connection, tenant)
        return email_domains.of_tenant(connection, tenant)


def _told(claim: Claimed) -> EmailDomain:
    return EmailDomain(
        claim.domain, f"_tenantry.{claim.domain}", f"tenantry-email={claim.token}", claim.verified_at, claim.checked_at, claim.problem
    )
