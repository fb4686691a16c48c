"""Applies the SQL in migrations/ with Alembic: `control/` to the registry, `tenant/` to every tenant store."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NotRequired, TypedDict, Unpack

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.errors import TenantryError, TransientError, WorkError
from tenantry.postgres import (
    control_grants,
    extensions,
    locks,
    migration_turns,
    revisions,
    table_rules,
    tool_commands,
    tool_store,
)
from tenantry.postgres.server import may_act_as
from tenantry.settings import migrations_dir

MIGRATING: Final = "tenantry.migrating"
"""The setting that is `on` in a transaction that migrates: for isolation.sql's policy `migration` and a move's turnstile."""

LOCK_SECONDS: Final = 3.0
"""How long a migration waits for a lock, unless told otherwise: meanwhile everybody who comes after it waits too."""
ATTEMPTS: Final = 6
"""How often a migration is tried that had to wait for longer."""


class Roles(TypedDict):
    """Whose the tables are and who uses them, as isolation.sql wants to know it. Each may be left out but the first two."""

    owner: str
    app_role: str
    """Empty where nobody uses the tables (a template): they are not guarded."""
    tenant_id: NotRequired[str]
    """The only tenant of a store of its own."""
    platform_role: NotRequired[str]
    """Who may work across tenants."""


def apply(connection: psycopg.Connection, tree: revisions.Tree, schema: str, *, revision: str = "head", **roles: Unpack[Roles]) -> None:
    """Brings ``schema`` up to ``revision`` of ``tree`` and puts isolation.sql on its tables, as ``owner``, in one transaction.

    The connection is an administrator's, with no transaction open. Idempotent; two callers at once take turns. A schema that is
    past ``revision`` stays where it is. No statement waits for a lock for longer than ``LOCK_SECONDS``: all is let go then, and tried
    again; ``TransientError`` when someone holds one through ``ATTEMPTS``. Raises what else PostgreSQL raises, and then nothing of it
    stays; ``WorkError`` when the schema is at a revision that this tree does not have.
    """
    with applied(connection, tree, schema, revision=revision, **roles):
        pass


@contextmanager
def applied(
    connection: psycopg.Connection,
    tree: revisions.Tree,
    schema: str,
    *,
    revision: str = "head",
    first: sql.Composable | None = None,
    **roles: Unpack[Roles],
) -> Iterator[None]:
    """``apply``, and what else belongs into its transaction, as the administrator: the statement ``first``, and the block at its end."""
    with ExitStack() as stack:
        for number in range(1, ATTEMPTS + 1):
            try:
                once = applied_once(connection, tree, schema, revision=revision, first=first, lock_seconds=LOCK_SECONDS, **roles)
                stack.enter_context(once)
                break
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, tool_commands.Waited) as error:
                if number == ATTEMPTS:
                    holder = locks.on_tables(connection, schema)
                    raise TransientError(
                        f"lock timeout: another session held a lock on the tables of {schema} through {ATTEMPTS} attempts{holder}",
                        "wait for that transaction, a backup's or a report's, or end it (pg_stat_activity), then run the same again",
                    ) from error
                time.sleep(number * random.uniform(0.3, 1.0))  # noqa: S311  # not for secrets: who queued behind us gets a turn
        yield


@contextmanager
def applied_once(
    connection: psycopg.Connection,
    tree: revisions.Tree,
    schema: str,
    *,
    revision: str = "head",
    first: sql.Composable | None = None,
    lock_seconds: float | None = None,
    **roles: Unpack[Roles],
) -> Iterator[None]:
    """``applied`` in one attempt: it waits ``lock_seconds`` for a lock on a table, or as long as the session does."""
    may_act_as(connection, roles["owner"])
    if (tool := revisions.tool(tree)) is not None:
        target = revisions.head(tree) if revision == "head" else revision
        job = tool_store.Job(
            tool, schema, target, roles["owner"], roles["app_role"], roles.get("tenant_id", ""), lock_seconds or LOCK_SECONDS
        )
        with _by_tool(connection, job, first, lock_seconds, **roles):
            yield
        return
    entering = sql.SQL(";").join([first or sql.SQL(""), entering_as(schema, **roles)])
    if lock_seconds is not None:  # after the wait for its turn: whoever waits for that holds no table
        entering += sql.SQL("; SET LOCAL lock_timeout = {}").format(int(lock_seconds * 1000))
    leaving = b"SET LOCAL ROLE NONE; SET LOCAL search_path TO DEFAULT"
    if roles["app_role"]:  # nothing is guarded where nobody comes
        leaving = revisions.isolation() + leaving
    with connection.transaction():
        connection.execute(entering, prepare=False)
        if revisions.version(connection, schema) == (revisions.head(tree) if revision == "head" else revision):
            # Nothing to migrate, and so no second spent on importing Alembic.
            connection.execute(leaving, prepare=False)
            _grant(connection, tree, schema, **roles)
            if tree == "tenant":
                extensions.bring_home(connection, schema)
            yield
            return

    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    config = revisions._configuration(tree)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as bound:
        connection.execute(entering, prepare=False)
        if shared(**roles):
            open_to_revisions(connection)
        if tree == "tenant":
            _make_extensions(connection, tree, schema)
        # Rows that are staged come from tables that stand; the registry's tables are the platform's.
        judged = tree == "tenant" and roles["app_role"] not in ("", roles["owner"])
        before = table_rules.faults(connection, schema, shared=shared(**roles)) if judged else {}
        config.attributes.update(connection=bound, schema=schema)
        with revisions._ALEMBIC:
            try:
                command.upgrade(config, revision)
            except CommandError as error:
                raise WorkError(
                    f"{schema} cannot go to revision {revision}: {error}", "it was migrated by a newer Tenantry: use that one"
                ) from error
            except DBAPIError as error:
                if isinstance(error.orig, psycopg.Error):  # who calls knows what a lock or a row is, and not SQLAlchemy
                    raise extensions.explained(error.orig) from error
                raise
        if judged:
            table_rules.refuse_new(connection, schema, before, shared=shared(**roles))
        connection.execute(leaving, prepare=False)
        _grant(connection, tree, schema, **roles)
        if tree == "tenant":
            extensions.bring_home(connection, schema)
        yield


@contextmanager
def _by_tool(
    connection: psycopg.Connection, job: tool_store.Job, first: sql.Composable | None, lock_seconds: float | None, **roles: Unpack[Roles]
) -> Iterator[None]:
    """``applied_once`` where the application's own tool makes the tables: shut in one transaction, migrated, and guarded in another."""
    entering = sql.SQL(";").join([first or sql.SQL(""), entering_as(job.schema, **roles)])
    if lock_seconds is not None:
        entering += sql.SQL("; SET LOCAL lock_timeout = {}").format(int(lock_seconds * 1000))
    with connection.transaction():
        connection.execute(entering, prepare=False)
        entry = tool_store.read(connection)
        if entry.revision == job.target and entry.begun is None:
            _guard(connection, job, whole=True)
            yield
            return
        if shared(**roles):
            open_to_revisions(connection)
        makes = extensions.making("\n".join(f"CREATE EXTENSION IF NOT EXISTS {_quoted(name)};" for name in job.tool.extensions))
        try:
            connection.execute(makes.encode(), prepare=False)
        except psycopg.Error as error:
            raise extensions.explained(error) from error
        tool_store.shut(connection, job, entry)
    failure: TenantryError | None = None
    with connection.transaction():
        connection.execute(entering, prepare=False)
        entry = tool_store.read(connection)  # whoever came in between has had its turn
        try:
            tool_store.run(connection, job, entry)
        except TenantryError as error:
            failure = error
        tool_store.refuse(connection, job, entry)
        tool_store.ended(connection, job, entry, well=failure is None)
        _guard(connection, job, whole=False)
        if failure is None:
            yield
    if failure is not None:
        raise failure


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _guard(connection: psycopg.Connection, job: tool_store.Job, *, whole: bool) -> None:
    """The end of a store's transaction, whose tables its own tool made; as the administrator then.

    Without ``whole``, what is guarded exactly as the last time is left alone: isolation.sql needs a lock on what it touches, and a store
    is to be opened whoever reads in it.
    """
    if job.app_role:
        known = {} if whole else tool_store.known_guards(connection, job)
        if known:
            changed = [name for name, found in tool_store.guards(connection, job).items() if known.get(name) != found]
            connection.execute("SELECT set_config('tenantry.only', %s::text[]::text, true)", [changed])
        connection.execute(revisions.isolation(), prepare=False)
        tool_store.shield(connection, job)
        tool_store.remember_guards(connection, job)
    connection.execute("SET LOCAL ROLE NONE; SET LOCAL search_path TO DEFAULT")
    extensions.bring_home(connection, job.schema)


