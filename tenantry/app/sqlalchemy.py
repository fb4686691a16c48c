"""SQLAlchemy: engines whose every transaction begins in its tenant's context, Core, Session and asyncio alike."""

from __future__ import annotations

import threading
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event

from tenantry.app.tenant import CONTEXT, Place, Tenant, current, moved
from tenantry.errors import InputError

OPTION: Final = "tenantry_tenant"
"""Execution option of an engine that is one tenant's."""


class Engines:
    """One engine, and so one pool, for each place that tenants live in; ``options`` are those of ``create_engine``."""

    def __init__(self, **options: Any) -> None:
        self._options, self._lock = options, threading.Lock()
        self._made: dict[Place, Engine] = {}
        self._latest: dict[Place, Tenant] = {}

    def of(self, tenant: Tenant) -> Engine:
        """The engine of the tenant's place, for this tenant: ``Session(engines.of(tenant))``, ``engines.of(tenant).begin()``."""
        place = tenant.place
        with self._lock:
            engine = self._made.get(place)
            self._latest[place] = tenant  # it has heard of the last renewal of the password
            if engine is None:
                engine = self._made[place] = create_engine(
                    "postgresql+psycopg://", creator=lambda: self._latest[place].connect(), **self._options
                )
                attend(engine)
        return engine.execution_options(**{OPTION: tenant})

    def dispose(self) -> None:
        """Closes what is open."""
        with self._lock:
            for engine in self._made.values():
                engine.dispose()
            self._made.clear()


def attend(engine: Engine) -> None:
    """Makes every transaction of an engine of yours (of an AsyncEngine: its ``sync_engine``) begin in the context of its tenant: that
    of the option, else of the request at hand (``tenantry.app.current``). ``InputError`` in one that has none, and in autocommit."""
    event.listen(engine, "begin", _enter)
    event.listen(engine, "begin_twophase", _enter)
    event.listen(engine, "handle_error", _note_moved)


def _tenant_of(connection: Connection) -> Tenant | None:
    found: Tenant | None = connection.get_execution_options().get(OPTION) or current.get()
    return found


def _enter(connection: Connection, *_: Any) -> None:
    tenant = _tenant_of(connection)
    if tenant is None:
        raise InputError("a transaction without a tenant", "take the engine from Engines.of(tenant), or serve behind TenantMiddleware")
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        raise InputError("in autocommit a tenant's context ends with the statement that sets it", "use transactions")
    connection.exec_driver_sql(CONTEXT, tenant.context())


def _note_moved(context: Any) -> None:
    tenant = _tenant_of(context.connection) if context.connection is not None else None
    if tenant is not None and moved(context.original_exception):
        tenant._connector.forget(tenant.id)
