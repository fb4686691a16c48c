"""What an application's login may take of its server: settings of the role, kept as they are here, and no large objects.

Most are defaults that a session may raise for itself by SET, and PostgreSQL has no way to forbid that: they bound what a forgotten
transaction or a runaway query takes, not what someone does who can run SQL of his own. `temp_file_limit` and the connection limit (the
role's own) cannot be raised. A role may change its own settings and password, too: that is found and mended, not prevented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from tenantry import naming
from tenantry.postgres.connect_rights import LOGIN

STATEMENT: Final = 60_000
IDLE_IN_TRANSACTION: Final = 60_000
"""Milliseconds. As whole numbers, as the postgresql provider reads them, which knows these two settings of a role."""

SETTINGS: Final[Mapping[str, str]] = {
    "statement_timeout": str(STATEMENT),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION),
    "lock_timeout": "10000",  # of two that wait for each other's tables one lets go, and nobody queues behind it for long
    "idle_session_timeout": "3600000",
    "transaction_timeout": "300000",  # PostgreSQL 17 and newer
    "temp_file_limit": "2097152",  # kB a session; only who may set it at all, a superuser or a role with that right, can give it to a role
}
"""Setting → value, as the catalog keeps it."""

_LARGE_OBJECTS: Final = (
    "lo_creat", "lo_create", "lo_from_bytea", "lo_import", "lo_export", "lo_open", "lo_put", "lowrite", "lo_truncate", "lo_truncate64",
    "lo_unlink",
)  # fmt: skip
_EVERYWHERE: Final = 0  # pg_db_role_setting.setdatabase


def expected(connection: psycopg.Connection) -> dict[str, str]:
    """``SETTINGS``, as far as this server has them and this administrator may give them."""
    row = connection.execute("SELECT has_parameter_privilege('temp_file_limit', 'SET')").fetchone()
    wanted = dict(SETTINGS)
    if connection.info.server_version < 170_000:
        del wanted["transaction_timeout"]
    if row is None or not row[0]:
        del wanted["temp_file_limit"]
    return wanted


def faults(connection: psycopg.Connection, only: str | None = None) -> dict[str, list[str]]:
    """Login → what is not as it should be, as sentences without a subject, for every login of an application's or for ``only`` one."""
    found: dict[str, list[str]] = {}
    for role, settings in _settings(connection, only).items():
        wanted = expected(connection)
        ours = {name: value for name, value in settings.get(_EVERYWHERE, {}).items() if name in SETTINGS}
        lines = [f"has not {name} = {value}" for name, value in wanted.items() if ours.get(name) != value]
        lines += [f"sets {name}" for name in sorted(_own(settings))]
        found[role] = lines
    for role, group in _memberships(connection, only):
        if role != naming.second_login(group):
            found[role].append(f"is a member of {group}")
    for role, differences in _seconds(connection, only).items():
        found[role] += differences
    return {role: lines for role, lines in found.items() if lines}


def mend(connection: psycopg.Connection, only: str | None = None) -> None:
    """Gives the logins the settings that they should have and takes away what they should not have, in the caller's transaction.

    The administrator's, who may alter them.
    """
    for role in faults(connection, only):
        name, settings = sql.Identifier(role), _settings(connection, role)[role]
        for database, values in settings.items():
            where = sql.SQL("IN DATABASE {}").format(sql.Identifier(_name(connection, database))) if database else sql.SQL("")
            for key in sorted(set(values) & _own({database: values})):
                connection.execute(sql.SQL("ALTER ROLE {} {} RESET {}").format(name, where, sql.Identifier(*key.split("."))))
        for key, value in expected(connection).items():
            connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(key), sql.Literal(value)))
        for _, group in _memberships(connection, role):
            if role != naming.second_login(group):
                connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(group), name))
    for role in _seconds(connection, only):
        _as_the_first(connection, role)


def large_objects_open(connection: psycopg.Connection) -> bool:
    """Whether everybody may make or change large objects in the connection's database: they are in no backup and nobody's rows."""
    row = connection.execute(
        "SELECT bool_or(has_function_privilege('public', oid, 'EXECUTE')) FROM pg_proc"
        " WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)",
        [list(_LARGE_OBJECTS)],
    ).fetchone()
    return bool(row and row[0])


