"""The turnstile beside a tenant's tables during a move: notes every write, freezes the tenant's writes, refuses them after the switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
    with store.connected() as connection, _brief(connection), acting_as(connection, store.owner):
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

    with store.connected() as connection, _brief(connection), acting_as(connection, store.owner):
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

    def __init__(self, connection: psycopg.Connection, store: TenantStore, schema: str) -> None:
        self._connection, self._store, self._schema = connection, store, schema
        self._key = f"tenantry:turnstile:{schema}"

    def begin(self) -> None:
        """Waits for the tenant's open writes to end, and holds back new ones.

        ``TransientError`` naming the session when a transaction stays open for longer than everybody may be kept waiting.
        """
        import psycopg

        try:
            self._connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [self._key])
        except psycopg.errors.LockNotAvailable as error:
            raise TransientError(
                f"a transaction of {self._store.slug} has been writing for more than {LOCK_TIMEOUT}{_holder(self._connection, self._key)}",
                "the move waits for it; end it if it has been forgotten: SELECT pg_terminate_backend(…)",
            ) from error

    def set_shut(self, shut: bool) -> None:
        """Decides what becomes of those who wait: shut, they fail. In force for them the moment the freeze ends."""
        from psycopg import sql

        self._connection.execute(sql.SQL("UPDATE {} SET shut = %s").format(sql.Identifier(self._schema, "gate")), [shut])

    def end(self) -> None:
        """Lets those go on who wait."""
        self._connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [self._key])


@contextmanager
def ready(store: TenantStore, schema: str) -> Iterator[Freeze]:
    """A freeze of the tenant's writes that ends with the block at the latest, and with the process."""
    from psycopg import sql

    with store.connected() as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(store.owner)))
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        yield Freeze(connection, store, schema)


def _holder(connection: psycopg.Connection, key: str) -> str:
    connection.execute("RESET ROLE")  # the tables' owner may not see what other roles are at
    row = connection.execute(
        """
        SELECT a.pid, a.usename, a.xact_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)
        ORDER BY a.xact_start
        """,
        [key],
    ).fetchone()
    return f" (process {row[0]} of {row[1]}, since {row[2]:%H:%M:%S})" if row and row[2] else ""


@contextmanager
def _brief(connection: psycopg.Connection) -> Iterator[None]:
    """A lock that was not to be had is tried for again: ``TransientError``."""
    import psycopg

    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise TransientError(
            f"the tables in {connection.info.dbname} are locked: {str(error).splitlines()[0]}",
            "it is tried again; look for long transactions",
        ) from error
