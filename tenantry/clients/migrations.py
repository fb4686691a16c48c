"""Applies the SQL in migrations/ with Alembic: `control/` to the registry, `tenant/` to every tenant store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TextIO
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus, TransactionStatus

from tenantry.clients.postgres import may_act_as
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from alembic.config import Config

Tree = Literal["control", "tenant"]

# Your application's tables are not ours: TENANTRY_MIGRATIONS names another folder of this shape.
ROOT = Path(os.environ.get("TENANTRY_MIGRATIONS") or Path(__file__).resolve().parents[2] / "migrations").resolve()
VERSION_TABLE = "alembic_version"
_THE_TENANT = "{tenant}"  # stand for a tenant's id and role in what is learned from one and done to the next
_THE_ROLE = "{role}"

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
    with applied(
        connection, tree, schema, owner=owner, app_role=app_role, tenant_id=tenant_id, platform_role=platform_role, revision=revision
    ):
        pass


@contextmanager
def applied(
    connection: psycopg.Connection,
    tree: Tree,
    schema: str,
    *,
    owner: str,
    app_role: str,
    tenant_id: str = "",
    platform_role: str = "",
    revision: str = "head",
    first: sql.Composable | None = None,
) -> Iterator[None]:
    """``apply``, and what else belongs into its transaction, as the administrator: the statement ``first``, and the block at its end."""
    may_act_as(connection, owner)
    entering = sql.SQL(";").join([first or sql.SQL(""), _entering(schema, owner, app_role, tenant_id, platform_role)])
    leaving = b"SET LOCAL ROLE NONE; SET LOCAL search_path TO DEFAULT"
    if app_role:  # nothing is guarded where nobody comes
        leaving = (ROOT / "isolation.sql").read_bytes() + leaving
    with connection.transaction():
        connection.execute(entering, prepare=False)
        if version(connection, schema) == (head(tree) if revision == "head" else revision):
            # Nothing to migrate, and so no second spent on importing Alembic.
            connection.execute(leaving, prepare=False)
            yield
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
        connection.execute(leaving, prepare=False)
        yield


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


def load_alembic() -> None:
    """Imports what ``rendered`` and ``apply`` need when there is something to migrate, which takes longer than a hundred schemas."""
    import alembic.command  # noqa: F401


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


@dataclass
class Learned:
    """What a roll-out has learned of one server from the first schemas that it migrated there; an empty one fills itself."""

    policies: dict[bool, _Policy] = field(default_factory=dict)
    """Whether the tables are one tenant's own → how the server keeps the policy on them."""
    guards: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    """From and to which revision, and whether the tables are one tenant's own → what isolation.sql did to the new tables."""


@dataclass(frozen=True)
class _Policy:
    """A policy as PostgreSQL keeps it: its tree, with the tenant's id as a list of its bytes."""

    tree: str
    signed: bool

    @classmethod
    def of(cls, tree: str, tenant_id: str) -> _Policy | None:
        """None where the tree does not show how a tenant's id is written in it."""
        if not tenant_id:
            return cls(tree, signed=True)
        written = {signed: _bytes(tenant_id, signed=signed) for signed in (True, False)}  # as the processor has it
        found = [signed for signed, text in written.items() if text in tree]
        return cls(tree.replace(written[found[0]], _THE_TENANT), found[0]) if len(found) == 1 else None

    def naming(self, tenant_id: str) -> str:
        return self.tree.replace(_THE_TENANT, _bytes(tenant_id, signed=self.signed)) if tenant_id else self.tree


def _bytes(tenant_id: str, *, signed: bool) -> str:
    return " ".join(str(byte - 256 if signed and byte > 127 else byte) for byte in UUID(tenant_id).bytes)


def prepare(connection: psycopg.Connection, lock_seconds: float) -> None:
    """Makes an administrator's connection ready for ``advance``: no statement of it waits for a lock for longer."""
    connection.autocommit = True  # `advance` has BEGIN and COMMIT in its texts: on a busy machine a round trip costs more than a statement
    connection.prepare_threshold = None  # else psycopg throws every prepared statement of a session away after each ALTER
    question = (ROOT / "unguarded.sql").read_text(encoding="utf-8")
    # The second is the first as a statement that fails: the COMMIT behind it in one text is then not reached.
    prepared = f"""
        SET lock_timeout = {int(lock_seconds * 1000)}; SET plan_cache_mode = force_generic_plan;
        PREPARE tenantry_unguarded (name, name, text) AS {question};
        PREPARE tenantry_guarded (name, name, text) AS
            SELECT 1 / (cardinality(unguarded) = 0 AND placed)::int FROM ({question}) AS found
    """  # noqa: S608  # our own file
    connection.execute(prepared.encode())


