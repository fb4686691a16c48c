"""Shuts a tenant's doors while its data is being replaced, and opens them again. Both are idempotent, and no other tenant notices.

A role of the tenant's own may not log in and its sessions end. In shared tables the role is the cell's: a restrictive policy shows
this tenant nothing and takes nothing from it. To put that up needs a lock on each table, which waits for the transactions that are under
way; it is waited for briefly and again, so that others queue behind it for a moment only. One table at a time: who holds the lock on one
and waits for that on another can stop, and be stopped by, another tenant's transaction that came to them in the other order.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from tenantry.control.database import transaction
from tenantry.errors import TransientError
from tenantry.postgres import locks, tables
from tenantry.stores import access
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_TIMEOUT: Final = "1s"
ATTEMPTS: Final = 30


def shut(store: TenantStore, why: str) -> None:
    """Nobody gets in any more, and whoever was in is out. ``TransientError`` when a long transaction does not end."""
    with transaction() as connection:
        connection.execute("UPDATE tenants SET maintenance = %s WHERE id = %s", [why, store.id])
    if store.shared:
        _policies(store, shut=True)
        return
    access.set_login(store, False)


def reopen(store: TenantStore) -> None:
    """Everything as the tenant's state in the registry has it: only an active tenant's role may log in."""
    store = TenantStore.of(store.slug)
    if store.shared:
        _policies(store, shut=False)
    elif store.state == "active":
        access.set_login(store, True)
    with transaction() as connection:
        connection.execute("UPDATE tenants SET maintenance = NULL WHERE id = %s", [store.id])


def _policies(store: TenantStore, *, shut: bool) -> None:
    with store.connected() as connection:
        names = tables.names(connection, store.schema)
        connection.commit()
        for table in names:
            _policy(connection, store, table, shut=shut)


def _policy(connection: psycopg.Connection, store: TenantStore, table: str, *, shut: bool) -> None:
    name, target = sql.Identifier(f"closed_{store.id}"), sql.Identifier(store.schema, table)
    for last in _attempts():
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(store.owner)))
                connection.execute(sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(name, target))
                if shut:
                    connection.execute(
                        sql.SQL("CREATE POLICY {} ON {} AS RESTRICTIVE TO {} USING (tenant_id <> {})").format(
                            name, target, sql.Identifier(store.app_role), sql.Literal(store.id)
                        )
                    )
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if last:
                holder = locks.on_tables(connection, store.schema)
                raise TransientError(
                    f"a transaction in {table} of cell {store.cell} does not end{holder}",
                    "wait for it, or end it: pg_terminate_backend()",
                    code="tenant.busy",
                ) from error


def _attempts() -> Iterator[bool]:
    for number in range(ATTEMPTS):
        yield number == ATTEMPTS - 1
        time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  # not for secrets: whom we block must get their turn
