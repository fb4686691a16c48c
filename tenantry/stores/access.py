"""Who may come in: the tenant's own login role, shut and opened, and its sessions ended.

An ``rls`` tenant has no role of its own: its sessions are its cell's application's. The registry shuts it out (``quarantine.resolve``),
which the application asks for every request; PostgreSQL can where the tenant takes signed row contexts: it refuses its tokens then.
"""

from __future__ import annotations

from contextlib import nullcontext

import psycopg

from tenantry.postgres import logins, row_context
from tenantry.stores.tenant_store import TenantStore


def shut(store: TenantStore) -> str:
    """Takes the role's LOGIN and ends its sessions, at once; as a sentence, what was done."""
    if store.shared:
        if row_context.admit(store.cell, str(store.id), False):
            return "its tokens open nothing; its cell's role is not its own"
        return "the registry answers for it; its cell's role is not its own"
    ended = set_login(store, False)
    return "there is no role to shut out" if ended is None else f"{store.app_role} may not log in, {ended} sessions ended"


def open_again(store: TenantStore) -> str:
    """Gives the role its LOGIN back, also where the engine never knew that it was taken."""
    if store.shared:
        return "its tokens are good again" if row_context.admit(store.cell, str(store.id), True) else "the registry answers for it"
    there = set_login(store, True) is not None
    return f"{store.app_role} may log in" if there else "there is no role to let in"


def set_login(store: TenantStore, login: bool, connection: psycopg.Connection | None = None) -> int | None:
    """Lets the tenant's own role log in or not, at once: the engine's run comes later. What may not log in is thrown out.

    How many sessions that were; None where there is no such role. ``connection``: an administrator's to the server, that stands ready.
    """
    if store.shared:
        return None
    with nullcontext(connection) if connection is not None else store.administrator().connect() as used:
        return logins.set_login(used, store.app_role, login)
