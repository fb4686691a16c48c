"""Builds a backup's data beside the tenant's, checks it there, and brings it to today's tables. The tenant works on, and nobody sees it.

Where: a schema beside the tenant's (in shared tables: of its own), or a database beside the tenant's. What stands there already is of an
attempt that was killed, and is dropped first.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.errors import WorkError
from tenantry.operations.backup import proof, reading
from tenantry.operations.backup.reading import Stored, Target
from tenantry.postgres import checksums, loading, logins, migrations, pgtools, revisions, schemas, sequences, tables
from tenantry.postgres.checksums import Figure
from tenantry.postgres.server import acting_as
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class Names:
    """Where a tenant's data, its staging and what it replaced are: names of schemas, or of databases where the tenant has its own.

    ``scratch`` is a database in every model: where a dump is unpacked that does not fit into the staging as it is.
    """

    live: str
    staging: str
    kept: str
    scratch: str
    own_database: bool

    @classmethod
    def of(cls, store: TenantStore) -> Names:
        """By the tenant's slug alone."""
        base = naming.tenant_schema(store.slug)
        live = store.schema if store.isolation in naming.POOLED else store.database
        return cls(live, naming.staging(base), naming.kept(base), naming.scratch_database(base), store.isolation not in naming.POOLED)


def place(store: TenantStore) -> Target:
    """The staging of a tenant."""
    names = Names.of(store)
    server = store.administrator()
    if names.own_database:
        return Target(server, names.staging, store.schema, store.owner)
    return Target(server, store.database, names.staging, store.owner)


def require_revision(store: TenantStore) -> None:
    """What is staged for shared tables is at their revision: a roll-out does not wait for a restore whose run has failed. ``WorkError``."""
    if not store.shared:
        return
    with store.connected() as connection:
        staged, live = (revisions.version(connection, schema) for schema in (Names.of(store).staging, store.schema))
    if staged != live:
        raise WorkError(
            f"what was staged for {store.slug} is at revision {staged}, the tables of cell {store.cell} are at {live} by now",
            f"tenantry restore rollback {store.slug}, then restore again",
        )


def build(store: TenantStore, stored: Stored) -> dict[str, Figure]:
    """Restores the backup into ``store``'s staging, compares it with the manifest, migrates it; its tables' figures afterwards.

    The rows become ``store``'s, whoever's the backup was. ``WorkError`` when what came out is not what was saved; then nothing stays.
    """
    discard(store)
    try:
        _build(store, stored)
        return settle(store)
    except BaseException:
        discard(store)
        raise


def _build(store: TenantStore, stored: Stored) -> None:
    content, target = stored.manifest, place(store)
    major = proof.major(target.server)
    same_tenant = content.tenant_id == store.id
    if same_tenant and content.model == store.isolation == "rls":
        reading.fill(stored, target, major)
        _require(stored, target)
        return
    dedicated = ("database", "instance")
    if same_tenant and content.model in dedicated and store.isolation in dedicated:
        proof.make_database(target.server, target.database, target.owner)
        reading.fill(stored, target, major)
        _require(stored, target)
        return
    # Of another model, of another name or of another tenant: through a scratch database, where the dump's own names fit.
    with proof.scratch(store, Names.of(store).scratch) as scratch:
        source = Target(scratch.server, scratch.database, content.schema_name, scratch.owner)
        reading.fill(stored, source, major)
        _require(stored, source)
        whole = same_tenant and content.model == store.isolation == "schema"
        if whole:
            _carry_schema(source, target, store, major)
        else:
            _carry_rows(source, target, store, stored)
        _require(stored, target, store, scoped=not whole)


def settle(store: TenantStore) -> dict[str, Figure]:
    """Brings the staging to the head of the migrations, guarded as the tenant's own tables are; what is in its tables then."""
    target = place(store)
    with target.server.connect(target.database) as connection:
        if store.shared:  # the rows go into the shared tables: nobody but the owner gets any right here
            migrations.apply(connection, "tenant", target.schema, owner=store.owner, app_role=store.owner)
        else:
            migrations.apply(connection, "tenant", target.schema, owner=store.owner, app_role=store.app_role, tenant_id=str(store.id))
        if Names.of(store).own_database:
            logins.set_search_path(connection, store.app_role, target.database, target.schema)
            connection.commit()
        if not store.shared:  # in shared tables the sequences are the cell's
            with acting_as(connection, store.owner):
                connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(store.id)])
                sequences.advance(connection, target.schema)
    return figures(store, target)


