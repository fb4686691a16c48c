"""The turnstile beside a tenant's tables during a move: notes every write, freezes the tenant's writes, refuses them after the switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from tenantry.errors import TransientError
from tenantry.postgres import locks
from tenantry.postgres.server import acting_as
from tenantry.stores import rows
from tenantry.stores.tenant_store import TenantStore

if TYPE_CHECKING:
    from tenantry.stores.rows import Table

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
    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        _put_up(connection, store, schema, tables)


def _put_up(connection: psycopg.Connection, store: TenantStore, schema: str, tables: Sequence[Table]) -> None:
    """Function and triggers as this version has them."""
    connection.execute("SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', true)", [schema])
    connection.execute(Path(__file__).with_name(INSTALLING).read_bytes())
    for table in tables:
        arguments = sql.SQL(", ").join(sql.Literal(name) for name in (table.name, *(name for name, _ in table.key)))
        for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
            connection.execute(
                sql.SQL(
                    "CREATE OR REPLACE TRIGGER {} AFTER " + event + " ON {} FOR EACH ROW WHEN (" + row + ".tenant_id = {}::uuid)"
                    " EXECUTE FUNCTION pass({})"
                ).format(
                    sql.Identifier(f"{schema}_{event[0].lower()}"),
                    sql.Identifier(store.schema, table.name),
                    sql.Literal(str(store.id)),
                    arguments,
                )
            )
        for name in _with_partitions(connection, store.schema, table.name):  # a partition is truncated by itself, too
            connection.execute(
                sql.SQL("CREATE OR REPLACE TRIGGER {} AFTER TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION pass({})").format(
                    sql.Identifier(f"{schema}_t"), sql.SQL(name), arguments
                )
            )


def _with_partitions(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    """The table and its partitions, as SQL writes them."""
    rows = connection.execute(
        "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))"
        " OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)))) ORDER BY 1",
        {"schema": schema, "table": table},
    )
    return [name for (name,) in rows]


def beside(connection: psycopg.Connection, store_schema: str, schema: str, tables: Sequence[Table]) -> list[str]:
    """Names of those tables in ``store_schema`` whose writes do not all pass the turnstile ``schema``: it must be on, for each kind of
    write, in the table and in every partition of it."""
    found = connection.execute(
        """
        SELECT r.relname FROM pg_class r
        CROSS JOIN LATERAL (SELECT r.oid UNION SELECT relid::oid FROM pg_partition_tree(r.oid)) part (oid)
        WHERE r.relnamespace = to_regnamespace(quote_ident(%(store)s)) AND r.relkind IN ('r', 'p') AND NOT r.relispartition
        GROUP BY r.relname
        HAVING bool_and((
            SELECT count(*) FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
            WHERE t.tgrelid = part.oid AND f.pronamespace = to_regnamespace(quote_ident(%(schema)s)) AND f.proname = 'pass'
              AND t.tgenabled IN ('O', 'A') AND t.tgtype & 1 = 1
        ) = 3)
        """,
        {"store": store_schema, "schema": schema},
    ).fetchall()
    return sorted({table.name for table in tables} - {name for (name,) in found})


def drop(store: TenantStore, schema: str) -> None:
    """Takes the turnstile away, and what it noted. Nothing happens where there is none."""
    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        triggers = connection.execute(
            """
            SELECT t.tgname, n.nspname, c.relname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
            JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE f.pronamespace = to_regnamespace(quote_ident(%s)) AND f.proname = 'pass' AND t.tgparentid = 0
            ORDER BY c.relname, t.tgname
            """,
            [schema],
        ).fetchall()
        for name, where, table in triggers:
            connection.execute(sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(name), sql.Identifier(where, table)))
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def set_shut(store: TenantStore, schema: str, shut: bool, connection: psycopg.Connection | None = None) -> None:
    """Opens the turnstile or shuts it, where there is one. ``connection``: an administrator's to the store's database that stands ready."""
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
        try:
            # To the end of this session's transaction. What is decided meanwhile is committed by the other.
            self._queue.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(self._schema, "queue")))
        except psycopg.errors.LockNotAvailable as error:
            self._queue.rollback()
            holder = locks.on_tables(self._queue, self._schema)
            raise TransientError(
                f"a transaction of {self._store.slug} has been writing for more than {LOCK_TIMEOUT}{holder}",
                "the move waits for it; end it if it has been forgotten: SELECT pg_terminate_backend(…)",
                code="tenant.busy",
            ) from error

    def set_shut(self, shut: bool) -> None:
        """Decides what becomes of those who wait: shut, they fail. In force for them the moment the freeze ends."""
        self._gate.execute(sql.SQL("UPDATE {} SET shut = %s").format(sql.Identifier(self._schema, "gate")), [shut])

    def end(self) -> None:
        """Lets those go on who wait."""
        self._queue.rollback()


@contextmanager
def ready(store: TenantStore, schema: str) -> Iterator[Freeze]:
    """A freeze of the tenant's writes that ends with the block at the latest, and with the process."""
    _renew(store, schema)
    with store.connected() as queue, store.connected() as gate:
        gate.autocommit = True
        for connection in (queue, gate):
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(store.owner)))
        queue.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        queue.commit()
        yield Freeze(queue, gate, store, schema)


def _renew(store: TenantStore, schema: str) -> None:
    """Gives a turnstile that an older version put up this one's function and triggers. Every write that begins after it passes there."""
    with store.connected() as connection, _brief(connection, store.schema), acting_as(connection, store.owner):
        if connection.execute("SELECT to_regclass(format('%%I.queue', %s::text))", [schema]).fetchone() != (None,):
            return
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(TABLE_TIMEOUT)))
        tables = rows.describe(connection, store.schema)
        # A statement that is under way may go on with the function that it began with: it is waited for.
        names = sql.SQL(", ").join(sql.Identifier(store.schema, table.name) for table in tables)
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
        _put_up(connection, store, schema, tables)


@contextmanager
def _brief(connection: psycopg.Connection, schema: str) -> Iterator[None]:
    """A lock that was not to be had is tried for again: ``TransientError``."""
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise locks.busy(connection, schema, "locked", "long transactions", error) from error
