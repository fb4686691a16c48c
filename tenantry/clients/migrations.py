"""Applies the SQL in migrations/ with Alembic: `control/` to the registry, `tenant/` to every tenant store."""

from __future__ import annotations

import os
from functools import cache
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TextIO

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.clients.postgres import may_act_as
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from alembic.config import Config

Tree = Literal["control", "tenant"]

# Your application's tables are not ours: TENANTRY_MIGRATIONS names another folder of this shape.
ROOT = Path(os.environ.get("TENANTRY_MIGRATIONS") or Path(__file__).resolve().parents[2] / "migrations").resolve()
VERSION_TABLE = "alembic_version"
_THE_TENANT = "{tenant}"  # stands for a tenant's id in a policy that is compared

# alembic.context and alembic.op are one per process; the engine's provider runs several resources at once.
_ALEMBIC = Lock()


@cache
def revisions(tree: Tree) -> tuple[str, ...]:
    """A tree's revisions, oldest first, read from the file names alone: every run asks, and importing Alembic takes a second."""
    return tuple(sorted(path.name.split("_")[0] for path in (ROOT / tree).glob("[0-9]*_*.py")))


def head(tree: Tree) -> str:
    """The newest revision of a tree."""
    return revisions(tree)[-1]


def version(connection: psycopg.Connection, schema: str) -> str | None:
    """The revision that ``schema`` is at; None when it was never migrated."""
    table = sql.Identifier(schema, VERSION_TABLE)
    if connection.execute("SELECT to_regclass(%s)", [table.as_string(connection)]).fetchone() == (None,):
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    return None if row is None else str(row[0])


def apply(
    connection: psycopg.Connection,
    tree: Tree,
    schema: str,
    *,
    owner: str,
    app_role: str,
    tenant_id: str = "",
    platform_role: str = "",
    revision: str = "head",
) -> None:
    """Brings ``schema`` up to ``revision`` of ``tree`` and puts isolation on its tables, as ``owner``, in one transaction.

    The connection is an administrator's, with no transaction open. Idempotent; two callers at once take turns. A schema that is
    past ``revision`` stays where it is. Without an ``app_role`` nobody uses the tables (a template), and they are not guarded. Raises
    what PostgreSQL raises, and then nothing of it stays; ``WorkError`` when the schema is at a revision that this tree does not have.
    """
    may_act_as(connection, owner)
    entering = _entering(schema, owner, app_role, tenant_id, platform_role)
    with connection.transaction():
        connection.execute(entering, prepare=False)
        if version(connection, schema) == (head(tree) if revision == "head" else revision):
            # Nothing to migrate, and so no second spent on importing Alembic.
            if app_role:
                connection.execute((ROOT / "isolation.sql").read_bytes(), prepare=False)
            return

    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    config = _configuration(tree)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as bound:
        connection.execute(entering, prepare=False)
        config.attributes.update(connection=bound, schema=schema)
        with _ALEMBIC:
            try:
                command.upgrade(config, revision)
            except CommandError as error:
                raise WorkError(
                    f"{schema} cannot go to revision {revision}: {error}", "it was migrated by a newer Tenantry: use that one"
                ) from error
        if app_role:
            connection.execute((ROOT / "isolation.sql").read_bytes(), prepare=False)


def _entering(schema: str, owner: str, app_role: str, tenant_id: str, platform_role: str = "") -> sql.Composed:
    """How a transaction that migrates ``schema`` begins: as its owner, with what isolation.sql wants to know, in turn with others."""
    settings = {
        "search_path": sql.Identifier(schema).as_string(),
        "tenantry.app_role": app_role,
        "tenantry.tenant_id": tenant_id,
        "tenantry.platform_role": platform_role,
        "tenantry.only": "",
    }
    lines = [sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner))]
    calls = [sql.SQL("set_config({}, {}, true)").format(key, value) for key, value in settings.items()]
    lines += [sql.SQL("SELECT ") + sql.SQL(", ").join(calls)]
    lines += [sql.SQL("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))").format(_turn(schema))]
    return sql.SQL(";").join(lines)


def _turn(schema: str) -> str:
    return f"tenantry:migrate:{schema}"


def keep_out(connection: psycopg.Connection, schema: str) -> None:
    """No migration of ``schema`` begins until the connection is closed; one that is under way is waited for. No transaction stays open."""
    connection.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", [_turn(schema)])
    connection.commit()


@cache
def rendered(tree: Tree, current: str, target: str) -> str | None:
    """The SQL that takes a schema from one revision to a later one, version row included; it names no schema: the search path says which.

    None when a migration between the two looks at the database while it runs: only ``apply`` can run that one.
    """
    from alembic import command

    output = StringIO()
    config = _configuration(tree, output)
    config.attributes.update(connection=None, schema=None)
    with _ALEMBIC:
        try:
            command.upgrade(config, f"{current}:{target}", sql=True)
        except AttributeError:  # op.get_bind() is None without a connection
            return None
    return output.getvalue()


def prepare(connection: psycopg.Connection, lock_seconds: float) -> None:
    """Makes an administrator's connection ready for ``advance``: no statement of it waits for a lock for longer."""
    connection.autocommit = True  # `advance` has BEGIN and COMMIT in its texts: on a busy machine a round trip costs more than a statement
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(lock_seconds * 1000)}ms"])
    connection.prepare_threshold = None  # else psycopg throws every prepared statement of a session away after each ALTER
    connection.execute((ROOT / "unguarded.sql").read_bytes())


