"""Where tenants stand on their way out, in the control database: state, hold, legal hold.

A call that is given no connection is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.actor import Actor
from tenantry.control import occupancy
from tenantry.control.database import if_there, transaction
from tenantry.control.works import Kind
from tenantry.errors import InputError
from tenantry.escape import require_line

if TYPE_CHECKING:
    import psycopg

COMMANDS: Final = {
    ("active", "suspended"): "suspend",
    ("active", "offboarding"): "offboard",
    ("suspended", "active"): "reactivate",
    ("suspended", "offboarding"): "offboard",
    ("offboarding", "active"): "undelete",
    ("offboarding", "suspended"): "undelete",
    ("offboarding", "archived"): "offboard --archive",
    ("offboarding", "deleted"): "offboard --delete",
}
"""From which state to which: the command that leads there."""

KINDS: Final = ("suspend", "reactivate", "offboard", "undelete")
"""Kinds of the runs that give a tenant another state and delete nothing."""


@dataclass(frozen=True)
class Hold:
    """An off-boarded tenant's hold. ``wish`` is what is done when it is over: ``delete``, ``archive`` or, by itself, nothing."""

    tenant: UUID
    since: datetime
    until: datetime
    previous_state: str
    wish: str | None
    requested_by: str
    deleting_since: datetime | None
    over: bool
    legal: str | None
    """The reason of the legal hold that stands, or None."""


_HOLD = """
    SELECT h.*, h.until <= now() AS over, l.reason AS legal
    FROM holds h LEFT JOIN legal_holds l ON l.tenant = h.tenant AND l.cleared_at IS NULL
"""


@contextmanager
def locked(tenant: UUID) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A transaction in which nobody else changes the tenant's state, hold or legal hold."""
    with transaction() as connection:
        lock(connection, tenant)
        yield connection


