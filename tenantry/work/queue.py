"""Asks for durable work, on DBOS: puts runs into the queue that workers take them from.

DBOS keeps the queue, gives each stack one run at a time, and gives the runs of a dead worker to another. Its tables are in the control
database's schema ``dbos`` and hold ids only: what people read, and what is erased with a tenant, is the journal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID, uuid5

from psycopg import errors

from tenantry.actor import Actor
from tenantry.control import program_age, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.naming import CONTROL_DATABASE, CONTROL_OWNER, NAMESPACE
from tenantry.postgres.server import KEPT_ALIVE, Server, may_act_as, session_options
from tenantry.stores import program_door

if TYPE_CHECKING:
    import psycopg
    from dbos import DBOSClient

T = TypeVar("T")

APPLICATION: Final = "tenantry"
VERSION: Final = "1"
"""The contract of the workflow below. A worker takes on only runs of its own version: raise it when a running one could not go on."""

QUEUE: Final = "runs"
WORKFLOW: Final = "run"
POLL: Final = 0.2  # seconds
LONGEST_DELAY: Final = 30.0  # seconds between two workers' looks at a run whose files they may not have


def request(wanted: runs.Request) -> UUID:
    """Puts the work into the queue, or joins the run that is under way; the run's id."""

    return asked(lambda connection: enqueue(connection, runs.request(connection, wanted)))


def pursue(wanted: runs.Request, touched: Sequence[str]) -> UUID:
    """The same, but a run that failed is resumed, see ``runs.pursue``."""
    return asked(lambda connection: enqueue(connection, runs.pursue(connection, wanted, touched)))


def resume(run_id: UUID, *, actor: Actor) -> None:
    """Puts a run that failed back into the queue: it goes on at the step that failed. One that is under way is left alone.

    ``InputError`` for one that is over, and while a newer run does the same work.
    """
    asked(lambda connection: enqueue(connection, runs.reopen(connection, run_id, actor)))


def join(run_id: UUID, *, actor: Actor) -> UUID:
    """The same for one that was just found failed or under way: it may have reached its end since, and that is as good. The run's id."""

    def ask(connection: psycopg.Connection[dict[str, Any]]) -> None:
        row = runs.locked(connection, run_id)
        if row["state"] != "done":
            enqueue(connection, runs.reopen(connection, run_id, actor))

    asked(ask)
    return UUID(str(run_id))


def give_back(run_id: UUID, worker: str, why: str) -> None:
    """Puts a run that ``worker`` has begun back into the queue, for another worker: later each time, so that one alone has its rest.

    What is behind it in the queue of its stack goes first.
    """
    with transaction() as connection:
        row = runs_at_work.give_back(connection, run_id, worker, why)
        _put(connection, row, delay=min(1.0 + row["waited"] / 4, LONGEST_DELAY))


def enqueue(connection: psycopg.Connection[Any], row: Mapping[str, Any]) -> UUID:
    """Puts a run of the journal into the queue in the caller's transaction, see ``asked``; its id. The queue may have it already.

    ``OlderProgram`` where the platform, or the tables of the run's stack, are newer than this program.
    """
    program_age.require(connection)
    if row["stack"]:
        program_door.enter_stack(row["stack"])
    return _put(connection, row)


def _put(connection: psycopg.Connection[Any], row: Mapping[str, Any], delay: float = 0.0) -> UUID:
    put(connection, QUEUE, WORKFLOW, f"{row['id']}:{row['resumed']}", partition(row), str(row["id"]), delay)
    return UUID(str(row["id"]))


def asked(ask: Callable[[psycopg.Connection[dict[str, Any]]], T]) -> T:
    """What ``ask`` returns, which writes into the journal and into the queue in one transaction: so neither has what the other lacks."""
    try:
        with transaction() as connection:
            return ask(connection)
    except (errors.InvalidSchemaName, errors.UndefinedFunction):
        client()  # nobody has asked before: DBOS's tables are made now, which waits for every open transaction
    with transaction() as connection:
        return ask(connection)


def put(
    connection: psycopg.Connection[Any], queue: str, workflow: str, workflow_id: str, partition: str, argument: str, delay: float = 0.0
) -> None:
    """Gives the queue a workflow with one argument, in the caller's transaction, unless it has it already. ``delay``: in seconds.

    By DBOS's SQL function. To load DBOS takes longer than all else that asking does, and its client would be a transaction of its own.
    """
    connection.execute(
        """
        SELECT dbos.enqueue_workflow(
            queue_name => %s, workflow_name => %s, workflow_id => %s, queue_partition_key => %s,
            positional_args => ARRAY[to_json(%s::text)],
            delay_until_epoch_ms => (extract(epoch FROM now() + make_interval(secs => nullif(%s::float8, 0))) * 1000)::bigint,
            app_version => %s, application_name => %s
        )
        """,
        [queue, workflow, workflow_id, partition, argument, delay, VERSION, APPLICATION],
    )


def partition(row: Mapping[str, Any]) -> str:
    """What a run shares with those that must wait for it: its stack, else its tenant. A digest: no name is kept by the queue."""
    return str(uuid5(NAMESPACE, f"stack:{row['stack']}")) if row["stack"] else str(row["tenant_id"] or row["id"])


@cache
def client() -> DBOSClient:
    """DBOS's client. Its tables are made, or brought to this version, by whoever asks first; DBOS lets one do it at a time."""
    from dbos import DBOS, DBOSClient

    url = system_url()
    DBOS.migrate(url)
    return DBOSClient(system_database_url=url, application_name=APPLICATION)


def register_queue() -> None:
    """Makes the queue, or changes it to what this worker can do: the one that was started last says so for all of them."""
    client().register_queue(QUEUE, partition_concurrency=1, worker_concurrency=concurrency(), polling_interval_sec=POLL)


def concurrency(variable: str = "TENANTRY_WORKER_CONCURRENCY") -> int:
    """Workflows of a queue that one worker does at a time: as ``variable`` says, else one for each core. ``InputError`` for no number."""
    written = os.environ.get(variable) or str(max(2, os.cpu_count() or 2))
    if not written.isdecimal() or int(written) < 1:
        raise InputError(f"{variable} cannot be {written!r}", "a whole number, 1 or more: what one worker does at a time")
    return int(written)


def system_url() -> str:
    """Where DBOS keeps its tables: the control database, as its owner."""
    from sqlalchemy import URL

    server = Server.from_environment()
    with server.kept() as maintenance:
        may_act_as(maintenance, CONTROL_OWNER)
    query = {
        "sslmode": server.sslmode,
        "options": session_options({"role": CONTROL_OWNER}),
        "connect_timeout": "10",
        "application_name": "tenantry",
    }
    query |= {name: str(value) for name, value in KEPT_ALIVE.items()}
    url = URL.create("postgresql+psycopg", server.user, server.password, server.host, server.port, CONTROL_DATABASE, query)
    return url.render_as_string(hide_password=False)