def advance(
    connection: psycopg.Connection, schema: str, target: str, *, owner: str, app_role: str, tenant_id: str, printed: dict[bool, str]
) -> str:
    """Takes the tenant tables of ``schema``, which were migrated before, to ``target`` in one transaction; returns where they were.

    The same end as ``apply``, at a fraction of its cost for the second and every further schema: Alembic is asked for its SQL once,
    ``isolation.sql`` runs for the tables only that are not guarded exactly as it would guard them, and the server is spoken to three
    times. ``printed`` is what is compared with: how this server prints the policies; an empty dictionary, kept by the caller per
    server, that fills itself. The connection went through ``prepare``. Raises what PostgreSQL raises, and then nothing of it stays.
    """
    try:
        entering = _entering(schema, owner, app_role, tenant_id).as_string(connection)
        current = str(_last_row(connection, f"BEGIN; {entering}; TABLE {VERSION_TABLE}")[0])
        script = rendered("tenant", current, target) if current != target else ""
        if script:
            _run_guarded(connection, schema, script, app_role, tenant_id, printed)
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        raise
    if script is None:
        connection.autocommit = False
        apply(connection, "tenant", schema, owner=owner, app_role=app_role, tenant_id=tenant_id, revision=target)
        connection.autocommit = True
    return current


def _run_guarded(connection: psycopg.Connection, schema: str, script: str, app_role: str, tenant_id: str, printed: dict[bool, str]) -> None:
    """Runs the script in the open transaction, and then isolation for what lacks it."""
    isolation, own = (ROOT / "isolation.sql").read_bytes(), bool(tenant_id)
    if own not in printed:
        connection.execute(script.encode(), prepare=False)
        connection.execute(isolation, prepare=False)
        row = connection.execute(
            "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " WHERE p.polname = 'tenant_isolation' AND c.relnamespace = current_schema()::regnamespace LIMIT 1"
        ).fetchone()
        if row:
            printed[own] = str(row[0]).replace(tenant_id or "\0", _THE_TENANT)
        return
    policy = printed[own].replace(_THE_TENANT, tenant_id)
    question = sql.SQL("SET LOCAL search_path TO pg_catalog; EXECUTE tenantry_unguarded ({}, {}, {})").format(schema, app_role, policy)
    unguarded, placed = _last_row(connection, f"{script}; {question.as_string(connection)}")
    if unguarded or not placed:
        connection.execute(
            "SELECT set_config('search_path', quote_ident(%s), true), set_config('tenantry.only', %s::text[]::text, true)",
            [schema, unguarded],
        )
        connection.execute(isolation, prepare=False)


def _last_row(connection: psycopg.Connection, statements: str) -> tuple[Any, ...]:
    """Runs statements in one round trip; the row that the last one gives."""
    cursor = connection.execute(statements.encode(), prepare=False)
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    if row is None:
        raise WorkError(f"{VERSION_TABLE} is empty", "restore its row: the revision that the tables are at")
    return tuple(row)


def run_sql_beside(python_file: str) -> None:
    """For a migration: runs the .sql file that stands beside the .py file and has its name."""
    from alembic import op

    text = Path(python_file).with_suffix(".sql").read_text(encoding="utf-8")
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(f"{text}\n;")
    else:
        op.get_bind().exec_driver_sql(text.replace("%", "%%"))


def _configuration(tree: Tree, output: TextIO | None = None) -> Config:
    from alembic.config import Config

    config = Config() if output is None else Config(output_buffer=output)
    config.set_main_option("script_location", str(ROOT))
    config.set_main_option("version_locations", str(ROOT / tree))
    config.set_main_option("path_separator", "os")
    return config


def posture(connection: psycopg.Connection, schema: str) -> list[str]:
    """What guards the tables of ``schema`` now: row security flags, policies, owners and grants, one sorted line each.

    Empty when the schema has no tables. Two stores are guarded alike when their lists are equal; a refresh compares the list with
    what was recorded after the last change.
    """
    rows = connection.execute(
        """
        SELECT format('table %%s owner %%s enabled %%s forced %%s kind %%s options %%s', c.relname, pg_get_userbyid(c.relowner),
                      c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.reloptions)
        FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p', 'v')
        UNION ALL
        SELECT format('policy %%s.%%s %%s %%s to %%s using %%s check %%s', tablename, policyname, permissive, cmd, roles, qual, with_check)
        FROM pg_policies WHERE schemaname = %(schema)s
        UNION ALL
        SELECT format('database open to all %%s %%s', has_database_privilege('public', current_database(), 'CONNECT'),
                      has_database_privilege('public', current_database(), 'TEMPORARY'))
        UNION ALL
        SELECT format('grant %%s.%%s to %%s', c.relname, acl.privilege_type, coalesce(r.rolname, 'public'))
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee
        WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p', 'v')
        ORDER BY 1
        """,
        {"schema": schema},
    ).fetchall()
    lines = [row[0] for row in rows]
    return lines if any(line.startswith("table ") for line in lines) else []
