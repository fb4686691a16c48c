"""What the applications' logins may do on their servers, asked of the servers: attempts, and the catalog's word on every object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from tenantry import naming
from tenantry.postgres import own_server as own_server_client
from tenantry.postgres.login_limits import SETTINGS
from tests.environment import entered

ALLOWED: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))

NO_SYSTEM = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'"
TABLES = f"""
    SELECT n.nspname || '.' || c.relname, string_agg(verb, ' ' ORDER BY verb) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN unnest('{{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN}}'::text[]) verb
    WHERE {NO_SYSTEM} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (has_table_privilege(c.oid, verb)
        OR verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(c.oid, verb)) GROUP BY 1
"""
OTHERS = f"""
    SELECT 'sequence ' || c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {NO_SYSTEM} AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') ELSE false END
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {NO_SYSTEM} AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')
    UNION ALL
    SELECT 'create in ' || nspname FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE')
    UNION ALL
    SELECT 'large objects by ' || oid::regprocedure FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^lo_(creat|from_bytea|put|import|unlink|open|trunc)|^lowrite'
        AND has_function_privilege(oid, 'EXECUTE')
    UNION ALL
    SELECT 'member of ' || pg_get_userbyid(roleid) FROM pg_auth_members WHERE pg_get_userbyid(member) = current_user
    UNION ALL
    SELECT 'owns ' || oid::regclass FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""
REFUSED = (
    "CREATE TEMPORARY TABLE scratch (n int)",
    "CREATE TABLE mine (n int)",
    "CREATE SCHEMA mine",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    r"SELECT lo_from_bytea(0, '\x00')",
    "SELECT lo_import('/etc/hostname')",
    "LOCK TABLE alembic_version IN ACCESS SHARE MODE",
    "SET temp_file_limit = -1",
    "ALTER ROLE {me} SUPERUSER",
    "ALTER ROLE {me} CREATEDB",
    "ALTER ROLE {me} BYPASSRLS",
    "ALTER ROLE {me} CONNECTION LIMIT -1",
    "ALTER ROLE {me} VALID UNTIL 'infinity'",
    "ALTER ROLE {me} SET temp_file_limit = -1",
    "ALTER DATABASE {home} SET statement_timeout = 1",
    "ALTER SYSTEM SET statement_timeout = 1",
    "SET ROLE {owner}",
    "CREATE ROLE another",
)


def own_server(login: str) -> str | None:
    """The identifier of the server that is the login's tenant's own."""
    return naming.server_identifier("tenantry-dev", "t-instance") if login == naming.tenant_app("t-instance") else None


def passwords(platform: Any) -> dict[str, str]:
    """Every login's password; the service's is in no output."""
    found: dict[str, str] = {}
    for stack in ("shared", "t-database", "t-instance"):
        found |= platform.outputs(stack)["credentials"]
    exported = json.loads(platform.pulumi("stack", "export", "-s", "shared", "--show-secrets").stdout)
    control = next(r for r in exported["deployment"]["resources"] if r["urn"].endswith("::platform-control-tables"))
    password = control["outputs"]["password"]
    found[naming.CONTROL_APP] = json.loads(password["plaintext"]) if isinstance(password, dict) else password
    return found


def sessions_of(platform: Any, login: str, password: str, databases: list[str]) -> dict[str, psycopg.Connection | None]:
    """Database → a session of the login, or None where it is not let in."""
    found: dict[str, psycopg.Connection | None] = {}
    for database in databases:
        try:
            found[database] = platform.sql(database, user=login, password=password, port=platform.port(own_server(login)))
        except psycopg.OperationalError as error:
            if 'permission denied for database "' not in str(error) and "not currently accepting connections" not in str(error):
                raise
            found[database] = None
    return found


def databases(platform: Any, login: str) -> list[str]:
    """All databases of the login's server."""
    with platform.sql(port=platform.port(own_server(login)), **administrator(platform, login)) as admin:
        return [name for (name,) in admin.execute("SELECT datname FROM pg_database ORDER BY datname")]


def administrator(platform: Any, login: str) -> dict[str, str]:
    """Who administers the login's server."""
    identifier = own_server(login)
    if identifier is None:
        return {}
    with entered(platform.environment):
        server = own_server_client.must(identifier, "t-instance")
    return {"user": server.user, "password": server.password}


def found_rights(connection: psycopg.Connection) -> dict[str, Any]:
    """What the catalog says of the session's login in this database, in the file's words."""
    schemas = connection.execute(f"SELECT nspname FROM pg_namespace n WHERE {NO_SYSTEM} AND has_schema_privilege(oid, 'USAGE') ORDER BY 1")
    return {
        "schemas": {name for (name,) in schemas if name != "public"},
        "tables": dict(connection.execute(TABLES).fetchall()),
        "others": sorted(what if "." in what else what.replace("function ", "function control.") for (what,) in connection.execute(OTHERS)),
        "database": connection.execute("SELECT has_database_privilege(current_database(), 'TEMPORARY, CREATE')").fetchone()[0],  # type: ignore[index]
    }


def allowed_rights(login: str) -> dict[str, Any]:
    """What the file says."""
    entry = ALLOWED[login]
    schema = entry["schemas"][0]
    functions = sorted(f"function {schema}.{name}" for name in entry.get("functions", ()))
    return {
        "schemas": set(entry["schemas"]),
        "tables": {f"{schema}.{name}": verbs for name, verbs in entry.get("tables", {}).items()},
        "others": functions,
        "database": False,
    }


def settings_of(connection: psycopg.Connection) -> dict[str, str]:
    """The limits that the session began with, as the catalog writes them."""
    rows = connection.execute("SELECT name, reset_val FROM pg_settings WHERE name = ANY(%s)", [list(SETTINGS)]).fetchall()
    return dict(rows)


def refusals(connection: psycopg.Connection, login: str) -> list[str]:
    """Those statements that were *not* refused."""
    home = connection.info.dbname
    (owner,) = connection.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()").fetchone()  # type: ignore[misc]
    names = {"me": login, "home": home, "owner": owner}
    passed = []
    for text in REFUSED:
        statement = text.format(**{name: sql.Identifier(value).as_string() for name, value in names.items()})
        try:
            with connection.transaction():
                connection.execute(statement.encode())
        except psycopg.Error as error:
            if not isinstance(
                error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ActiveSqlTransaction | psycopg.errors.UndefinedObject
            ):
                passed.append(f"{statement}: {error}")
        else:
            passed.append(statement)
    return passed
