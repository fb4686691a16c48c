"""The contract of tables (docs/tables.md) asked of the revisions, in a scratch database, before any store has them; and of a tenant's own
tables before it moves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.errors import InputError, TenantryError, WorkError
from tenantry.operations.backup import proof
from tenantry.operations.backup.reading import Target
from tenantry.postgres import extensions, migrations, reference_tables, revisions, table_rules, tool_store
from tenantry.postgres.server import Server, acting_as, may_act_as
from tenantry.postgres.table_rules import Fault
from tenantry.stores.table_sets import TableSet
from tenantry.stores.tenant_store import TenantStore
from tenantry.sweep import over

_PREFIX: Final = "tenantry_check_"
"""Of the role that owns a check's scratch database. Its maker holds an advisory lock of the same name until it has dropped both."""

_LEFT_BEHIND = ("undeclared", "foreign", "tenant")
"""What no move takes along, wherever it goes."""


@dataclass(frozen=True)
class Checked:
    """What was found in the tables as the newest revision makes them."""

    revision: str
    made_by: str
    """``migrations/tenant``, or the name of the application's own tool."""
    tenant: tuple[str, ...]
    """The tables with a ``tenant_id``."""
    reference: tuple[str, ...]
    problems: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    """What may be and tells something."""


def check() -> Checked:
    """Makes the tables of the newest revision in a scratch database of the server that PGHOST and the like name, which needs no platform,
    and holds them against every rule, those of shared tables too. ``InputError`` when a revision fails there."""
    schema, head = naming.SHARED_SCHEMA, revisions.head("tenant")
    with _scratch() as place, place.server.connect(place.database) as connection:
        make(connection, place.owner, head)
        found = _faults(connection, schema, shared=True)
        _ask_tool(connection, place, head)
        with acting_as(connection, place.owner):
            kinds: dict[str, bool] = dict(
                connection.execute(
                    "SELECT c.relname::text, a.attnum IS NOT NULL FROM pg_class c"
                    " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped"
                    " WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
                    " AND c.relname <> ALL (%s) ORDER BY 1",
                    [schema, revisions.books()],
                ).fetchall()
            )
            notes = table_rules.notes(connection, schema)
    named = reference_tables.declared()
    unknown = [
        Fault("unknown", name, (), f"{name} is named under reference in migrations/classification.yaml, and no revision makes it",
              "take it off that list") for name in sorted(named - kinds.keys())
    ]  # fmt: skip
    refused = {fault.table for fault in found.values()}
    return Checked(
        head,
        tree(),
        tuple(name for name, of_tenants in kinds.items() if of_tenants),
        tuple(name for name, of_tenants in kinds.items() if not of_tenants and name in named),
        (*found.values(), *unknown),
        tuple(note for note in notes if note.table not in refused),
    )


def require(since: str, *, shared: bool, standing: TableSet) -> None:
    """``WorkError`` when what comes after the revision ``since`` makes tables that may not be; nothing was touched then.

    Where the scratch database cannot be made, or a revision fails in empty tables, each store's own transaction asks the same. An
    application's own tool is not let at a store when it fails there: what it had done until then would stay. It makes the newest
    revision only: what was wrong before is asked of ``standing``, one of those that are to be migrated.
    """
    schema = naming.SHARED_SCHEMA
    try:
        with _scratch() as place, place.server.connect(place.database) as connection:
            if revisions.tool():
                with standing.connected() as other, acting_as(other, standing.owner):
                    before = table_rules.faults(other, standing.schema, shared=shared)
            else:
                make(connection, place.owner, since)
                before = _faults(connection, schema, shared=shared)
            make(connection, place.owner)
            new = [fault for key, fault in _faults(connection, schema, shared=shared).items() if key not in before]
    except InputError as error:
        if revisions.tool():
            raise WorkError(error.message, error.hint) from error
        return
    except (psycopg.Error, TenantryError):
        return
    if new:
        raise WorkError(table_rules.said(new), table_rules.DOCUMENTED)


def require_for_up() -> None:
    """``require`` where the main cell's shared tables lag: what `up` would bring to every store of its stacks, one after the other."""
    owner, schema = naming.cell_owner(naming.MAIN_CELL), naming.SHARED_SCHEMA
    try:
        with Server.from_environment().connect(naming.cell_database(naming.MAIN_CELL)) as connection, acting_as(connection, owner):
            found = revisions.version(connection, schema)
    except (psycopg.Error, TenantryError):  # nothing was made here yet
        return
    if found not in (None, revisions.head("tenant")) and revisions.has("tenant", found):
        standing = TableSet(
            None,
            naming.cell_database(naming.MAIN_CELL),
            schema,
            owner,
            naming.cell_app(naming.MAIN_CELL),
            "",
            "rls",
            naming.MAIN_CELL,
            (),
            None,
        )
        require(found, shared=True, standing=standing)


