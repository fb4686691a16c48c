"""The journal of durable work: runs, their steps, the workers, and the audit log. A call that is given no connection is one transaction.

People read it with `tenantry log`; a worker writes it while it works. What it is resumed from after a crash is the same journal: a
step that is `done` here is not done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from psycopg import errors
from psycopg.types.json import Jsonb

from tenantry.actor import NOBODY, Actor
from tenantry.control import api_requests, occupancy, works
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.escape import escaped
from tenantry.problems import ALIKE, did_you_mean

if TYPE_CHECKING:
    import psycopg

OPEN: Final = ("queued", "running")

JOINED: Final = "joined"
"""The audit log's word for who asks for a run that is under way already."""
RESUMED: Final = "resumed"
"""And for who asks for one that has failed."""
RENEWED: Final = "renewed"
"""And for who asks for one that has failed with another declaration: it is for that one now."""


@dataclass(frozen=True)
class Request:
    """What is asked for. ``subject`` is the slug, or what a run of the whole fleet is about."""

    kind: str
    subject: str
    tenant_id: UUID | None = None
    stack: str | None = None
    arguments: Mapping[str, Any] | None = None
    actor: Actor = NOBODY
    declared: str | None = None
    """The fingerprint of the declaration that it is for; None: for none, as a backup is."""
    commit: str | None = None
    """The commit that has that declaration; None: there is no git, or it was not committed."""


def request(connection: psycopg.Connection[dict[str, Any]], wanted: Request) -> dict[str, Any]:
    """The row of the run for what is wanted, in the caller's transaction: that of the newest one of the kind and tenant under way where
    it is for the same declaration, or a new one.

    One for another declaration is not joined: the new run follows it, in their stack's queue. ``InputError`` while something is under
    way on the tenant that the work must not meet (``occupancy``).
    """
    if wanted.tenant_id is not None:
        occupancy.admit(connection, wanted.tenant_id, works.Kind(wanted.kind))
    run_id, given = uuid4(), {"tenant": wanted.tenant_id, "kind": wanted.kind, "declared": wanted.declared}
    while True:
        connection.execute(
            "UPDATE runs SET overtaken = true WHERE tenant_id = %(tenant)s AND kind = %(kind)s AND state IN ('queued', 'running')"
            " AND NOT overtaken AND declared IS DISTINCT FROM %(declared)s",
            given,
        )
        row = connection.execute(
            """
            INSERT INTO runs (id, kind, tenant_id, subject, stack, arguments, requested_by, via, declared, commit)
            VALUES (%(id)s, %(kind)s, %(tenant)s, %(subject)s, %(stack)s, %(arguments)s, %(by)s, %(via)s, %(declared)s, %(commit)s)
            ON CONFLICT (tenant_id, kind) WHERE state IN ('queued', 'running') AND NOT overtaken DO UPDATE SET state = runs.state
            RETURNING *
            """,
            {
                **given,
                "id": run_id,
                "subject": wanted.subject,
                "stack": wanted.stack,
                "arguments": Jsonb(dict(wanted.arguments or {})),
                "by": wanted.actor.name,
                "via": wanted.actor.via,
                "commit": wanted.commit,
            },
        ).fetchone()
        assert row is not None  # noqa: S101  # RETURNING after an upsert always has a row
        _note(connection, wanted.actor, row["id"])
        if row["id"] == run_id:
            return row
        if row["declared"] == wanted.declared:  # else: someone asked for that between the two statements
            audit(connection, row["tenant_id"], wanted.actor.name, row["kind"], JOINED, row["id"])
            return row


def pursue(connection: psycopg.Connection[dict[str, Any]], wanted: Request, touched: Sequence[str]) -> dict[str, Any]:
    """As ``request``, but where the tenant's newest run of the kind has failed, that one goes on in the caller's transaction.

    Where it was for another declaration (or nobody knows for which) it is for this one now, and its steps ``touched`` are done again.
    """
    assert wanted.tenant_id is not None  # noqa: S101  # for the type checker: a declaration is a tenant's
    last = newest(connection, wanted.tenant_id, [wanted.kind])
    if last is None or locked(connection, last["id"])["state"] != "failed":
        return request(connection, wanted)
    if last["declared"] == wanted.declared:
        return reopen(connection, last["id"], wanted.actor)
    connection.execute("DELETE FROM run_steps WHERE run_id = %s AND name = ANY(%s)", [last["id"], list(touched)])
    connection.execute(
        "UPDATE runs SET declared = %s, commit = %s, stack = %s WHERE id = %s",
        [wanted.declared, wanted.commit, wanted.stack, last["id"]],
    )
    return reopen(connection, last["id"], wanted.actor, RENEWED)


