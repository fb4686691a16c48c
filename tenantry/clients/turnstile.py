"""The turnstile beside a tenant's tables during a move: notes every write, freezes the tenant's writes, refuses them after the switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tenantry.clients import locks
from tenantry.clients.postgres import acting_as
from tenantry.clients.stores import TenantStore
from tenantry.errors import TransientError

if TYPE_CHECKING:
    import psycopg

    from tenantry.clients.rows import Table

INSTALLING: Final = "turnstile.sql"
LOCK_TIMEOUT: Final = "1s"
"""How long everybody's writes may wait behind us for a lock: then we let go and come again."""
TABLE_TIMEOUT: Final = "400ms"
"""The same for the lock on a table while we hold that on another. Well below PostgreSQL's `deadlock_timeout` (1 s): whoever holds the
second and waits for the first is let through before one of us is ended, who might be another tenant."""


def install(store: TenantStore, schema: str, tables: Sequence[Table]) -> None:
    """Puts the turnstile ``schema`` beside the store's tables, open; one that is there stays as it is. It sees all later writes.

    In tables that tenants share it concerns this tenant's rows alone.
    """
    from psycopg import sql

    script = Path(__file__).with_name(INSTALLING).read_bytes()
    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute("SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', true)", [schema])
        connection.execute(script)
        for table in tables:
            for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
                connection.execute(
                    sql.SQL(
                        "CREATE OR REPLACE TRIGGER {} AFTER " + event + " ON {} FOR EACH ROW WHEN (" + row + ".tenant_id = {}::uuid)"
                        " EXECUTE FUNCTION pass({})"
                    ).format(
                        sql.Identifier(f"{schema}_{event[0].lower()}"),
                        sql.Identifier(store.schema, table.name),
                        sql.Literal(str(store.id)),
                        sql.SQL(", ").join(sql.Literal(name) for name, _ in table.key),
                    )
                )


def beside(connection: psycopg.Connection, store_schema: str, schema: str, tables: Sequence[Table]) -> list[str]:
    """Names of those tables in ``store_schema`` whose writes do not pass the turnstile ``schema``."""
    found = connection.execute(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND t.tgname = %s",
        [store_schema, f"{schema}_i"],
    ).fetchall()
    return sorted({table.name for table in tables} - {name for (name,) in found})


def drop(store: TenantStore, schema: str) -> None:
    """Takes the turnstile away, and what it noted. Nothing happens where there is none."""
    from psycopg import sql

    from tenantry.clients.stores import tables

    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        for name in tables(connection, store.schema):
            for event in "iud":
                connection.execute(
                    sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
                        sql.Identifier(f"{schema}_{event}"), sql.Identifier(store.schema, name)
                    )
                )
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def set_shut(store: TenantStore, schema: str, shut: bool, connection: psycopg.Connection | None = None) -> None:
    """Opens the turnstile or shuts it, where there is one. ``connection``: an administrator's to the store's database that stands ready."""
    from psycopg import sql

    with nullcontext(connection) if connection is not None else store.connected() as used, acting_as(used, store.owner):
        if used.execute("SELECT to_regclass(format('%%I.gate', %s::text))", [schema]).fetchone() != (None,):
            used.execute(sql.SQL("UPDATE {} SET shut = %s").format(sql.Identifier(schema, "gate")), [shut])


class Freeze:
    """A freeze that stands ready: once begun, no write of the tenant gets in until it is ended; who tries, waits."""

    def __init__(self, queue: psycopg.Connection, gate: psycopg.Connection, store: TenantStore, schema: str) -> None:
        self._queue, self._gate, self._store, self._schema = queue, gate, store, schema

    def begin(self) -> None:
        """Waits for the tenant's open writes to end, and holds back new ones.

        ``TransientError`` naming the session when a transaction stays open for longer than everybody may be kept waiting.
        """
        import psycopg
        from psycopg import sql

        try:
            # To the end of this session's transaction. What is decided meanwhile is committed by the other.
            self._queue.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(self._schema, "queue")))
        except psycopg.errors.LockNotAvailable as error:
            self._queue.rollback()
            holder = locks.on_tables(self._queue, self._schema)
            raise TransientError(
                f"a transaction of {self._store.slug} has been writing for more than {LOCK_TIMEOUT}{holder}",
                "the move waits for it; end it if it has been forgotten: SELECT pg_terminate_backend(…)",
            ) from error

    def set_shut(self, shut: bool) -> None:
        """Decides what becomes of those who wait: shut, they fail. In force for them the moment the freeze ends."""
        from psycopg import sql

        self._gate.execute(sql.SQL("UPDATE {} SET shut = %s").format(sql.Identifier(self._schema, "gate")), [shut])

    def end(self) -> None:
        """Lets those go on who wait."""
        self._queue.rollback()


@contextmanager
def ready(store: TenantStore, schema: str) -> Iterator[Freeze]:
    """A freeze of the tenant's writes that ends with the block at the latest, and with the process."""
    from psycopg import sql

    _renew(store, schema)
    with store.connected() as queue, store.connected() as gate:
        gate.autocommit = True
        for connection in (queue, gate):
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(store.owner)))
        queue.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        queue.commit()
        yield Freeze(queue, gate, store, schema)


def _renew(store: TenantStore, schema: str) -> None:
    """Gives a turnstile that was put up before the queue was a table this one's function. Every write that begins after it passes there."""
    from psycopg import sql

    from tenantry.clients.stores import tables

    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        if connection.execute("SELECT to_regclass(format('%%I.queue', %s::text))", [schema]).fetchone() != (None,):
            return
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        # A statement that is under way may go on with the function that it began with: it is waited for.
        names = sql.SQL(", ").join(sql.Identifier(store.schema, name) for name in tables(connection, store.schema))
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
        connection.execute("SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', true)", [schema])
        connection.execute(Path(__file__).with_name(INSTALLING).read_bytes())


@contextmanager
def _brief(connection: psycopg.Connection, schema: str) -> Iterator[None]:
    """A lock that was not to be had is tried for again: ``TransientError``."""
    import psycopg

    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        holder = locks.on_tables(connection, schema)
        raise TransientError(
            f"the tables in {connection.info.dbname} are locked{holder}: {str(error).splitlines()[0]}",
            "it is tried again; look for long transactions",
        ) from error
