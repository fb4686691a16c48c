"""Copies the rows: the source's snapshot through the treatments, straight into the clone's tables, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psycopg
from psycopg import sql

from tenantry.clients import stores
from tenantry.clients.stores import TenantStore
from tenantry.errors import WorkError
from tenantry.operations.clone import catalog, own_tables, source
from tenantry.operations.clone.expressions import Planned
from tenantry.operations.clone.key import Key
from tenantry.operations.clone.plan import Plan

Tell = Callable[[str], None]

LOCK_TIMEOUT: Final = "1s"
"""How long the clone's tables are waited for; then the step fails for a passing cause, and is tried again."""
_BATCH = 64 * 1024  # bytes handed on at once


def fill(origin: TenantStore, target: TenantStore, plan: Plan, key: Key, tell: Tell) -> dict[str, int]:
    """Replaces the clone's rows by the source's, treated; rows by table. All of it or nothing: a kill leaves the clone as it was."""
    with source.snapshot(origin, key, plan) as reader, target.connected() as writer, target.transaction(writer, target.owner):
        # Both ends may be the same shared tables: who wants one to himself waits for the reader, the writer for him, we for the writer.
        writer.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
        into = _into_shared_tables if target.shared else _into_own_tables
        try:
            counts = into(reader, writer, origin, target, plan, key, tell)
        except psycopg.errors.IntegrityError as error:
            where = f"{error.diag.table_name}.{error.diag.column_name}" if error.diag.column_name else error.diag.table_name
            raise WorkError(
                f"the clone of {origin.slug} breaks {error.diag.constraint_name or 'a rule'} of {where}: {error.diag.message_primary}",
                f"classify the columns of {error.diag.table_name} so that the rule holds (docs/cloning.md), then tenantry clone check",
            ) from None
        except psycopg.DataError as error:  # its text may hold a value
            raise WorkError(
                f"the clone of {origin.slug} has a value that a column does not take: {type(error).__name__}",
                "look for a length or a range in the migrations that the classification does not keep, then tenantry clone check",
            ) from None
        _advance_sequences(writer, target.schema, plan)
    return counts


def _into_own_tables(
    reader: psycopg.Connection, writer: psycopg.Connection, origin: TenantStore, target: TenantStore, plan: Plan, key: Key, tell: Tell
) -> dict[str, int]:
    counts: dict[str, int] = {}
    with own_tables.emptied(writer, target, list(plan.tables)):
        for table, columns in plan.tables.items():
            statement = source.statement(origin.schema, table, columns, key, target.id)
            counts[table] = _pump(reader, statement, writer, _receive(sql.Identifier(target.schema, table), columns), table, tell)
        tell("building the indexes")
    return counts


def _into_shared_tables(
    reader: psycopg.Connection, writer: psycopg.Connection, origin: TenantStore, target: TenantStore, plan: Plan, key: Key, tell: Tell
) -> dict[str, int]:
    """Other tenants' rows are in the same tables: the clone's go in as its application's role, past policies, indexes and references.

    `COPY … FROM` does not ask policies, so PostgreSQL refuses it; a temporary table stands between.
    """
    counts: dict[str, int] = {}
    role, owner = sql.Identifier(target.app_role), sql.Identifier(target.owner)
    stage = sql.Identifier("pg_temp", "clone_stage")
    order = [table for table in stores.tables(writer, target.schema) if table in plan.tables]
    writer.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
    for table in reversed(order):
        writer.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(target.schema, table)))
    for table in order:
        columns = plan.tables[table]
        name, names = sql.Identifier(target.schema, table), _names(columns)
        writer.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
        writer.execute(sql.SQL("CREATE TEMPORARY TABLE clone_stage AS SELECT {} FROM {} WITH NO DATA").format(names, name))
        writer.execute(sql.SQL("GRANT SELECT, INSERT ON {} TO {}").format(stage, role))
        writer.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
        statement = source.statement(origin.schema, table, columns, key, target.id)
        counts[table] = _pump(reader, statement, writer, _receive(stage, columns), table, tell)
        writer.execute(sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(name, names, names, stage))
        writer.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
        writer.execute(sql.SQL("DROP TABLE {}").format(stage))
    return counts


def _names(columns: Sequence[Planned]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(planned.column.name) for planned in columns)


def _receive(table: sql.Identifier, columns: Sequence[Planned]) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT {})").format(table, _names(columns), source.form(columns))


def _pump(reader: psycopg.Connection, give: sql.Composed, writer: psycopg.Connection, take: sql.Composed, table: str, tell: Tell) -> int:
    """Rows moved. Memory is one batch, whatever the table's size."""
    seen = 0
    tell(table)
    with reader.cursor().copy(give) as rows, writer.cursor() as cursor:
        with cursor.copy(take) as copy:
            batch = bytearray()
            for row in rows:
                batch += row
                if len(batch) >= _BATCH:
                    copy.write(bytes(batch))
                    batch.clear()
            copy.write(bytes(batch))
        seen = cursor.rowcount
    tell(f"{table}: {seen:,} rows")
    return seen


def _advance_sequences(writer: psycopg.Connection, schema: str, plan: Plan) -> None:
    """The next number that a table gives out is none that a copied row has."""
    for table, columns in plan.tables.items():
        for planned in columns:
            name, column = sql.Identifier(schema, table), planned.column
            row = writer.execute("SELECT pg_get_serial_sequence(%s, %s)", [name.as_string(writer), column.name]).fetchone()
            if row is None or row[0] is None:
                continue
            writer.execute(
                sql.SQL(
                    "SELECT setval(%(sequence)s::regclass, top) FROM (SELECT max({}) AS top FROM {}) s"
                    " WHERE top > coalesce(pg_sequence_last_value(%(sequence)s::regclass), 0)"
                ).format(sql.Identifier(column.name), name),
                {"sequence": row[0]},
            )


def count(store: TenantStore, tables: Sequence[str]) -> Mapping[str, int]:
    """Rows of each table as the tenant's application sees them."""
    with store.acting(store.app_role, read_only=True) as connection:
        counts = {}
        for table in tables:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(store.schema, table))).fetchone()
            counts[table] = int(row[0]) if row else 0
    return counts


def shape(store: TenantStore) -> catalog.Catalog:
    """The tables of a store, its types named as seen from its own schema."""
    with store.acting(store.owner, read_only=True) as connection:
        return catalog.read(connection, store.schema)
