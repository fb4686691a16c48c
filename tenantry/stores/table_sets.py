"""Where the tenant tables of the fleet are, and which revision each set of them is at: one look into every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from tenantry import naming, preload
from tenantry.control.database import if_there, transaction
from tenantry.errors import WorkError
from tenantry.postgres import own_server, revisions
from tenantry.postgres.server import Server, may_act_as
from tenantry.stores.tenant_store import TenantStore, unknown
from tenantry.sweep import explained

LOOKS = 8
"""Databases that are looked into at one time."""

BATCH = 500
"""Version tables read in one statement: it holds a lock on each, and PostgreSQL has room for 64 per allowed connection."""


@dataclass(frozen=True)
class TableSet:
    """One set of tenant tables. ``server`` is the identifier of a tenant's own server, or None: the platform's."""

    server: str | None
    database: str
    schema: str
    owner: str
    app_role: str
    tenant_id: str
    """Empty where many tenants share the tables."""
    isolation: str
    cell: str
    slugs: tuple[str, ...]
    ring: str | None
    """The tenants' label ``ring``, where they all have the same."""
    version: str | None = None
    """None: the tables are not made yet."""
    problem: str = ""
    """Why the version could not be read."""
    shut: bool = False
    """A run of the application's own migration tool has shut the tables and has not ended."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.slugs[0] if self.tenant_id else f"shared tables of cell {self.cell}"

    @property
    def key(self) -> str:
        return f"{self.server or ''}/{self.database}.{self.schema}"

    def administrator(self) -> Server:
        """The server, with its administrator's account."""
        if self.server is None:
            return Server.from_environment()

        return own_server.must(self.server, self.slugs[0])

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection]:
        """An administrator's connection to the database, closed at the end; it may take on the owner."""
        server = self.administrator()
        if self.server is not None:
            with server.connect() as maintenance:
                may_act_as(maintenance, self.owner)
        with closing(server.connect(self.database)) as connection:
            yield connection


def survey(slugs: Sequence[str] = ()) -> list[TableSet]:
    """The places of the tenants ``slugs``, or of all, with their versions; sorted. ``InputError`` for a slug that is not there."""
    stores = TenantStore.every()
    for slug in slugs:
        if slug not in {store.slug for store in stores}:
            raise unknown(slug, [store.slug for store in stores])
    chosen = [store for store in stores if not slugs or store.slug in slugs]
    table_sets = list(_places(stores, {store.slug for store in chosen}, everywhere=not slugs))
    groups: dict[tuple[str | None, str], list[TableSet]] = {}
    for table_set in table_sets:
        groups.setdefault((table_set.server, table_set.database), []).append(table_set)
    present = _prepare({table_set.owner for table_set in table_sets if table_set.server is None})
    if any(server for server, _ in groups):
        preload.stores()  # the account of a server of a tenant's own is at AWS
    with ThreadPoolExecutor(LOOKS) as pool:
        looked = pool.map(lambda group: _look(group, present), groups.values())
    found = [table_set for group in looked for table_set in group]
    # A cell of `schema` tenants alone may have no shared tables; nobody is missing them.
    return sorted(
        (table_set for table_set in found if table_set.slugs or table_set.version), key=lambda table_set: (table_set.cell, table_set.name)
    )


def of_stack(stack: str) -> dict[str, str]:
    """Whose tables (in words) → the revision that they are at, for those of one stack that are made.

    ``WorkError``, or what PostgreSQL raises, where they cannot be looked at.
    """
    cell = naming.cell_of_stack(stack)
    if cell is None:
        nobody: list[TenantStore] = []
        found: dict[str, str] = {}
        stores = if_there(lambda _: [store for store in TenantStore.every() if store.stack == stack], nobody)
        for store in stores:
            with store.connected() as connection:
                found |= {f"tenant {store.slug}": version for version in _versions(connection, store.owner).values()}
        return found
    database, owner = naming.cell_database(cell), naming.cell_owner(cell)
    with Server.from_environment().kept() as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
            return {}
        may_act_as(connection, owner)
    with Server.from_environment().connect(database) as connection:
        return {f"schema {schema} of cell {cell}": version for schema, version in _versions(connection, owner).items()}


