"""The application's own migration tool at work in one store: shut before it, guarded and judged after it.

The tool commits by itself. So what must not be seen in between is kept from the application: its role may not look anything up in the
schema from the transaction before the tool to the one that guards what the tool made. Both are committed; a killed run leaves the store
shut, and the next one goes on (docs/adr/0037-migration-tools-of-others.md).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.declaration.migration_tool import MigrationTool
from tenantry.errors import InputError, WorkError
from tenantry.postgres import logins, revisions, schemas, table_rules, tool_commands
from tenantry.postgres.server import Server, may_act_as, session_options
from tenantry.postgres.table_rules import Fault

_GRACE = 120
"""Seconds that a login is good for beyond what its command may take."""


@dataclass(frozen=True)
class Entry:
    """What is written of a store: the revision that it is at, and of a run that has begun which one it goes to and what stood before."""

    revision: str | None
    begun: str | None
    stood: tuple[tuple[str, str], ...] = ()
    """The keys of the faults that its tables had before (``table_rules.faults``)."""


# One row. Whoever makes it at the same time is waited for.
THERE = sql.SQL(
    """
    DO $there$ BEGIN
        CREATE TABLE IF NOT EXISTS {table} (
            only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), version_num text, begun text, stood jsonb NOT NULL DEFAULT '[]',
            guards jsonb NOT NULL DEFAULT '{{}}');
    EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL;
    END $there$
    """
).format(table=sql.Identifier(revisions.RECORD))
TURN = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(revisions.RECORD))


@dataclass(frozen=True)
class Job:
    """One store and what it is to become, for the functions below; they are called in this order, in transactions as its owner."""

    tool: MigrationTool
    schema: str
    target: str
    owner: str
    app_role: str
    tenant_id: str
    lock_seconds: float

    @property
    def guarded(self) -> bool:
        """Whether an application uses the tables: not in a template, nor where rows are staged."""
        return self.app_role not in ("", self.owner)

    @property
    def shared(self) -> bool:
        return bool(self.app_role) and not self.tenant_id


def read(connection: psycopg.Connection) -> Entry:
    """The entry of the store that the search path names; the caller has its turn."""
    row = connection.execute(
        sql.SQL("SELECT version_num, begun, stood FROM {}").format(sql.Identifier(revisions.RECORD)), prepare=False
    ).fetchone()
    return Entry(None, None) if row is None else Entry(row[0], row[1], tuple((table, name) for table, name in row[2]))


def shut(connection: psycopg.Connection, job: Job, entry: Entry) -> Entry:
    """Shuts the store and notes what is begun, for the caller to commit."""
    stood = entry.stood
    if entry.begun is None:
        stood = tuple(table_rules.faults(connection, job.schema, shared=job.shared)) if job.guarded else ()
    if job.guarded:
        connection.execute(
            sql.SQL("REVOKE USAGE ON SCHEMA {} FROM PUBLIC, {}").format(sql.Identifier(job.schema), sql.Identifier(job.app_role))
        )
    found = Entry(entry.revision, job.target, stood)
    _write(connection, found)
    return found


def run(connection: psycopg.Connection, job: Job, entry: Entry) -> None:
    """Lets the tool migrate the store, in sessions of its own, while ``connection`` keeps others out.

    Raises ``WorkError`` where it fails, or ends elsewhere than it should; what it committed until then stays.
    """
    tool = job.tool
    if job.target == revisions.head("tenant"):
        command: Sequence[str] = tool.migrate
    elif tool.to is not None:
        command = [word.replace("{revision}", job.target) for word in tool.to]
    else:
        raise InputError(
            f"{tool.name} cannot make tables of revision {job.target}: tool.yaml has no command `to`",
            "use the checkout of that time, or add `to` (docs/migrations.md)",
        )
    with _login(connection, job) as (server, database):
        store = environment(server, database, job)
        tool_commands.run(tool, command, store, [server.password])
        found = tool_commands.current(tool, store, [server.password])
    if tool.current is not None and found != job.target:
        raise WorkError(f"{tool.name} ended well and left the store at {found}, not at {job.target}", "see what its command migrates")


def check(connection: psycopg.Connection, job: Job) -> None:
    """Runs the tool's own check in the store, outside a transaction. ``WorkError`` with its words."""
    if job.tool.check is not None:
        with _login(connection, job) as (server, database):
            tool_commands.run(job.tool, job.tool.check, environment(server, database, job), [server.password])


