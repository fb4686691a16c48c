"""Sign-ins that failed, in the audit log: alike ones of one time are one line with a count, and of too many others one line tells."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.escape import escaped

if TYPE_CHECKING:
    import psycopg

ACTION: Final = "failed sign-in"
"""In the audit log. What stands behind the colon of its outcome is no id, and goes with the tenant (``forget``)."""
WHO: Final = "somebody"
OTHERS: Final = "others"


def note(
    connection: psycopg.Connection[dict[str, Any]], tenant: UUID | None, way: str, who: str, network: str, *, within: timedelta, most: int
) -> None:
    """One more, of ``who`` from ``network`` in ``way``, at a host of the tenant; None: of the platform, or nobody's.

    At most ``most`` lines of a tenant ``within`` a time, and one for whatever else there was. The caller's transaction is one of its own.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('failed sign-in:' || %s, 0))", [str(tenant)])
    if _again(connection, tenant, way, who, network, within):
        return
    row = connection.execute(
        "SELECT count(*) AS lines FROM failed_sign_ins WHERE tenant IS NOT DISTINCT FROM %s AND since > now() - %s", [tenant, within]
    ).fetchone()
    if row is not None and row["lines"] >= most:
        who = network = OTHERS
        if _again(connection, tenant, way, who, network, within):
            return
    line = connection.execute(
        "INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES (%s, %s, %s, %s) RETURNING id",
        [tenant, WHO, ACTION, _told(way, 1, who, network)],
    ).fetchone()
    assert line is not None  # noqa: S101  # RETURNING of one row
    connection.execute(
        "INSERT INTO failed_sign_ins (subject, tenant, line) VALUES (%s, %s, %s)"
        " ON CONFLICT (subject) DO UPDATE SET line = EXCLUDED.line, since = now(), count = 1",
        [_subject(tenant, way, who, network), tenant, line["id"]],
    )


def purge(connection: psycopg.Connection[dict[str, Any]], within: timedelta) -> None:
    """Lets what was counted longer ago be counted anew; its lines stay."""
    connection.execute("DELETE FROM failed_sign_ins WHERE since <= now() - %s", [within])


def forget(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> None:
    """Leaves of a tenant's lines how often and in which way, and not who and from where: they outlive it."""
    connection.execute("UPDATE audit_log SET outcome = split_part(outcome, ':', 1) WHERE tenant_id = %s AND action = %s", [tenant, ACTION])
    connection.execute("DELETE FROM failed_sign_ins WHERE tenant = %s", [tenant])


def _again(
    connection: psycopg.Connection[dict[str, Any]], tenant: UUID | None, way: str, who: str, network: str, within: timedelta
) -> bool:
    row = connection.execute(
        "UPDATE failed_sign_ins SET count = count + 1 WHERE subject = %s AND since > now() - %s RETURNING line, count",
        [_subject(tenant, way, who, network), within],
    ).fetchone()
    if row is not None:
        connection.execute("UPDATE audit_log SET outcome = %s WHERE id = %s", [_told(way, row["count"], who, network), row["line"]])
    return row is not None


def _told(way: str, count: int, who: str, network: str) -> str:
    """In this order, so that nothing which somebody typed can be taken for the way or the count."""
    return escaped(f"by {way}, {count}: {who} from {network}" if who != OTHERS else f"by {way}, {count}: {OTHERS}")


def _subject(tenant: UUID | None, way: str, who: str, network: str) -> bytes:
    return hashlib.sha256("\0".join((str(tenant), way, who.lower(), network)).encode()).digest()