def figures(store: TenantStore, where: Target) -> dict[str, Figure]:
    """What is in the tables of a place, as their owner in the tenant's context."""
    with where.server.connect(where.database) as connection, acting_as(connection, where.owner):
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(store.id)])
        names = tables.names(connection, where.schema) if store.shared else checksums.own_tables(connection, where.schema)
        return checksums.figures(connection, where.schema, names, store.id)


def require_sequences(store: TenantStore) -> None:
    """``WorkError`` when a sequence of the tenant's tables would give out a number that one of its rows has."""
    with store.acting(store.owner) as connection:
        sequences.require_ahead(connection, store.schema)


def live_figures(store: TenantStore) -> dict[str, Figure]:
    """What is in the tenant's tables now, as their owner."""
    return figures(store, Target(store.administrator(), store.database, store.schema, store.owner))


def discard(store: TenantStore) -> None:
    """Drops the staging, and the scratch database of an attempt that was killed."""
    names = Names.of(store)
    drop(store, names.staging)
    proof.drop_database(store.administrator(), names.scratch)


def drop(store: TenantStore, name: str) -> None:
    """Drops the database or schema ``name`` beside the tenant's own; none is all right."""
    server = store.administrator()
    if Names.of(store).own_database:
        proof.drop_database(server, name)
        return
    with server.connect(store.database) as connection, acting_as(connection, store.owner):
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


def _require(stored: Stored, where: Target, store: TenantStore | None = None, *, scoped: bool = False) -> None:
    """Before anything else happens to the rows: what is counted after a migration, or a trigger, says nothing of what was saved."""
    problems = reading.compare(stored, where, store.id if store else None, scoped=scoped)
    if problems:
        raise WorkError(
            f"backup {stored.entry.id} does not restore to what was saved: {'; '.join(problems[:3])}", "take another backup of the tenant"
        )


def _carry_schema(source: Target, target: Target, store: TenantStore, major: int) -> None:
    """The whole schema under its new name, tables of the tenant's own included: pg_dump into pg_restore, through no file."""
    with source.server.connect(source.database) as connection, acting_as(connection, source.owner):
        schemas.rename(connection, source.schema, target.schema)
    settings = {"app.tenant_id": str(store.id)}
    dump = [
        pgtools.program("pg_dump", major), "--format=custom", "--compress=0", f'--schema="{target.schema}"', f"--role={source.owner}",
        "--enable-row-security",
    ]  # fmt: skip
    load = [
        pgtools.program("pg_restore", major), "--format=custom", f"--dbname={target.database}", f"--role={target.owner}", "--no-owner",
        "--no-acl", "--exit-on-error", "--enable-row-security",
    ]  # fmt: skip
    with (
        pgtools.reading(dump, pgtools.environment(source.server, source.database, settings)) as read,
        pgtools.writing(load, pgtools.environment(target.server, target.database, settings)) as write,
    ):
        while data := read(pgtools.CHUNK):
            write(data)


def _carry_rows(source: Target, target: Target, store: TenantStore, stored: Stored) -> None:
    """The rows of the standard tables, as ``store``'s, into tables that the migrations make: for another model or another tenant."""
    content = stored.manifest
    if Names.of(store).own_database:
        proof.make_database(target.server, target.database, target.owner)
    with target.server.connect(target.database) as into, source.server.connect(source.database) as out:
        reading.make_tables(into, target, content.revision)
        with acting_as(out, source.owner), acting_as(into, target.owner):
            out.execute("SELECT set_config('app.tenant_id', %s, true)", [str(content.tenant_id)])
            names = tables.names(into, target.schema)
            # Those without a tenant_id that the revisions make are theirs, with their rows.
            extra = sorted(set(content.tables) - set(checksums.own_tables(into, target.schema)))
            if extra:
                raise WorkError(
                    f"backup {content.id} has tables of the tenant's own: {', '.join(extra)}",
                    f"only a tenant of the model {content.model} and of the same name can take them",
                )
            with loading.emptied(into, target.schema, names):
                for table in names:
                    _copy_table(out, source.schema, into, target.schema, table, store)
            if content.model != "rls":  # a cell's sequences were never part of it
                sequences.carry(out, into, source.schema, target.schema)


def _copy_table(out: psycopg.Connection, source: str, into: psycopg.Connection, target: str, table: str, store: TenantStore) -> None:
    """One table's rows from one session to another, as ``store``'s."""
    names = [name for name, _, generated in checksums.columns(into, target, table) if not generated]
    values = [sql.Literal(store.id) if name == "tenant_id" else sql.Identifier(name) for name in names]
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    select = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(sql.SQL(", ").join(values), tables.rows_of(out, source, table))
    insert = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(target, table), listed)
    with out.cursor().copy(select) as rows, into.cursor().copy(insert) as copy:
        for data in rows:
            copy.write(data)