def _grant(connection: psycopg.Connection, tree: revisions.Tree, schema: str, **roles: Unpack[Roles]) -> None:
    """In the control database, where isolation.sql grants nothing."""
    if tree == "control" and roles["app_role"]:
        control_grants.apply(connection, schema, roles["owner"], roles["app_role"])


def entering_as(schema: str, **roles: Unpack[Roles]) -> sql.Composed:
    """How a transaction that migrates ``schema`` begins: as its owner, with what isolation.sql wants to know, in turn with others."""
    settings = {
        "search_path": search_path(schema),
        "tenantry.app_role": roles["app_role"],
        "tenantry.tenant_id": roles.get("tenant_id", ""),
        "tenantry.platform_role": roles.get("platform_role", ""),
        "tenantry.only": "",
        MIGRATING: "on",
    }
    lines: list[sql.Composable] = [sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(roles["owner"]))]
    calls = [sql.SQL("set_config({}, {}, true)").format(key, value) for key, value in settings.items()]
    lines += [sql.SQL("SELECT ") + sql.SQL(", ").join(calls)]
    lines += (
        [tool_store.THERE, tool_store.TURN]
        if revisions.version_table(schema) == revisions.RECORD
        else [migration_turns.TABLE_THERE, migration_turns.TURN]
    )
    if not roles.get("platform_role"):
        lines += [sql.SQL(extensions.HOME)]
    return sql.SQL(";").join(lines)