def lock(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> str | None:
    """The same until the caller's transaction ends; what the registry says of the tenant, None when it has none."""
    row = connection.execute("SELECT state FROM tenants WHERE id = %s FOR UPDATE", [tenant]).fetchone()
    return str(row["state"]) if row else None


def set_state(connection: psycopg.Connection[dict[str, Any]], tenant: UUID, state: str) -> None:
    """What the registry says of the tenant from now on; the engine's run says the same later."""
    connection.execute("UPDATE tenants SET state = %s, updated_at = now() WHERE id = %s AND deleted_at IS NULL", [state, tenant])


@dataclass(frozen=True)
class Word:
    """What the platform holds a tenant's state to be, and whose word that is."""

    state: str
    command: str | None
    """The command that was the last to change it; None: there was none."""
    by: str | None
    at: datetime | None
    run: str | None = None
    """The run of that command; None also where a file has given the tenant another state since."""


def words() -> dict[str, Word]:
    """Slug → what holds of each tenant that has been made; of one for which such a command is under way or failed, its aim.

    Nothing where there is no registry yet.
    """

    def read(connection: psycopg.Connection[dict[str, Any]]) -> dict[str, Word]:
        rows = connection.execute(
            """
            SELECT t.slug, t.state, r.id::text, r.kind, r.arguments ->> 'to' AS aim, r.state AS run, r.requested_by, r.requested_at
            FROM tenants t LEFT JOIN LATERAL (
                SELECT * FROM runs WHERE tenant_id = t.id AND kind = ANY(%s) AND state <> 'cancelled' ORDER BY requested_at DESC LIMIT 1
            ) r ON true
            WHERE t.deleted_at IS NULL AND t.state <> 'provisioning'
            """,
            [list(KINDS)],
        )
        return {
            row["slug"]: Word(
                row["state"] if row["run"] in (None, "done") else row["aim"],
                row["kind"],
                row["requested_by"],
                row["requested_at"],
                row["id"] if row["run"] != "done" or row["aim"] == row["state"] else None,
            )
            for row in rows
        }

    return if_there(read, {})


def hold_of(tenant: UUID, connection: psycopg.Connection[dict[str, Any]] | None = None) -> Hold | None:
    """The tenant's hold, or None."""
    if connection is None:
        with transaction() as own:
            return hold_of(tenant, own)
    row = connection.execute(f"{_HOLD} WHERE h.tenant = %s", [tenant]).fetchone()
    return Hold(**row) if row else None


def holds() -> list[Hold]:
    """Every hold, the one that ends first first."""
    with transaction() as connection:
        return [Hold(**row) for row in connection.execute(f"{_HOLD} ORDER BY h.until")]


def begin_hold(
    connection: psycopg.Connection[dict[str, Any]],
    tenant: UUID,
    previous_state: str,
    wish: str | None,
    actor: Actor,
    *,
    least: int,
    days: int | None = None,
) -> None:
    """Begins the hold in the caller's transaction, or changes the one that is there: to the wish of whoever asked last, never shorter.

    ``days``: how long it is, from its beginning, when someone said so; else a new one has the platform's ``least``.
    """
    connection.execute(
        """
        INSERT INTO holds (tenant, until, previous_state, wish, requested_by)
        VALUES (%(tenant)s, now() + make_interval(days => coalesce(%(days)s, %(least)s)), %(previous)s, %(wish)s, %(by)s)
        ON CONFLICT (tenant) DO UPDATE SET
            wish = coalesce(EXCLUDED.wish, holds.wish),
            until = greatest(holds.until, holds.since + make_interval(days => %(days)s))
        """,
        {"tenant": tenant, "days": days, "least": least, "previous": previous_state, "wish": wish, "by": actor.name},
    )


def end_hold(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> None:
    """Ends the hold in the caller's transaction, because the tenant stays."""
    connection.execute("DELETE FROM holds WHERE tenant = %s", [tenant])


def end_hold_now(tenant: UUID, slug: str) -> Hold:
    """Lets the time of a hold be over; the hold. ``InputError`` when the tenant is not off-boarded. For the local cloud's command alone."""
    with locked(tenant) as connection:
        connection.execute("UPDATE holds SET until = least(until, now()) WHERE tenant = %s", [tenant])
        hold = hold_of(tenant, connection)
    if hold is None:
        raise InputError(f"tenant {slug} is not off-boarded", f"tenantry offboard {slug}", code="tenant.state")
    return hold


def refuse_held(hold: Hold | None, slug: str) -> Hold:
    """The hold that is over; ``InputError`` while the tenant is held, or was never off-boarded."""
    if hold is None:
        raise InputError(f"tenant {slug} is not off-boarded", f"tenantry offboard {slug}", code="tenant.state")
    if hold.legal is not None:
        raise InputError(
            f"tenant {slug} is under a legal hold: {hold.legal}", f"tenantry legal-hold clear {slug}, once it may be", code="tenant.held"
        )
    if not hold.over:
        raise InputError(
            f"tenant {slug} is held until {hold.until:%Y-%m-%d %H:%M} UTC: nothing is deleted before",
            f"wait, or bring it back: tenantry undelete {slug}",
            code="tenant.held",
        )
    return hold


def set_legal_hold(tenant: UUID, reason: str, actor: Actor) -> None:
    """Sets a legal hold, or gives the one that stands another reason. ``InputError`` when the deletion has begun."""
    require_line("the reason", reason, 1000)
    with locked(tenant) as connection:
        occupancy.admit(connection, tenant, Kind.LEGAL_HOLD)
        connection.execute(
            "INSERT INTO legal_holds (tenant, reason, set_by) VALUES (%s, %s, %s)"
            " ON CONFLICT (tenant) WHERE cleared_at IS NULL DO UPDATE SET reason = EXCLUDED.reason",
            [tenant, reason, actor.name],
        )


def clear_legal_hold(tenant: UUID, actor: Actor) -> bool:
    """Lifts the legal hold; whether there was one."""
    with locked(tenant) as connection:
        return bool(
            connection.execute(
                "UPDATE legal_holds SET cleared_by = %s, cleared_at = now() WHERE tenant = %s AND cleared_at IS NULL", [actor.name, tenant]
            ).rowcount
        )


def legal_holds(tenant: UUID | None = None) -> list[dict[str, Any]]:
    """Legal holds with their tenants' slugs, those that stand first, then newest first."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT t.slug, l.id, l.reason, l.set_by, l.set_at, l.cleared_by, l.cleared_at
            FROM legal_holds l JOIN tenants t ON t.id = l.tenant
            WHERE %(tenant)s::uuid IS NULL OR l.tenant = %(tenant)s ORDER BY l.cleared_at IS NOT NULL, l.set_at DESC
            """,
            {"tenant": tenant},
        ).fetchall()


def administrators(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> list[dict[str, Any]]:
    """``name`` and ``email`` of the tenant's administrators: those who came in, and those who were invited."""
    return connection.execute(
        """
        SELECT name, email FROM users WHERE tenant_id = %(tenant)s AND role = 'admin'
        UNION SELECT name, email FROM invitations i WHERE tenant_id = %(tenant)s AND role = 'admin' AND revoked_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id = i.tenant_id AND u.email = i.email)
        ORDER BY email
        """,
        {"tenant": tenant},
    ).fetchall()
