"""Domains of the addresses of tenants' people: which are declared, what proves them, and people who come in by them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Claimed:
    """A domain that a tenant's file names, as the last run has it. ``token``: what proves it."""

    tenant: UUID
    domain: str
    token: str
    verified_at: datetime | None
    checked_at: datetime | None
    problem: str | None


def enter(connection: psycopg.Connection[dict[str, Any]], tenant: UUID | None = None) -> None:
    """Gives each declared domain (of one tenant) that has none its token, and forgets what no file names any more."""
    connection.execute(
        "DELETE FROM email_domains e WHERE NOT EXISTS"
        " (SELECT FROM declared_email_domains d WHERE d.tenant = e.tenant AND d.domain = e.domain)"
    )
    rows = connection.execute(
        "SELECT tenant, domain FROM declared_email_domains WHERE token IS NULL AND (%(tenant)s::uuid IS NULL OR tenant = %(tenant)s)",
        {"tenant": tenant},
    )
    for row in rows.fetchall():
        connection.execute(
            "INSERT INTO email_domains (tenant, domain, token) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [row["tenant"], row["domain"], secrets.token_hex(16)],
        )


def of_tenant(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> list[Claimed]:
    """Those that the tenant declares, by name."""
    rows = connection.execute(f"{_ENTERED} AND tenant = %s ORDER BY domain", [tenant])
    return [Claimed(**row) for row in rows]


def of_domain(connection: psycopg.Connection[dict[str, Any]], domain: str) -> list[tuple[UUID, bool]]:
    """The tenants whose files name the domain, each with whether it is proved to be theirs."""
    rows = connection.execute("SELECT tenant, verified_at IS NOT NULL AS proved FROM declared_email_domains WHERE domain = %s", [domain])
    return [(row["tenant"], row["proved"]) for row in rows]


def due(connection: psycopg.Connection[dict[str, Any]], proved: timedelta, most: int) -> list[Claimed]:
    """Those to be asked for again: not proved, or not looked at for as long as ``proved`` says; whoever waits longest is first."""
    rows = connection.execute(
        f"{_ENTERED} AND (verified_at IS NULL OR checked_at < now() - %s) ORDER BY checked_at NULLS FIRST LIMIT %s", [proved, most]
    )
    return [Claimed(**row) for row in rows]


def found(connection: psycopg.Connection[dict[str, Any]], claim: Claimed, problem: str | None) -> bool:
    """Writes down what DNS said: nothing wrong, or what. Whether that changed anything for people.

    A domain is one tenant's: it is taken from one whose file does not name it any more, and from no other.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('email domain:' || %s::text, 0))", [claim.domain])
    if problem is None:
        connection.execute(
            "UPDATE email_domains e SET verified_at = NULL WHERE domain = %s AND tenant <> %s AND NOT EXISTS"
            " (SELECT FROM declared_email_domains d WHERE d.tenant = e.tenant AND d.domain = e.domain)",
            [claim.domain, claim.tenant],
        )
        if any(proved and tenant != claim.tenant for tenant, proved in of_domain(connection, claim.domain)):
            problem = "it is another tenant's"
    row = connection.execute(
        "UPDATE email_domains SET checked_at = now(), problem = %(problem)s,"
        " verified_at = CASE WHEN %(problem)s::text IS NULL THEN coalesce(verified_at, now()) END"
        " WHERE tenant = %(tenant)s AND domain = %(domain)s AND token = %(token)s RETURNING verified_at",
        {"problem": problem, "tenant": claim.tenant, "domain": claim.domain, "token": claim.token},
    ).fetchone()
    return row is not None and (row["verified_at"] is None) != (claim.verified_at is None)


def hold(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> None:
    """Of several who arrive at a tenant at once, each waits for the one before."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('arrive:' || %s::text, 0))", [tenant])


def arrive(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, email: str, name: str, actor: str) -> UUID | None:
    """Makes the person a member; the user's id, or None where there is a user of that address (migrations/control/0030)."""
    row = connection.execute("SELECT arrive(%s, %s, %s, %s) AS person", [tenant, email, name, actor]).fetchone()
    return row["person"] if row else None


_ENTERED = "SELECT tenant, domain, token, verified_at, checked_at, problem FROM declared_email_domains WHERE token IS NOT NULL"