def advance(
    connection: psycopg.Connection, schema: str, current: str, target: str, *, owner: str, app_role: str, tenant_id: str, learned: Learned
) -> None:
    """Takes the tenant tables of ``schema``, which were at ``current`` when they were looked at, to ``target`` in one transaction.

    The same end as ``apply``, at a fraction of its cost for the second and every further schema: Alembic is asked for its SQL once, and
    what ``isolation.sql`` did to the new tables of one schema is done to the next ones without working it out again. Then the catalog is
    asked whether all is guarded exactly as ``isolation.sql`` would guard it; nothing is committed before it says so. All of that is one
    text. Where it fails, and would again, the schema goes the long way, step by step, whose word counts. ``learned`` is kept by the
    caller, one per server. The connection went through ``prepare``. Raises what PostgreSQL raises, and then nothing of it stays.
    """
    script, own = rendered("tenant", current, target), bool(tenant_id)
    policy, guards = learned.policies.get(own), learned.guards.get((current, target, own))
    try:
        if script and policy and guards is not None:
            guards = guards.replace(_THE_TENANT, tenant_id).replace(_THE_ROLE, sql.Identifier(app_role).as_string())
            question = ", ".join(_literal(text) for text in (schema, app_role, policy.naming(tenant_id)))
            whole = f"""
                BEGIN; {_as_owner(schema, owner)};
                SELECT 1 / count(*) FROM {VERSION_TABLE} WHERE version_num = {_literal(current)};
                {script};
                {guards}
                SET LOCAL search_path TO pg_catalog; EXECUTE tenantry_guarded ({question}); COMMIT
            """  # noqa: S608  # quoted by psycopg
            try:
                _run(connection, whole)
                return
            except psycopg.OperationalError:  # a lock, a deadlock, the connection: the long way would meet it too
                raise
            except psycopg.Error:
                _run(connection, "ROLLBACK")
        connection.execute(f"BEGIN; {_entering(schema, owner, app_role, tenant_id).as_string(connection)}".encode())
        found = str(_last_row(connection, f"TABLE {VERSION_TABLE}")[0])
        if found not in revisions("tenant"):
            raise WorkError(f"at revision {found} meanwhile, which is not ours", "it was migrated by a newer Tenantry: use that one")
        script = rendered("tenant", found, target) if found != target else ""
        if script:
            _run_guarded(connection, schema, script, app_role, tenant_id, learned, (found, target, own))
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        raise
    if script is None:
        connection.autocommit = False
        apply(connection, "tenant", schema, owner=owner, app_role=app_role, tenant_id=tenant_id, revision=target)
        connection.autocommit = True


def _run_guarded(
    connection: psycopg.Connection,
    schema: str,
    script: str,
    app_role: str,
    tenant_id: str,
    learned: Learned,
    step: tuple[str, str, bool],
) -> None:
    """Runs the script in the open transaction, and then isolation for what lacks it."""
    isolation, own = (ROOT / "isolation.sql").read_bytes(), bool(tenant_id)
    if own not in learned.policies:
        connection.execute(script.encode(), prepare=False)
        connection.execute(isolation, prepare=False)
        row = connection.execute(
            "SELECT replace(replace(p.polqual::text, format(':varattno %s ', a.attnum), ':varattno 1 '),"
            " format(':varattnosyn %s ', a.attnum), ':varattnosyn 1 ') FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped"
            " WHERE p.polname = 'tenant_isolation' AND c.relnamespace = current_schema()::regnamespace LIMIT 1"
        ).fetchone()
        policy = _Policy.of(str(row[0]), tenant_id) if row else None
        if policy:
            learned.policies[own] = policy
        return
    question = sql.SQL("SET LOCAL search_path TO pg_catalog; EXECUTE tenantry_unguarded ({}, {}, {})").format(
        schema, app_role, learned.policies[own].naming(tenant_id)
    )
    unguarded, placed = _last_row(connection, f"{script}; {question.as_string(connection)}")
    guards = ""
    if unguarded or not placed:
        connection.execute(
            "SELECT set_config('search_path', quote_ident(%s), true), set_config('tenantry.only', %s::text[]::text, true)",
            [schema, unguarded],
        )
        connection.execute(isolation, prepare=False)
        guards, role = _last_row(connection, "SELECT current_setting('tenantry.guards'), quote_ident(current_setting('tenantry.app_role'))")
        guards = guards.replace(f" {role};", f" {_THE_ROLE};")
        guards = guards.replace(f"'{tenant_id}'", f"'{_THE_TENANT}'") if own else guards
    learned.guards[step] = guards


def _as_owner(schema: str, owner: str) -> str:
    """The first statement of a transaction that migrates ``schema``: as its owner, in turn with others."""
    path = sql.Identifier(schema).as_string()
    return (
        f"SELECT set_config('role', {_literal(owner)}, true), set_config('search_path', {_literal(path)}, true),"
        f" pg_advisory_xact_lock(hashtextextended({_literal(_turn(schema))}, 0))"
    )


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()


def _run(connection: psycopg.Connection, statements: str) -> None:
    """Runs statements in one round trip. Not through a cursor: what each of them gives costs it more than sending them."""
    result = connection.pgconn.exec_(statements.encode())
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(result)


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
        WITH c AS MATERIALIZED (
            SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind IN ('r', 'p', 'v')
        )
        SELECT format('table %%s owner %%s enabled %%s forced %%s kind %%s options %%s', relname, pg_get_userbyid(relowner),
                      relrowsecurity, relforcerowsecurity, relkind, reloptions)
        FROM c
        UNION ALL
        -- As the view pg_policies says it, which takes longer to plan than the rest to answer.
        SELECT format('policy %%s.%%s %%s %%s to %%s using %%s check %%s', relname, polname,
                      CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                      CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                                  ELSE 'ALL' END,
                      CASE WHEN polroles = '{0}' THEN '{public}'::name[]
                           ELSE ARRAY(SELECT pg_get_userbyid(role) FROM unnest(polroles) role ORDER BY 1) END,
                      pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        FROM c JOIN pg_policy ON polrelid = c.oid
        UNION ALL
        SELECT format('database open to all %%s %%s', has_database_privilege('public', current_database(), 'CONNECT'),
                      has_database_privilege('public', current_database(), 'TEMPORARY'))
        UNION ALL
        SELECT format('grant %%s.%%s to %%s', relname, acl.privilege_type,
                      CASE acl.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(acl.grantee) END)
        FROM c CROSS JOIN LATERAL aclexplode(relacl) acl
        ORDER BY 1
        """,
        {"schema": schema},
    ).fetchall()
    lines = [row[0] for row in rows]
    return lines if any(line.startswith("table ") for line in lines) else []
