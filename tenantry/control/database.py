"""The control database: its transactions, as its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from tenantry.control import program_age
from tenantry.errors import TransientError, WorkError
from tenantry.naming import CONTROL_DATABASE, CONTROL_OWNER, CONTROL_SCHEMA
from tenantry.postgres.server import Server, acting_as

T = TypeVar("T")


@contextmanager
def transaction(*, snapshot: bool = False) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """One transaction in the control database, as its owner, with rows as dicts. ``snapshot``: it sees one moment (REPEATABLE READ).

    The first of a process raises ``OlderProgram`` where the platform is newer than this program.
    """
    with _connect() as connection:
        if snapshot:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with acting(connection) as acted:
            program_age.require_first(acted)
            yield acted


def if_there(work: Callable[[psycopg.Connection[dict[str, Any]]], T], otherwise: T) -> T:
    """What ``work`` gives in one transaction; ``otherwise`` where there is no registry yet: no database, no owner's role or no tables."""
    try:
        with transaction() as connection:
            return work(connection)
    except TransientError:
        raise
    except (WorkError, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject):
        return otherwise


def _connect() -> psycopg.Connection[Any]:
    try:
        return Server.from_environment().connect(CONTROL_DATABASE)
    except WorkError as error:
        if f'database "{CONTROL_DATABASE}" does not exist' in error.message:
            raise WorkError(
                "the platform is not there yet: it has no control database", "make it: tenantry up --stack shared", code="platform.absent"
            ) from error
        raise


@contextmanager
def acting(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The same on an administrator's connection to the control database that is kept for more than one transaction."""
    with acting_as(connection, CONTROL_OWNER):
        connection.execute("SELECT set_config('search_path', %s, true)", [CONTROL_SCHEMA])
        before, connection.row_factory = connection.row_factory, dict_row
        try:
            yield connection
        finally:
            connection.row_factory = before
