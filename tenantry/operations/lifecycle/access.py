"""Who may come in: the tenant's own login role, shut and opened, and its sessions ended.

An ``rls`` tenant has no role of its own: its sessions are its cell's application's. The registry shuts it out (``quarantine.resolve``),
which the application asks for every request; PostgreSQL cannot.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from tenantry.clients.postgres import may_act_as
from tenantry.clients.stores import TenantStore


def shut(store: TenantStore) -> str:
    """Takes the role's LOGIN and ends its sessions, at once; in words, what was done."""
    if store.shared:
        return "the registry answers for it; its cell's role is not its own"
    with store.administrator().connect() as connection:
        if not _there(connection, store.app_role):
            return "there is no role to shut out"
        may_act_as(connection, store.app_role)
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(store.app_role)))
        connection.commit()  # before the sessions end: none may come back
        ended = connection.execute(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()",
            [store.app_role],
        ).fetchone()
        connection.commit()
    return f"{store.app_role} may not log in, {ended[0] if ended else 0} sessions ended"


def open_again(store: TenantStore) -> str:
    """Gives the role its LOGIN back, also where the engine never knew that it was taken."""
    if store.shared:
        return "the registry answers for it"
    with store.administrator().connect() as connection:
        may_act_as(connection, store.app_role)
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(store.app_role)))
        connection.commit()
    return f"{store.app_role} may log in"


def _there(connection: psycopg.Connection, role: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