def refuse(connection: psycopg.Connection, job: Job, entry: Entry) -> None:
    """Raises ``WorkError`` for tables that may not be and were not there before the run: the store stays shut."""
    if not job.guarded:
        return
    new = [fault for key, fault in table_rules.faults(connection, job.schema, shared=job.shared).items() if key not in entry.stood]
    if new:
        raise _shut(job, new)


def guards(connection: psycopg.Connection, job: Job) -> dict[str, str]:
    """How each relation of the store is guarded, as a digest; one that was made anew under its name, or brought back, has another. Under
    the empty name, what all of them are guarded by and for whom."""
    rows = connection.execute(
        """
        SELECT c.relname, md5(concat_ws('|', c.oid, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions::text,
            c.relacl::text,
            (SELECT string_agg(concat_ws(',', polname, polcmd, polpermissive, polroles::text, polqual::text, polwithcheck::text), ';'
                ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid),
            (SELECT string_agg(concat_ws(',', attnum, attname = 'tenant_id', attacl::text), ';' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = c.oid AND NOT attisdropped AND (attacl IS NOT NULL OR attname = 'tenant_id'))))
        FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
        """
    )
    found: dict[str, str] = dict(rows.fetchall())
    signed = connection.execute("SELECT to_regprocedure('tenantry_context.tenant()') IS NOT NULL").fetchone()
    return found | {"": f"{revisions.guards('tenant')} {job.app_role} {job.tenant_id} {signed}"}


def known_guards(connection: psycopg.Connection, job: Job) -> dict[str, str]:
    """The same as it was when the store was last guarded; empty where everything is to be guarded anew."""
    row = connection.execute(sql.SQL("SELECT guards FROM {}").format(sql.Identifier(revisions.RECORD)), prepare=False).fetchone()
    known: dict[str, str] = row[0] if row else {}
    return known if known.get("") == guards(connection, job)[""] else {}


def remember_guards(connection: psycopg.Connection, job: Job) -> None:
    """Writes down how the store is guarded now."""
    connection.execute(
        sql.SQL("UPDATE {} SET guards = %s").format(sql.Identifier(revisions.RECORD)), [Jsonb(guards(connection, job))], prepare=False
    )


def shield(connection: psycopg.Connection, job: Job) -> None:
    """Behind isolation.sql, which takes the books of the tool for a table that everybody may read: nobody may."""
    if not job.guarded:
        return
    for name in schemas.those_there(connection, job.schema, revisions.books()):
        table = sql.Identifier(job.schema, name)
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM PUBLIC, {}").format(table, sql.Identifier(job.app_role)))


def ended(connection: psycopg.Connection, job: Job, entry: Entry, *, well: bool) -> None:
    """Notes that the store is where it should be, or that a failed run of the tool left it guarded and open, and behind."""
    _write(connection, Entry(job.target if well else entry.revision, None))


def environment(server: Server, database: str, job: Job) -> dict[str, str]:
    """What tells a command which store is meant. libpq's variables, and ours beside them."""
    settings = {
        "role": job.owner,
        "search_path": ", ".join(sql.Identifier(name).as_string() for name in naming.search_path(job.schema)),
        "lock_timeout": f"{int(job.lock_seconds * 1000)}ms",
        "tenantry.migrating": "on",
        **({"app.tenant_id": job.tenant_id} if job.tenant_id else {}),
    }
    found = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGDATABASE": database,
        "PGSSLMODE": server.sslmode,
        "PGOPTIONS": session_options(settings),
        "PGAPPNAME": f"tenantry {job.tool.name}",
        "PGCONNECT_TIMEOUT": "10",
        **{name: os.environ[name] for name in ("PGSSLROOTCERT", "PGSSLCRL") if os.environ.get(name)},
        "TENANTRY_SCHEMA": job.schema,
        "TENANTRY_ISOLATION": _isolation(server, job),
    }
    return {**found, "TENANTRY_TENANT_ID": job.tenant_id} if job.tenant_id else found