def shut_large_objects(connection: psycopg.Connection) -> None:
    """Takes that from everybody, where the administrator may: they are a superuser's functions. Otherwise they stay open."""
    if not large_objects_open(connection):
        return
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or not row[0]:
        return
    functions = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)",
        [list(_LARGE_OBJECTS)],
    ).fetchall()
    names = ", ".join(name for (name,) in functions)
    connection.execute(f"REVOKE EXECUTE ON FUNCTION {names} FROM PUBLIC".encode())  # names that PostgreSQL has quoted


def _own(settings: Mapping[int, Mapping[str, str]]) -> set[str]:
    """Settings that no one but the role itself gave it. Its search path in a database is ours (components/resources/store.py)."""
    return {
        name
        for database, values in settings.items()
        for name in values
        if not (name in SETTINGS if database == _EVERYWHERE else name == "search_path")
    }


def _settings(connection: psycopg.Connection, only: str | None) -> dict[str, dict[int, dict[str, str]]]:
    """Login → database's oid (0: all) → setting → value."""
    rows: Iterable[tuple[Any, ...]] = connection.execute(
        """
        SELECT r.rolname, s.setdatabase::bigint, s.setconfig FROM pg_roles r LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid
        WHERE CASE WHEN %(only)s::text IS NULL THEN r.rolname ~ '__(app2?|directory)(_b)?$' ELSE r.rolname = %(only)s END
        """,
        {"only": only},
    ).fetchall()
    found: dict[str, dict[int, dict[str, str]]] = {}
    for role, database, entries in rows:
        if only is None and not LOGIN.fullmatch(role):
            continue
        found.setdefault(role, {})
        if entries:
            found[role][database] = dict(entry.split("=", 1) for entry in entries)
    return found


def _memberships(connection: psycopg.Connection, only: str | None) -> list[tuple[str, str]]:
    rows = connection.execute(
        "SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid"
        " WHERE CASE WHEN %(only)s::text IS NULL THEN m.rolname ~ '__(app2?|directory)(_b)?$' ELSE m.rolname = %(only)s END ORDER BY 1, 2",
        {"only": only},
    ).fetchall()
    return [(role, group) for role, group in rows if only is not None or LOGIN.fullmatch(role)]


def _seconds(connection: psycopg.Connection, only: str | None) -> dict[str, list[str]]:
    """Second login → how it differs from the first one, whose member it is: what the first may do is all that it may."""
    rows = connection.execute(
        """
        SELECT b.rolname, a.rolname, pg_has_role(b.oid, a.oid, 'USAGE') AND b.rolinherit, a.rolcanlogin, b.rolcanlogin, a.rolconnlimit,
               b.rolconnlimit
        FROM pg_roles a JOIN pg_roles b ON b.rolname = a.rolname || '_b'
        WHERE CASE WHEN %(only)s::text IS NULL THEN b.rolname ~ '__(app2?|directory)_b$' ELSE b.rolname = %(only)s END
        """,
        {"only": only},
    ).fetchall()
    found: dict[str, list[str]] = {}
    for role, first, has_its_rights, first_may_log_in, may_log_in, first_limit, limit in rows:
        lines = {
            f"has not the rights of {first}": not has_its_rights,
            f"may {'' if may_log_in else 'not '}log in, other than {first}": may_log_in != first_may_log_in,
            f"has not the connection limit of {first}, {first_limit}": limit != first_limit,
        }
        if (only is not None or LOGIN.fullmatch(role)) and any(lines.values()):
            found[role] = [line for line, wrong in lines.items() if wrong]
    return found


def _as_the_first(connection: psycopg.Connection, role: str) -> None:
    first = sql.Identifier(role.removesuffix("_b"))
    row = connection.execute("SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = %s", [role.removesuffix("_b")]).fetchone()
    if row is None:
        return
    connection.execute(
        sql.SQL("ALTER ROLE {} INHERIT {} CONNECTION LIMIT {}; GRANT {} TO {}").format(
            sql.Identifier(role), sql.SQL("LOGIN" if row[0] else "NOLOGIN"), sql.Literal(row[1]), first, sql.Identifier(role)
        )
    )


def _name(connection: psycopg.Connection, database: int) -> str:
    row = connection.execute("SELECT datname FROM pg_database WHERE oid = %s", [database]).fetchone()
    return str(row[0]) if row else ""
