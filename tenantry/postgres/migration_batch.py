"""Migrates many schemas of one server, one after the other: what the first ones taught is done to the others in one round trip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus, TransactionStatus

from tenantry.errors import WorkError
from tenantry.postgres import migration_turns, migrations, revisions, table_rules
from tenantry.postgres.revisions import VERSION_TABLE
from tenantry.settings import migrations_dir

_THE_TENANT = "{tenant}"  # stand for a tenant's id and role in what is learned from one and done to the next
_THE_ROLE = "{role}"


Kind = Literal["own", "shared", "signed"]
"""Tables of one tenant's own, shared ones, shared ones in a database with signed contexts: what is learned of one holds for no other."""


@dataclass
class Learned:
    """What a roll-out has learned of one server from the first schemas that it migrated there; an empty one fills itself."""

    policies: dict[Kind, _Policy] = field(default_factory=dict)
    """Whose the tables are → how the server keeps the policy on them."""
    guards: dict[tuple[str, str], str] = field(default_factory=dict)
    """From and to which revision → what isolation.sql did to the new tables of a tenant's own."""


@dataclass(frozen=True)
class _Policy:
    """A policy as PostgreSQL keeps it: its tree, with the tenant's id as a list of its bytes. ``migration``: that of migrations."""

    tree: str
    signed: bool
    migration: str = ""

    @classmethod
    def of(cls, tree: str, migration: str, tenant_id: str) -> _Policy | None:
        """None where the tree does not show how a tenant's id is written in it."""
        if not tenant_id:
            return cls(tree, True, migration)
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
    question = (migrations_dir() / "unguarded.sql").read_text(encoding="utf-8")
    # The second is the first as a statement that fails: the COMMIT behind it in one text is then not reached.
    prepared = f"""
        SET lock_timeout = {int(lock_seconds * 1000)}; SET plan_cache_mode = force_generic_plan;
        PREPARE tenantry_unguarded (name, name, text, text) AS {question};
        PREPARE tenantry_guarded (name, name, text, text) AS
            SELECT 1 / (cardinality(unguarded) = 0 AND placed)::int FROM ({question}) AS found
    """  # noqa: S608  # our own file
    connection.execute(prepared.encode())


def advance(
    connection: psycopg.Connection, schema: str, current: str, target: str, *, owner: str, app_role: str, tenant_id: str, learned: Learned
) -> None:
    """Takes the tenant tables of ``schema``, which were at ``current`` when they were looked at, to ``target`` in one transaction.

    The same end as ``migrations.apply``, at a fraction of its cost for the second and every further schema: Alembic is asked for its SQL
    once, and what ``isolation.sql`` did to the new tables of one schema is done to the next ones without working it out again. Then the
    catalog is asked whether all is guarded exactly as ``isolation.sql`` would guard it; nothing is committed before it says so. All of
    that is one text. Where it fails, and would again, the schema goes the long way, step by step, whose word counts. ``learned`` is kept
    by the caller, one per server. The connection went through ``prepare``. Raises what PostgreSQL raises, and then nothing of it stays.
    """
    roles: migrations.Roles = {"owner": owner, "app_role": app_role, "tenant_id": tenant_id}
    script, kind = revisions.rendered("tenant", current, target), _kind(connection, tenant_id)
    policy, guards = learned.policies.get(kind), learned.guards.get((current, target))
    try:
        if kind == "own" and script and policy and guards is not None:
            guards = guards.replace(_THE_TENANT, tenant_id).replace(_THE_ROLE, sql.Identifier(app_role).as_string())
            question = ", ".join(_literal(text) for text in (schema, app_role, policy.naming(tenant_id), ""))
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
        connection.execute(f"BEGIN; {migrations.entering_as(schema, **roles).as_string(connection)}".encode())
        found = str(_last_row(connection, f"TABLE {VERSION_TABLE}")[0])
        if found not in revisions.revisions("tenant"):
            raise WorkError(f"at revision {found} meanwhile, which is not ours", "it was migrated by a newer Tenantry: use that one")
        script = revisions.rendered("tenant", found, target) if found != target else ""
        if script:
            if kind != "own":
                migrations.open_to_revisions(connection)
            before = table_rules.faults(connection, schema, shared=kind != "own")
            guards = _run_guarded(connection, schema, script, app_role, tenant_id, learned, kind)
            table_rules.refuse_new(connection, schema, before, shared=kind != "own")
            if kind == "own" and guards is not None:
                learned.guards[(found, target)] = guards
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        raise
    if script is None:
        connection.autocommit = False
        with migrations.applied_once(connection, "tenant", schema, revision=target, **roles):
            pass
        connection.autocommit = True


def _run_guarded(
    connection: psycopg.Connection,
    schema: str,
    script: str,
    app_role: str,
    tenant_id: str,
    learned: Learned,
    kind: Kind,
) -> str | None:
    """Runs the script in the open transaction, and then isolation for what lacks it; what that did, None where it did all."""
    isolation = revisions.isolation()
    if kind not in learned.policies:
        connection.execute(script.encode(), prepare=False)
        connection.execute(isolation, prepare=False)
        row = connection.execute(
            "SELECT replace(replace(p.polqual::text, format(':varattno %s ', a.attnum), ':varattno 1 '),"
            " format(':varattnosyn %s ', a.attnum), ':varattnosyn 1 '), coalesce(m.polqual::text, '')"
            " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped"
            " LEFT JOIN pg_policy m ON m.polrelid = c.oid AND m.polname = 'migration'"
            " WHERE p.polname = 'tenant_isolation' AND c.relnamespace = current_schema()::regnamespace LIMIT 1"
        ).fetchone()
        policy = _Policy.of(str(row[0]), str(row[1]), tenant_id) if row else None
        if policy:
            learned.policies[kind] = policy
        return None
    policy = learned.policies[kind]
    question = sql.SQL("SET LOCAL search_path TO pg_catalog; EXECUTE tenantry_unguarded ({}, {}, {}, {})").format(
        schema, app_role, policy.naming(tenant_id), policy.migration
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
        guards = guards.replace(f"'{tenant_id}'", f"'{_THE_TENANT}'")
    return guards


def _kind(connection: psycopg.Connection, tenant_id: str) -> Kind:
    if tenant_id:
        return "own"
    row = connection.execute("SELECT to_regprocedure('tenantry_context.tenant()') IS NULL").fetchone()
    return "shared" if row is None or row[0] else "signed"


def _as_owner(schema: str, owner: str) -> str:
    """The first statement of a transaction that migrates ``schema``: as its owner, in turn with others."""
    path = migrations.search_path(schema)
    return (
        f"SELECT set_config('role', {_literal(owner)}, true), set_config('search_path', {_literal(path)}, true),"
        f" set_config('{migrations.MIGRATING}', 'on', true); {migration_turns.TURN.as_string()}"
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
