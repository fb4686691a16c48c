"""A run while a worker has it: taken, told of step by step, given back or ended. Nobody else may write."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.errors import WorkError
from tenantry.escape import journalled

if TYPE_CHECKING:
    import psycopg


class NotOurs(WorkError):
    """The run is another worker's by now: this one was thought dead, and has to let go of it."""

    def __init__(self) -> None:
        super().__init__("another worker has taken this run over", "nothing to do: it goes on there")


def claim(run_id: UUID, worker: str) -> dict[str, Any] | None:
    """Makes ``worker`` the one at work on the run, and gives its row; None for one that has ended, of which the queue did not hear."""
    with transaction() as connection:
        row = connection.execute(
            "UPDATE runs SET state = 'running', worker = %s, started_at = coalesce(started_at, now())"
            " WHERE id = %s AND state IN ('queued', 'running') RETURNING *",
            [worker, run_id],
        ).fetchone()
        if row is None and connection.execute("SELECT 1 FROM runs WHERE id = %s", [run_id]).fetchone() is None:
            raise WorkError(f"run {run_id} is not in the journal", "it was erased with its tenant", code="run.unknown")
        return row


def keep(run_id: UUID, worker: str) -> None:
    """Writes down that a worker has the files of the run. ``NotOurs`` when the run is not."""
    _write(run_id, worker, "UPDATE runs SET returned_since = %s WHERE id = %s AND worker = %s", None)


def given_back(run_id: UUID) -> timedelta:
    """For how long workers have been giving the run back; nothing when none has since one had its files."""
    with transaction() as connection:
        row = connection.execute("SELECT now() - returned_since AS long FROM runs WHERE id = %s", [run_id]).fetchone()
        return timedelta() if row is None or row["long"] is None else row["long"]


def give_back(connection: psycopg.Connection[dict[str, Any]], run_id: UUID, worker: str, why: str) -> dict[str, Any]:
    """Makes a run wait for another worker than ``worker``, which is at work on it, in the caller's transaction; its row, with ``waited``:
    how many seconds it has been given back for. ``NotOurs`` when the run is another's by now."""
    row = connection.execute(
        "UPDATE runs SET state = 'queued', resumed = resumed + 1, worker = NULL, progress = %s,"
        " returned_since = coalesce(returned_since, now()) WHERE id = %s AND worker = %s AND state = 'running'"
        " RETURNING *, extract(epoch FROM now() - returned_since)::float8 AS waited",
        [journalled(why), run_id, worker],
    ).fetchone()
    if row is None:
        raise NotOurs
    return row


def finish(run_id: UUID, worker: str, state: str, error: str | None = None, hint: str | None = None) -> None:
    """Ends the run, and writes the outcome into the audit log in the same transaction. A run that has ended stays as it is."""
    with transaction() as connection:
        row = connection.execute(
            "UPDATE runs SET state = %s, finished_at = now(), progress = NULL, error = %s, hint = %s"
            " WHERE id = %s AND worker = %s AND state = 'running' RETURNING tenant_id, kind, requested_by",
            [state, journalled(error), journalled(hint), run_id, worker],
        ).fetchone()
        if row is not None:
            runs.audit(connection, row["tenant_id"], row["requested_by"], row["kind"], state, run_id)


def begin_step(run_id: UUID, worker: str, number: int, name: str) -> bool:
    """Writes down that a step begins, once more or for the first time; False: it is done already. ``NotOurs`` when the run is not."""
    with transaction() as connection:
        must_be_ours(connection, run_id, worker)
        row = connection.execute(
            """
            INSERT INTO run_steps (run_id, number, name, state) VALUES (%s, %s, %s, 'running')
            ON CONFLICT (run_id, number) DO UPDATE
                SET state = 'running', attempts = run_steps.attempts + 1, started_at = now(), finished_at = NULL
                WHERE run_steps.state NOT IN ('done', 'skipped')
            RETURNING number
            """,
            [run_id, number, name],
        ).fetchone()
        return row is not None


def end_step(
    run_id: UUID,
    worker: str,
    number: int,
    name: str,
    state: str,
    *,
    summary: str | None = None,
    cause: str | None = None,
    hint: str | None = None,
) -> None:
    """Writes down how a step ended: ``done``, ``skipped``, ``waiting`` (it will be tried again) or ``failed``."""
    with transaction() as connection:
        must_be_ours(connection, run_id, worker)
        connection.execute(
            """
            INSERT INTO run_steps (run_id, number, name, state, finished_at, summary, cause, hint)
            VALUES (%s, %s, %s, %s, now(), %s, %s, %s)
            ON CONFLICT (run_id, number) DO UPDATE SET
                state = EXCLUDED.state, finished_at = now(), summary = EXCLUDED.summary,
                cause = coalesce(EXCLUDED.cause, run_steps.cause), hint = EXCLUDED.hint
            """,
            [run_id, number, name, state, journalled(summary), journalled(cause), journalled(hint)],
        )
        connection.execute("UPDATE runs SET progress = NULL WHERE id = %s", [run_id])


def must_be_ours(connection: Any, run_id: UUID, worker: str) -> None:
    if connection.execute("SELECT 1 FROM runs WHERE id = %s AND worker = %s FOR SHARE", [run_id, worker]).fetchone() is None:
        raise NotOurs


def note(run_id: UUID, worker: str, name: str, value: Any) -> None:
    """Keeps a value for later steps of the run. ``NotOurs`` when the run is not."""
    _write(run_id, worker, "UPDATE runs SET notes = notes || %s WHERE id = %s AND worker = %s", Jsonb({name: value}))


def tell(run_id: UUID, worker: str, text: str) -> None:
    """Shows how far the step at work has come. ``NotOurs`` when the run is not."""
    _write(run_id, worker, "UPDATE runs SET progress = %s WHERE id = %s AND worker = %s", journalled(text))


def _write(run_id: UUID, worker: str, statement: LiteralString, value: Any) -> None:
    """In one statement: a lock taken before it by two threads of the worker would let each wait for the other."""
    with transaction() as connection:
        if not connection.execute(statement, [value, run_id, worker]).rowcount:
            raise NotOurs
