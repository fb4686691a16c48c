"""The welcome sequence of a tenant's first administrator: the invitation on day 0, a mail on day 2 and one on day 7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.control import invitations, outbox
from tenantry.control.database import transaction
from tenantry.errors import WorkError

if TYPE_CHECKING:
    import psycopg

SEQUENCE: Final = ((0, "invitation"), (2, "welcome_day_2"), (7, "welcome_day_7"))
"""Day after the first, and the e-mail's key. The invitation is the welcome mail: it is the first that the administrator hears of us."""

PREFIX: Final = "welcome:"


def begin(tenant_id: UUID | str) -> list[UUID]:
    """Queues the sequence and, where the invitation has no link that works, issues one: all in one transaction.

    The ids of the sequence's mails, in order; the same when it is asked again. Empty for a tenant that is not active and where the
    administrator was in before the sequence was ever begun. ``WorkError`` when there is no invitation.
    """
    with transaction() as connection:
        tenant, invitation = _first_administrator(connection, tenant_id)
        if tenant["state"] != "active":
            return []
        if invitation["accepted_at"]:
            begun = connection.execute(
                "SELECT id FROM outbox WHERE tenant_id = %s AND starts_with(key, %s) ORDER BY not_before",
                [tenant_id, f"{PREFIX}{invitation['id']}:"],
            )
            return [row["id"] for row in begun]
        if invitations.open_link(invitation, tenant["host"]) is None:
            invitations.issue(connection, invitation["tenant_id"], invitation["id"])
        now = datetime.now(UTC)
        return [
            _add(connection, invitation, kind, f"{PREFIX}{invitation['id']}:{day}", now + timedelta(days=day) if day else None)
            for day, kind in SEQUENCE
        ]


def invited_otherwise(tenant_id: UUID | str) -> bool:
    """Whether the first administrator was given a link, and not by the sequence: `tenantry invite` was quicker."""
    with transaction() as connection:
        found = connection.execute(
            """
            SELECT 1 FROM invitations i WHERE i.tenant_id = %(tenant)s AND i.invited_by IS NULL AND i.issued_at IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.tenant_id = %(tenant)s AND starts_with(o.key, %(prefix)s))
            """,
            {"tenant": tenant_id, "prefix": PREFIX},
        ).fetchone()
        return found is not None


def again(tenant_id: UUID | str) -> UUID:
    """Gives the invitation a new link and queues a mail with it, in one transaction; the mail's id. The link before stops working.

    ``WorkError`` when there is no open invitation.
    """
    with transaction() as connection:
        tenant, invitation = _first_administrator(connection, tenant_id)
        if invitation["accepted_at"]:
            raise WorkError(f"the first administrator of {tenant['slug']} has accepted the invitation")
        token = invitations.issue(connection, invitation["tenant_id"], invitation["id"])
        return invitations.queue(connection, invitation["tenant_id"], invitation["id"], token, "")


def _first_administrator(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | str) -> tuple[dict[str, Any], dict[str, Any]]:
    tenant = connection.execute("SELECT slug, state, host FROM tenants WHERE id = %s AND deleted_at IS NULL", [tenant_id]).fetchone()
    # Locked, so that two who begin at once issue one link.
    invitation = connection.execute(
        "SELECT * FROM invitations WHERE tenant_id = %s AND invited_by IS NULL AND revoked_at IS NULL"
        " ORDER BY created_at DESC LIMIT 1 FOR UPDATE",
        [tenant_id],
    ).fetchone()
    if tenant is None or invitation is None:
        raise WorkError("there is no first administrator to invite", f"tenantry up {tenant['slug'] if tenant else 'SLUG'}")
    return tenant, invitation


def _add(
    connection: psycopg.Connection[dict[str, Any]], invitation: dict[str, Any], kind: str, key: str, not_before: datetime | None
) -> UUID:
    parameters = {"user_name": invitation["name"], "invitation_id": str(invitation["id"])}
    return outbox.add(connection, invitation["tenant_id"], kind, invitation["email"], parameters, key, not_before=not_before)


def cancel(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID | str, cause: str = "the tenant is no longer active") -> int:
    """Cancels what is left of the sequence, in the caller's transaction (a suspension, an off-boarding); how many mails.

    A tenant that is reactivated does not get them later: they tell of first days that are over.
    """
    return outbox.cancel(connection, tenant_id, cause, key_prefix=PREFIX)
