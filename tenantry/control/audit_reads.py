"""What was read through the service: written down once, kept for its time, changed by nobody (a trigger refuses it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tenantry.control.database import transaction

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Read:
    """Who read what, from where. ``run``: whose tenant it is about, where no tenant is named."""

    holder: str
    actor: str
    credential: str
    address: str
    tenant: UUID | None
    run: UUID | None
    route: str
    detail: str


@dataclass(frozen=True)
class ReadLine:
    """Reads that were alike, within a moment."""

    at: datetime
    read: Read
    request: UUID
    reads: int


def add(lines: Sequence[ReadLine], keep: timedelta) -> None:
    """Writes the lines down, in one transaction; one that is there already is left as it is."""
    with transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO audit_reads (tenant_id, at, holder, actor, credential, address, route, detail, request_id, reads, keep_until)
            SELECT coalesce(%s::uuid, (SELECT tenant_id FROM runs WHERE id = %s::uuid)), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
            ON CONFLICT (request_id) DO NOTHING
            """,
            [
                (
                    read.tenant, read.run, line.at, read.holder, read.actor, read.credential, read.address, read.route, read.detail,
                    line.request, line.reads, line.at + keep,
                )
                for line, read in ((line, line.read) for line in lines)
            ],
        )  # fmt: skip


def purge(connection: psycopg.Connection[dict[str, object]], keep: timedelta) -> int:
    """Forgets what was to be kept until now and is older than ``keep``, in the caller's transaction; how many lines."""
    return connection.execute("DELETE FROM audit_reads WHERE keep_until <= now() AND at <= now() - %s", [keep]).rowcount