def _isolation(server: Server, job: Job) -> str:
    if job.schema != naming.TENANT_SCHEMA:
        return "schema" if job.tenant_id else "rls"
    try:
        ours = Server.from_environment()
    except InputError:
        return "database"
    return "database" if (server.host, server.port) == (ours.host, ours.port) else "instance"


def _write(connection: psycopg.Connection, entry: Entry) -> None:
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (version_num, begun, stood) VALUES (%s, %s, %s) ON CONFLICT (only_one) DO UPDATE"
            " SET version_num = excluded.version_num, begun = excluded.begun, stood = excluded.stood"
        ).format(sql.Identifier(revisions.RECORD)),
        [entry.revision, entry.begun, Jsonb([list(key) for key in entry.stood])],
        prepare=False,
    )


def _shut(job: Job, new: Sequence[Fault]) -> WorkError:
    return WorkError(
        f"shut, because {job.tool.name} has made what may not be: {table_rules.said(list(new))}",
        "add a migration that makes it so, and run tenantry migrate: it goes on there, and opens the store (docs/migrations.md)",
        code="store.shut",
    )


@contextmanager
def _login(connection: psycopg.Connection, job: Job) -> Iterator[tuple[Server, str]]:
    """A login for the store, for as long as a command takes: a member of the owner, which its sessions become. With its password.

    One of a killed run is taken over, and its sessions end: the tool may have outlived the run.
    """
    info = connection.info
    sslmode = info.get_parameters().get("sslmode", "prefer")
    administrator = Server(info.host, info.port, info.user, info.password, sslmode)
    server = replace(administrator, user=naming.tool_login(info.dbname, job.schema), password=secrets.token_urlsafe(32))
    role = sql.Identifier(server.user)
    with administrator.connect(info.dbname) as admin:
        admin.autocommit = True
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))  # before its sessions end: none may come back
        logins.end_sessions(admin, server.user)
        may_act_as(admin, job.owner)
        _enable(admin, server, job)
        try:
            yield server, info.dbname
        finally:
            _take_away(admin, server.user, job.owner)


def _enable(admin: psycopg.Connection, server: Server, job: Job) -> None:
    role, owner = sql.Identifier(server.user), sql.Identifier(job.owner)
    until = datetime.now(UTC) + timedelta(seconds=job.tool.timeout + _GRACE)
    logins.give_password(admin, server.user, server.password)
    admin.execute(sql.SQL("GRANT {} TO {}").format(owner, role))
    path = sql.SQL(", ").join(map(sql.Identifier, naming.search_path(job.schema)))
    # For programs that do not read PGOPTIONS. A login whose sessions are not the owner's would make tables of its own.
    admin.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(role, owner))
    admin.execute(sql.SQL("ALTER ROLE {} SET search_path = {}").format(role, path))
    with suppress(psycopg.errors.InsufficientPrivilege):  # a setting that only we know is a superuser's to keep with a role
        admin.execute(sql.SQL("ALTER ROLE {} SET tenantry.migrating = 'on'").format(role))
    row = admin.execute("SELECT has_database_privilege(%s, current_database(), 'CONNECT')", [server.user]).fetchone()
    if row != (True,):
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(admin.info.dbname), role))
    admin.execute(sql.SQL("ALTER ROLE {} LOGIN VALID UNTIL {}").format(role, sql.Literal(until.isoformat())))


def _take_away(admin: psycopg.Connection, login: str, owner: str) -> None:
    """What it made for itself all the same is the owner's. A login that cannot go now may not log in, and goes after the next run."""
    role = sql.Identifier(login)
    with suppress(psycopg.Error):
        admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role))
        logins.end_sessions(admin, login)
        admin.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(role, sql.Identifier(owner)))
        admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))
