"""The control database: one transaction each, by the door of whoever comes, on a connection that the process keeps.

``transaction``: its owner, for operations and workers. ``application``: what the application may do, for one tenant's people or for nobody.
``portal``: what these may do through the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tenantry.control import program_age
from tenantry.errors import TransientError, WorkError
from tenantry.naming import CONTROL_APP, CONTROL_DATABASE, CONTROL_OWNER, CONTROL_PORTAL, CONTROL_SCHEMA
from tenantry.postgres.server import Server, acting_as

T = TypeVar("T")


@contextmanager
def transaction(*, snapshot: bool = False) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The owner's door, for operations and workers: one transaction, with rows as dicts.

    ``snapshot``: it sees one moment (REPEATABLE READ).
    The first of a process raises ``OlderProgram`` where the platform is newer than this program.
    """
    with _kept() as connection:
        if snapshot:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with acting(connection) as acted:
            program_age.require_first(acted)
            yield acted


@contextmanager
def application(tenant_id: UUID | None = None) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The application's door: one transaction as the role ``tenantry__app``, which may do what migrations/control_grants.yaml gives it.

    ``tenant_id``: whose rows row-level security lets it see and write; None: nobody's.
    """
    with _as(CONTROL_APP, tenant_id) as connection:
        yield connection


@contextmanager
def portal(tenant_id: UUID, proof: bytes) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The door of a tenant's own people: one transaction as the role ``tenantry__portal``, in that tenant's rows.

    ``proof``: the digest of a session, or of an opened page, of somebody there; ``InvalidAuthorizationSpecification`` where it is none.
    """
    with _as(CONTROL_PORTAL, tenant_id) as connection:
        connection.execute("SELECT portal_enter(%s)", [proof])
        yield connection


@contextmanager
def _as(role: str, tenant_id: UUID | None) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with _kept() as connection, acting(connection, role) as acted:
        acted.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id or "")])
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


@contextmanager
def _kept() -> Iterator[psycopg.Connection[Any]]:
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(Server.from_environment().kept(CONTROL_DATABASE))
        except WorkError as error:
            if f'database "{CONTROL_DATABASE}" does not exist' in error.message:
                missing = "the platform is not there yet: it has no control database"
                raise WorkError(missing, "make it: tenantry up --stack shared", code="platform.absent") from error
            raise
        yield connection


@contextmanager
def acting(connection: psycopg.Connection[Any], role: str = CONTROL_OWNER) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The same on an administrator's connection to the control database that is kept for more than one transaction."""
    with acting_as(connection, role, search_path=CONTROL_SCHEMA):
        before, connection.row_factory = connection.row_factory, dict_row
        try:
            yield connection
        finally:
            connection.row_factory = before
