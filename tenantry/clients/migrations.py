"""Applies the SQL in migrations/ with Alembic: `control/` to the registry, `tenant/` to every tenant store."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Literal

import psycopg
from psycopg import sql

from tenantry.clients.postgres import may_act_as
from tenantry.errors import WorkError

Tree = Literal["control", "tenant"]

# Your application's tables are not ours: TENANTRY_MIGRATIONS names another folder of this shape.
ROOT = Path(os.environ.get("TENANTRY_MIGRATIONS") or Path(__file__).resolve().parents[2] / "migrations").resolve()
VERSION_TABLE = "alembic_version"

# alembic.context and alembic.op are one per process; the engine's provider runs several resources at once.
_ALEMBIC = Lock()


@cache
def head(tree: Tree) -> str:
    """The newest revision of a tree, read from the file names alone: every Pulumi run asks, and importing Alembic takes a second."""
    return max(path.name.split("_")[0] for path in (ROOT / tree).glob("[0-9]*_*.py"))


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
    past ``revision`` stays where it is. Raises what PostgreSQL raises, and then nothing of it stays; ``WorkError`` when the schema
    is at a revision that this tree does not have.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    config = Config()
    config.set_main_option("script_location", str(ROOT))
    config.set_main_option("version_locations", str(ROOT / tree))
    config.set_main_option("path_separator", "os")
    may_act_as(connection, owner)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as bound:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
        for name, value in (
            ("tenantry.app_role", app_role),
            ("tenantry.tenant_id", tenant_id),
            ("tenantry.platform_role", platform_role),
        ):
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        config.attributes.update(connection=bound, schema=schema)
        with _ALEMBIC:
            try:
                command.upgrade(config, revision)
            except CommandError as error:
                raise WorkError(
                    f"{schema} cannot go to revision {revision}: {error}", "it was migrated by a newer Tenantry: use that one"
                ) from error
        connection.execute((ROOT / "isolation.sql").read_bytes())


def run_sql_beside(python_file: str) -> None:
    """For a migration: runs the .sql file that stands beside the .py file and has its name."""
    from alembic import op

    op.get_bind().exec_driver_sql(Path(python_file).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


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