def _note(connection: psycopg.Connection[dict[str, Any]], actor: Actor, run_id: UUID) -> None:
    if actor.request is not None:
        api_requests.note_run(connection, actor.request, run_id)


def locked(connection: psycopg.Connection[dict[str, Any]], run_id: UUID) -> dict[str, Any]:
    """The row of a run, which stays as it is until the caller's transaction ends. ``InputError`` when there is none of that id."""
    row = connection.execute("SELECT * FROM runs WHERE id = %s FOR UPDATE", [run_id]).fetchone()
    if row is None:
        raise _no_run(run_id)
    return row


def reopen(connection: psycopg.Connection[dict[str, Any]], run_id: UUID, actor: Actor, outcome: str = RESUMED) -> dict[str, Any]:
    """Makes a failed run wait for a worker again, in the caller's transaction; its row. One that is open stays as it is, and is joined.

    ``outcome`` is the audit log's word for it. ``InputError`` when it is over, or when a newer run of the same kind and tenant is open.
    """
    row = locked(connection, run_id)
    _note(connection, actor, run_id)
    if row["state"] in OPEN:
        audit(connection, row["tenant_id"], actor.name, row["kind"], JOINED, run_id)
        return row
    if row["state"] == "cancelled":
        raise InputError(
            f"run {run_id} was cancelled: {row['error']}", f"tenantry log {row['subject']} shows what came after it", code="run.cancelled"
        )
    if row["state"] != "failed":
        raise InputError(f"run {run_id} has not failed", f"tenantry log {run_id} shows its state", code="run.settled")
    try:
        with connection.transaction():
            reopened = connection.execute(
                "UPDATE runs SET state = 'queued', resumed = resumed + 1, error = NULL, hint = NULL, finished_at = NULL,"
                " overtaken = false, returned_since = NULL WHERE id = %s RETURNING *",
                [run_id],
            ).fetchone()
    except errors.UniqueViolation:
        newer = connection.execute(
            "SELECT id FROM runs WHERE tenant_id = %s AND kind = %s AND state IN ('queued', 'running') AND NOT overtaken",
            [row["tenant_id"], row["kind"]],
        ).fetchone()
        raise InputError(
            f"a newer {row['kind']} of {row['subject']} is under way" + (f": run {newer['id']}" if newer else ""),
            f"tenantry log {newer['id'] if newer else row['subject']} shows it",
            code="tenant.busy",
        ) from None
    assert reopened is not None  # noqa: S101  # the row is locked
    audit(connection, row["tenant_id"], actor.name, row["kind"], outcome, run_id)
    return reopened


def audit(connection: Any, tenant_id: UUID | None, actor: str, action: str, outcome: str, run_id: UUID | None = None) -> None:
    """One line of the audit log, in the caller's transaction."""
    connection.execute(
        "INSERT INTO audit_log (tenant_id, actor, action, outcome, run_id) VALUES (%s, %s, %s, %s, %s)",
        [tenant_id, escaped(actor), escaped(action), escaped(outcome), run_id],
    )


def read(run_id: UUID) -> dict[str, Any]:
    """A run with its ``steps`` in order, and in ``askers`` who joined it or asked for it again: ``at``, ``actor``, ``outcome``.

    ``InputError`` when there is none of that id.
    """
    with transaction() as connection:
        row = connection.execute("SELECT * FROM runs WHERE id = %s", [run_id]).fetchone()
        if row is None:
            raise _no_run(run_id)
        steps = connection.execute("SELECT * FROM run_steps WHERE run_id = %s ORDER BY number", [run_id]).fetchall()
        askers = connection.execute(
            "SELECT at, actor, outcome FROM audit_log WHERE run_id = %s AND outcome = ANY(%s) ORDER BY id",
            [run_id, [JOINED, RESUMED, RENEWED]],
        ).fetchall()
        return {**row, "steps": steps, "askers": askers}


