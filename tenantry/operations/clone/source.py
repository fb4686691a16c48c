"""Reads a source through the treatments: as the tenant's own role, with row security on, from one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
from psycopg import sql

from tenantry.errors import TransientError
from tenantry.operations.clone import catalog, dictionaries
from tenantry.operations.clone.expressions import Planned, expression
from tenantry.operations.clone.key import Key
from tenantry.postgres import tables
from tenantry.stores import tenant_store

if TYPE_CHECKING:
    from tenantry.operations.clone.plan import Plan
    from tenantry.stores.tenant_store import TenantStore

FUNCTIONS = Path(tenant_store.__file__).with_name("anonymise.sql")


@contextmanager
def snapshot(store: TenantStore, key: Key, plan: Plan) -> Iterator[psycopg.Connection]:
    """A connection in a ``REPEATABLE READ`` transaction as the tenant's role, with what the expressions need in its temporary schema.

    The planned tables stay as they were planned until it ends. ``TransientError`` when they have changed, or are being changed.
    """
    with store.connected() as connection:
        with store.transaction(connection, store.owner):
            _prepare(connection, key, plan.words)
            connection.execute(
                sql.SQL("GRANT SELECT ON pg_temp.clone_key, pg_temp.clone_words TO {}").format(sql.Identifier(store.app_role))
            )
        with store.transaction(connection, store.app_role, isolation="REPEATABLE READ", read_only=True):
            # Compiling the long expressions costs more than it brings.
            connection.execute("SET LOCAL jit = off")
            tenant_store.hold(connection, store.schema, list(plan.tables))
            if not plan.fits(catalog.read(connection, store.schema)):
                raise TransientError(f"the tables of {store.slug} changed as they were to be read", "it is tried again")
            yield connection


def _prepare(connection: psycopg.Connection, key: Key, words: Iterable[str]) -> None:
    connection.execute(FUNCTIONS.read_bytes())
    with connection.cursor().copy("COPY pg_temp.clone_key FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["bytea"])
        copy.write_row((key.secret,))
    with connection.cursor().copy("COPY pg_temp.clone_words FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["text", "bytea"])
        copy.write_row(("corpus", dictionaries.corpus()))
        for name in words:
            copy.write_row((name, dictionaries.dictionary(name).words))


def statement(
    connection: psycopg.Connection, schema: str, table: str, columns: Sequence[Planned], key: Key, tenant_id: UUID
) -> sql.Composed:
    """The rows of a table as the clone gets them: ``COPY … TO STDOUT``, the columns in the order given."""
    selected = [
        sql.SQL("{}::uuid").format(str(tenant_id)) if planned.column.name == "tenant_id" else expression(planned, key.shift)
        for planned in columns
    ]
    return sql.SQL("COPY (SELECT {} FROM {} AS source) TO STDOUT (FORMAT {})").format(
        sql.SQL(", ").join(selected), tables.rows_of(connection, schema, table), form(columns)
    )


def form(columns: Sequence[Planned]) -> sql.SQL:
    """The format both ends speak: binary, except where a type of the schema's own has another number in every database."""
    return sql.SQL("binary" if all(planned.column.portable for planned in columns) else "text")