def _places(stores: Sequence[TenantStore], chosen: set[str], *, everywhere: bool) -> Iterator[TableSet]:
    labels = _labels()
    cells = {store.cell for store in stores if store.isolation in naming.POOLED and (everywhere or store.isolation == "rls")}
    for cell in cells:
        inside = [store.slug for store in stores if store.isolation == "rls" and store.cell == cell]
        if everywhere or chosen & set(inside):
            rings = {labels.get(slug) for slug in inside}
            owner, app_role, database = naming.cell_owner(cell), naming.cell_app(cell), naming.cell_database(cell)
            ring = rings.pop() if len(rings) == 1 else None
            yield TableSet(None, database, naming.SHARED_SCHEMA, owner, app_role, "", "rls", cell, tuple(inside), ring)
    for store in stores:
        if store.slug in chosen and store.isolation != "rls":
            yield TableSet(
                store.server, store.database, store.schema, store.owner, store.app_role, str(store.id), store.isolation, store.cell,
                (store.slug,), labels.get(store.slug),
            )  # fmt: skip


def _labels() -> dict[str, str]:
    with transaction() as connection:
        rows = connection.execute("SELECT slug, labels ->> 'ring' AS ring FROM tenants WHERE labels ? 'ring'")
        return {row["slug"]: row["ring"] for row in rows}


def _prepare(owners: Iterable[str]) -> set[str]:
    """Lets the administrator act as the owners on the platform's server; which databases are there."""
    with Server.from_environment().kept() as connection:
        lacking = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND NOT pg_has_role(current_user, oid, 'SET')", [list(owners)]
        ).fetchall()
        for (owner,) in lacking:
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def _look(group: list[TableSet], present: set[str]) -> list[TableSet]:
    """The places of one database with their versions."""
    first = group[0]
    if first.server is None and first.database not in present:
        return group
    try:
        with first.connected() as connection:
            versions, shut = _versions(connection, first.owner), _shut(connection)
    except WorkError as error:
        return [replace(table_set, problem=error.message) for table_set in group]
    except psycopg.Error as error:
        return [replace(table_set, problem=str(error.diag.message_primary or error)) for table_set in group]
    except Exception as error:
        return [replace(table_set, problem=explained(error)[0]) for table_set in group]
    return [replace(table_set, version=versions.get(table_set.schema), shut=table_set.schema in shut) for table_set in group]


def _versions(connection: psycopg.Connection, owner: str) -> dict[str, str]:
    """Schema → revision, for every migrated schema of the owner's in the database."""
    connection.autocommit = True
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    if revisions.tool() is None:
        return _written(connection, owner, revisions.VERSION_TABLE)
    earlier = _written(connection, owner, revisions.VERSION_TABLE)
    found = _written(connection, owner, revisions.RECORD)
    made = {schema: f"{revisions.EARLIER}{version}" for schema, version in earlier.items() if schema not in found}
    return made | {schema: version for schema, version in found.items() if version is not None}


def _written(connection: psycopg.Connection, owner: str, table: str) -> dict[str, str]:
    rows = connection.execute(
        "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE c.relname = %s AND c.relkind = 'r' AND r.rolname = %s",
        [table, owner],
    ).fetchall()
    schemas = [row[0] for row in rows]
    versions: dict[str, str] = {}
    for start in range(0, len(schemas), BATCH):
        queries = [
            sql.SQL("SELECT {}, version_num FROM {}").format(schema, sql.Identifier(schema, table))
            for schema in schemas[start : start + BATCH]
        ]
        versions.update(connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall())
    return versions


def _shut(connection: psycopg.Connection) -> set[str]:
    """The schemas that a run of the application's own tool has shut, and that wait for the next one; behind ``_versions``."""
    if revisions.tool() is None:
        return set()
    rows = connection.execute(
        "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relname = %s AND c.relkind = 'r' AND pg_has_role(current_user, c.relowner, 'USAGE')",
        [revisions.RECORD],
    ).fetchall()
    schemas, shut = [row[0] for row in rows], set[str]()
    for start in range(0, len(schemas), BATCH):
        queries = [
            sql.SQL("SELECT {} FROM {} WHERE begun IS NOT NULL").format(schema, sql.Identifier(schema, revisions.RECORD))
            for schema in schemas[start : start + BATCH]
        ]
        shut |= {row[0] for row in connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall()}
    return shut