def _no_run(run_id: UUID) -> InputError:
    known = [str(row["id"]) for row in latest(limit=200)]
    return InputError(f"no run {run_id}", did_you_mean(str(run_id), known, "tenantry log shows the runs", cutoff=ALIKE), code="run.unknown")


def latest(*, tenant_id: UUID | None = None, kind: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest runs first, of one tenant or of all, of one kind or of all."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT * FROM runs WHERE (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
            ORDER BY requested_at DESC LIMIT %(limit)s
            """,
            {"tenant": tenant_id, "kind": kind, "limit": limit},
        ).fetchall()


def last(tenant_id: UUID, kind: str) -> dict[str, Any] | None:
    """The tenant's newest run of that kind, or None."""
    return next(iter(latest(tenant_id=tenant_id, kind=kind, limit=1)), None)


def at_work_on(stack: str, kinds: Sequence[str]) -> bool:
    """Whether a run of one of the kinds on the stack waits or is at work."""
    with transaction() as connection:
        query = "SELECT FROM runs WHERE stack = %s AND kind = ANY(%s) AND state = ANY(%s) LIMIT 1"
        return connection.execute(query, [stack, list(kinds), list(OPEN)]).fetchone() is not None


def abandoned() -> list[dict[str, Any]]:
    """Runs that the journal calls open and the queue calls ended: DBOS gave up on them, or someone cancelled them there."""
    with transaction() as connection:
        return connection.execute(
            """
            SELECT r.* FROM runs r JOIN dbos.workflow_status w ON w.workflow_uuid = format('%s:%s', r.id, r.resumed)
            WHERE r.state IN ('queued', 'running') AND w.status NOT IN ('ENQUEUED', 'PENDING', 'DELAYED')
              AND to_timestamp(w.updated_at / 1000.0) < now() - interval '5 seconds'
            """
        ).fetchall()


def abandon(run_id: UUID) -> None:
    """Ends an abandoned run as failed."""
    with transaction() as connection:
        row = connection.execute(
            "UPDATE runs SET state = 'failed', finished_at = now(), error = %s, hint = %s WHERE id = %s AND state IN ('queued', 'running')"
            " RETURNING tenant_id, kind, requested_by",
            ["the queue gave the run up: its worker died too often, or it was cancelled there", f"tenantry resume {run_id}", run_id],
        ).fetchone()
        if row is not None:
            audit(connection, row["tenant_id"], row["requested_by"], row["kind"], "failed", run_id)


def newest(connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, kinds: Sequence[str]) -> dict[str, Any] | None:
    """The tenant's newest run of these kinds that was not cancelled, in the caller's transaction; or None."""
    return connection.execute(
        "SELECT * FROM runs WHERE tenant_id = %s AND kind = ANY(%s) AND state <> 'cancelled' ORDER BY requested_at DESC LIMIT 1",
        [tenant_id, list(kinds)],
    ).fetchone()


def newest_of_all(connection: psycopg.Connection[dict[str, Any]], kinds: Sequence[str]) -> dict[UUID, dict[str, Any]]:
    """Tenant → its newest run of these kinds that was not cancelled, in the caller's transaction."""
    rows = connection.execute(
        "SELECT DISTINCT ON (tenant_id) * FROM runs WHERE tenant_id IS NOT NULL AND kind = ANY(%s) AND state <> 'cancelled'"
        " ORDER BY tenant_id, requested_at DESC",
        [list(kinds)],
    )
    return {row["tenant_id"]: row for row in rows}


def cancel(
    connection: psycopg.Connection[dict[str, Any]],
    tenant_id: UUID,
    kinds: Sequence[str],
    why: str,
    actor: Actor,
    *,
    but: UUID | None = None,
) -> None:
    """Ends the tenant's runs of these kinds that failed, or that no worker has begun, in the caller's transaction: nobody resumes them.

    One that is at work is left to its worker. ``but``: the run that is kept.
    """
    rows = connection.execute(
        "UPDATE runs SET state = 'cancelled', finished_at = coalesce(finished_at, now()), error = %s, hint = NULL"
        " WHERE tenant_id = %s AND kind = ANY(%s) AND state IN ('failed', 'queued') AND id IS DISTINCT FROM %s RETURNING id, kind",
        [why, tenant_id, list(kinds), but],
    ).fetchall()
    for row in rows:
        audit(connection, tenant_id, actor.name, row["kind"], "cancelled", row["id"])