def search_path(schema: str) -> str:
    """Where a store's tables, and whoever uses them, look for names: the schema first, where new tables go, then the extensions."""
    return ", ".join(sql.Identifier(name).as_string() for name in naming.search_path(schema))


def shared(**roles: Unpack[Roles]) -> bool:
    """Whether many tenants' rows are in the tables."""
    return bool(roles["app_role"]) and not roles.get("tenant_id") and not roles.get("platform_role")


def open_to_revisions(connection: psycopg.Connection) -> None:
    """Behind ``entering_as``, before a revision of shared tables: puts the policy on those that lack it by which the revision sees every
    tenant's rows. Without it an UPDATE finds no row and says that all is well. It is there since the tables were last guarded; those of
    an older Tenantry have none yet."""
    connection.execute(
        """
        SELECT set_config('tenantry.only', array(
            SELECT c.relname FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relrowsecurity
                AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'migration')
        )::text, true)
        """
    )
    connection.execute(revisions.isolation() + b"; SELECT set_config('tenantry.only', '', true)", prepare=False)


def _make_extensions(connection: psycopg.Connection, tree: revisions.Tree, schema: str) -> None:
    """Those that the revisions which the schema has not had yet are to find."""
    found = revisions.version(connection, schema) or ""
    paths = sorted((migrations_dir() / tree).glob("[0-9]*_*"))
    texts = [path.read_text(encoding="utf-8") for path in paths if path.name.split("_")[0] > found]
    try:
        connection.execute(extensions.making("\n".join(texts)).encode(), prepare=False)
    except psycopg.Error as error:
        raise extensions.explained(error) from error
