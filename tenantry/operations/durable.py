"""Asks for durable work, on DBOS: puts runs into the queue that workers take them from.

DBOS keeps the queue, gives each stack one run at a time, and gives the runs of a dead worker to another. Its tables are in the control
database's schema ``dbos`` and hold ids only: what people read, and what is erased with a tenant, is the journal.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID, uuid5

from tenantry.clients import runs
from tenantry.clients.postgres import Server, may_act_as
from tenantry.declaration.naming import CONTROL_DATABASE, CONTROL_OWNER, NAMESPACE

if TYPE_CHECKING:
    from dbos import DBOSClient

APPLICATION: Final = "tenantry"
VERSION: Final = "1"
"""The contract of the workflow below. A worker takes on only runs of its own version: raise it when a running one could not go on."""

QUEUE: Final = "runs"
WORKFLOW: Final = "run"
POLL: Final = 0.2  # seconds


def request(wanted: runs.Request) -> UUID:
    """Puts the work into the queue, or joins the run that is under way; the run's id."""
    row = runs.request(wanted)
    enqueue(row)
    return UUID(str(row["id"]))


def resume(run_id: UUID) -> None:
    """Puts a run that failed back into the queue: it goes on at the step that failed. One that is under way is left alone."""
    row = runs.read(run_id)
    enqueue(row if row["state"] in runs.OPEN else runs.reopen(run_id))


def enqueue(row: dict[str, Any]) -> None:
    """Gives the queue a run of the journal; one that it has already is not given again, so this also mends what a kill left half asked."""
    client().enqueue(
        {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": f"{row['id']}:{row['resumed']}",
            "app_version": VERSION,
            "queue_partition_key": partition(row),
        },
        str(row["id"]),
    )


def partition(row: dict[str, Any]) -> str:
    """What a run shares with those that must wait for it: its stack, else its tenant. A digest: no name is kept by the queue."""
    return str(uuid5(NAMESPACE, f"stack:{row['stack']}")) if row["stack"] else str(row["tenant_id"] or row["id"])


@cache
def client() -> DBOSClient:
    """DBOS's client. Its tables are made, or brought to this version, by whoever asks first; DBOS lets one do it at a time."""
    from dbos import DBOS, DBOSClient

    url = system_url()
    DBOS.migrate(url)
    made = DBOSClient(system_database_url=url, application_name=APPLICATION)
    register_queue(made, "never_update")
    return made


def register_queue(client: DBOSClient, on_conflict: Literal["always_update", "never_update"]) -> None:
    """Makes the queue where there is none. Its size is what the worker that was started last can do; who only asks changes nothing."""
    client.register_queue(
        QUEUE, partition_concurrency=1, worker_concurrency=concurrency(), polling_interval_sec=POLL, on_conflict=on_conflict
    )


def concurrency() -> int:
    """Runs that one worker does at a time."""
    return int(os.environ.get("TENANTRY_WORKER_CONCURRENCY") or max(2, os.cpu_count() or 2))


def system_url() -> str:
    """Where DBOS keeps its tables: the control database, as its owner."""
    from sqlalchemy import URL

    server = Server.from_environment()
    with server.connect() as maintenance:
        may_act_as(maintenance, CONTROL_OWNER)
    query = {"sslmode": server.sslmode, "options": f"-c role={CONTROL_OWNER}", "connect_timeout": "10", "application_name": "tenantry"}
    url = URL.create("postgresql+psycopg", server.user, server.password, server.host, server.port, CONTROL_DATABASE, query)
    return url.render_as_string(hide_password=False)