def refuse_move(store: TenantStore, *, into_shared: bool) -> None:
    """``InputError`` for a table of the tenant's that a move would leave behind, or that may not be where it goes."""
    with store.acting(store.owner, read_only=True) as connection:
        found = table_rules.faults(connection, store.schema, shared=into_shared)
    wrong = [fault for fault in found.values() if fault.kind != "extension" and (into_shared or fault.kind in _LEFT_BEHIND)]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InputError(
            f"tenant {store.slug} cannot be moved{' to rls' if into_shared else ''}: {wrong[0]}{more}",
            "write a revision that makes it so, and tenantry migrate; docs/tables.md says why",
        )


def _faults(connection: psycopg.Connection, schema: str, *, shared: bool) -> dict[tuple[str, str], Fault]:
    connection.execute("SELECT set_config('search_path', %s, true)", [migrations.search_path(schema)])  # as a revision writes its names
    found = table_rules.faults(connection, schema, shared=shared) | table_rules.elsewhere(connection, schema)
    connection.commit()
    return found


def make(connection: psycopg.Connection, owner: str, revision: str = "head") -> None:
    """A cell's tables at that revision, in a scratch database. ``InputError`` where the revisions cannot be applied to empty tables."""
    try:
        migrations.apply(connection, "tenant", naming.SHARED_SCHEMA, owner=owner, app_role="", revision=revision)
    except (psycopg.Error, WorkError) as error:
        if isinstance(error, WorkError) and not revisions.tool():
            raise
        raise InputError(
            f"the revisions of {tree()} cannot be applied to empty tables: {words(error)}",
            "mend the revision; nothing was touched",
        ) from error


def _ask_tool(connection: psycopg.Connection, place: Target, head: str) -> None:
    """What the application's own tool thinks of the tables that it has made. ``InputError`` in its words."""
    if (tool := revisions.tool()) is not None:
        job = tool_store.Job(tool, naming.SHARED_SCHEMA, head, place.owner, "", "", migrations.LOCK_SECONDS)
        try:
            tool_store.check(connection, job)
        except WorkError as error:
            raise InputError(f"the check of {tool.name} is not content: {error.message}", "nothing was touched") from error


def tree() -> str:
    """Where the tables come from, as messages name it."""
    own = revisions.tool()
    return own.name if own else "migrations/tenant"


def words(error: psycopg.Error | WorkError) -> str:
    """What a revision failed with, in one line."""
    return (error.message if isinstance(error, WorkError) else str(extensions.explained(error))).splitlines()[0]


@contextmanager
def _scratch() -> Iterator[Target]:
    """An empty database with the schema of shared tables, of a role that is no more than an owner of stores is."""
    server = Server.from_environment()
    sweep(server)
    owner = f"{_PREFIX}{secrets.token_hex(4)}"
    with server.connect() as admin:
        admin.autocommit = True
        admin.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [owner])  # ends with the session
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(owner)))
        try:
            may_act_as(admin, owner)
            with proof.scratch_on(server, owner) as place:
                with server.connect(place.database) as connection, acting_as(connection, owner):
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(naming.SHARED_SCHEMA)))
                yield place
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(owner)))


def sweep(server: Server) -> list[str]:
    """Drops the roles and scratch databases of checks that were killed, and nothing of one at work; the roles' names."""
    with server.connect() as admin:
        admin.autocommit = True
        owners = [name for (name,) in admin.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [_PREFIX]).fetchall()]
        # What cannot be dropped, as another account's, is left: the check that is about to begin does not need it gone.
        return [owner for owner, dropped in over(owners, lambda owner: _drop(server, admin, owner)).done if dropped]


def _drop(server: Server, admin: psycopg.Connection, owner: str) -> bool:
    free = admin.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [owner]).fetchone()
    if free is None or not free[0]:
        return False
    try:
        for (name,) in admin.execute(
            "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = %s", [owner]
        ).fetchall():
            proof.drop_database(server, name)
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(owner)))
    finally:
        admin.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [owner])
    return True
