"""A tenant's store: where its rows are, how to get there, and which tables it has. The same questions for all four isolation models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.control.database import transaction
from tenantry.declaration.placement import Place, residence
from tenantry.errors import InputError
from tenantry.postgres import locks, own_server
from tenantry.postgres.server import Server, may_act_as
from tenantry.problems import did_you_mean
from tenantry.settings import platform_settings

HOLD_TIMEOUT: Final = "400ms"
"""How long one table is waited for while others are held. Well below PostgreSQL's `deadlock_timeout` (1 s): a migration that has locked
them in another order is let through."""


@dataclass(frozen=True)
class TenantStore:
    """One tenant as the registry has it. ``server`` is the identifier of a server of its own, or None: the platform's."""

    id: UUID
    slug: str
    state: str
    isolation: str
    cell: str
    stack: str
    server: str | None
    database: str
    schema: str
    app_role: str
    bucket: str
    prefix: str

    @classmethod
    def of(cls, slug: str) -> TenantStore:
        """The tenant ``slug``; ``InputError`` with the nearest name, or when it was deleted, when the registry has none."""
        with transaction() as connection:
            row = connection.execute("SELECT * FROM tenants WHERE slug = %s AND deleted_at IS NULL", [slug]).fetchone()
            if row is None:
                gone = "SELECT outcome, at FROM deletion_records WHERE slug = %s ORDER BY at DESC LIMIT 1"
                record = connection.execute(gone, [slug]).fetchone()
                if record is not None:
                    raise InputError(
                        f"tenant {slug} was {record['outcome']} on {record['at']:%Y-%m-%d}",
                        f"tenantry deletion show {slug} says what was kept; a backup comes back as a new tenant: docs/offboarding.md",
                        code="tenant.deleted",
                    )
                known = [entry["slug"] for entry in connection.execute("SELECT slug FROM tenants WHERE deleted_at IS NULL")]
                raise unknown(slug, known)
        return cls._from(row)

    @classmethod
    def at(cls, slug: str, place: Place) -> TenantStore:
        """The tenant's tables at that place, wherever it lives now."""
        return replace(cls.of(slug), **residence(slug, place, platform_settings()))

    @classmethod
    def every(cls) -> list[TenantStore]:
        """All tenants that are not deleted, by slug."""
        with transaction() as connection:
            return [cls._from(row) for row in connection.execute("SELECT * FROM tenants WHERE deleted_at IS NULL ORDER BY slug")]

    @classmethod
    def _from(cls, row: dict[str, Any]) -> TenantStore:
        return cls(**{name: row[name] for name in cls.__annotations__})

    @property
    def owner(self) -> str:
        """The role that owns the store's tables."""
        return naming.tenant_owner(self.slug) if self.isolation in ("database", "instance") else naming.cell_owner(self.cell)

    @property
    def shared(self) -> bool:
        """Whether other tenants' rows are in the same tables."""
        return self.isolation == "rls"

    def administrator(self) -> Server:
        """The server that the store is on, with its administrator's account."""
        if self.server is None:
            return Server.from_environment()
        return own_server.must(self.server, self.slug)

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection]:
        """An administrator's connection to the store's database, closed at the end; it may take on the store's owner and its app role."""
        server = self.administrator()
        # The database lets only its owner in: an administrator that is no superuser comes in as the owner's member.
        with server.connect() as maintenance:
            may_act_as(maintenance, self.owner)
            may_act_as(maintenance, self.app_role)
        with closing(server.connect(self.database)) as connection:
            yield connection

    @contextmanager
    def acting(self, role: str, *, isolation: str = "READ COMMITTED", read_only: bool = False) -> Iterator[psycopg.Connection]:
        """One transaction as ``role`` (``owner`` or ``app_role``) in the tenant's context, with the store's schema as search path."""
        with self.connected() as connection, self.transaction(connection, role, isolation=isolation, read_only=read_only):
            yield connection

    @contextmanager
    def transaction(
        self, connection: psycopg.Connection, role: str, *, isolation: str = "READ COMMITTED", read_only: bool = False
    ) -> Iterator[None]:
        """The same on a connection from ``connected()``, where a transaction needs what the session made before it."""
        with connection.transaction():
            mode = "READ ONLY" if read_only else "READ WRITE"
            # Not set_config(): a SELECT takes the transaction's snapshot, and what waits for a lock first must see what it waited for.
            connection.execute(
                sql.SQL(
                    "SET TRANSACTION ISOLATION LEVEL {} {}; SET LOCAL ROLE {}; SET LOCAL app.tenant_id = {}; SET LOCAL search_path = {}"
                ).format(
                    sql.SQL(isolation),
                    sql.SQL(mode),
                    sql.Identifier(role),
                    sql.Literal(str(self.id)),
                    # Temporary tables last, or one of ours would stand before a table of the tenant's that has its name.
                    sql.SQL(", ").join(map(sql.Identifier, (*naming.search_path(self.schema), "pg_temp"))),
                )
            )
            yield


def hold(connection: psycopg.Connection, schema: str, names: Sequence[str]) -> None:
    """Keeps tables as they are until the transaction ends, save for their rows. Before its first query: then that sees the rows of now.

    A table that is rewritten or emptied shows no rows to a snapshot that is older than that (PostgreSQL's documentation, 13.6).
    ``TransientError`` when someone has one of them to himself, or it is gone.
    """
    if not names:
        return
    tables = sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(HOLD_TIMEOUT)))
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(tables))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.UndefinedTable) as error:
        look = "a migration that is at work, or a long transaction"
        raise locks.busy(connection, schema, "being changed", look, error) from error


def unknown(slug: str, known: list[str]) -> InputError:
    """What to raise for a tenant that is not there: with the nearest name."""
    return InputError(f"no tenant {slug}", did_you_mean(slug, known, "tenantry status shows the tenants"), code="tenant.unknown")
