"""Copies the rows: the source's snapshot through the treatments, straight into the clone's tables, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psycopg
from psycopg import sql

from tenantry.errors import WorkError
from tenantry.operations.clone import catalog, source
from tenantry.operations.clone.expressions import Planned
from tenantry.operations.clone.key import Key
from tenantry.operations.clone.plan import Plan
from tenantry.postgres import loading, sequences, tables
from tenantry.stores.tenant_store import TenantStore

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
        writer.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(target.owner)))
        sequences.advance(writer, target.schema)
    return counts


def _into_own_tables(
    reader: psycopg.Connection, writer: psycopg.Connection, origin: TenantStore, target: TenantStore, plan: Plan, key: Key, tell: Tell
) -> dict[str, int]:
    counts: dict[str, int] = {}
    with loading.emptied(writer, target.schema, list(plan.tables), indexes=True):
        for table, columns in plan.tables.items():
            statement = source.statement(reader, origin.schema, table, columns, key, target.id)
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
    role, owner = (sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(name)) for name in (target.app_role, target.owner))
    groups = [group for group in tables.groups(writer, target.schema) if set(group.names) & plan.tables.keys()]
    with loading.quiet(writer, target.schema, shared=True):
        writer.execute(role)
        tables.delete(writer, target.schema, groups)
        for group in groups:
            statements: list[sql.Composed] = []
            stages: list[sql.Identifier] = []
            for table in [name for name in group.names if name in plan.tables]:
                columns, stage = plan.tables[table], sql.Identifier("pg_temp", f"clone_stage_{len(stages)}")
                name, names = sql.Identifier(target.schema, table), _names(columns)
                writer.execute(owner)
                writer.execute(sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(stage, names, name))
                writer.execute(sql.SQL("GRANT SELECT, INSERT ON {} TO {}").format(stage, sql.Identifier(target.app_role)))
                writer.execute(role)
                statement = source.statement(reader, origin.schema, table, columns, key, target.id)
                counts[table] = _pump(reader, statement, writer, _receive(stage, columns), table, tell)
                statements.append(
                    sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(name, names, names, stage)
                )
                stages.append(stage)
            tables.together(writer, statements)
            writer.execute(owner)
            writer.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(stages)))
        writer.execute(owner)
        loading.require_references(writer, target.schema)
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


def count(store: TenantStore, names: Sequence[str]) -> Mapping[str, int]:
    """Rows of each table as the tenant's application sees them. ``WorkError`` when a sequence would give out a number that one has."""
    with store.acting(store.owner) as connection:
        sequences.require_ahead(connection, store.schema)
    with store.acting(store.app_role, read_only=True) as connection:
        counts = {}
        for table in names:
            own = tables.rows_of(connection, store.schema, table)
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(own)).fetchone()
            counts[table] = int(row[0]) if row else 0
    return counts


def shape(store: TenantStore) -> catalog.Catalog:
    """The tables of a store, its types named as seen from its own schema."""
    with store.acting(store.owner, read_only=True) as connection:
        return catalog.read(connection, store.schema)
