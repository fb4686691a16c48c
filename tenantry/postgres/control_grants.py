"""Makes the privileges in the control database exactly those of ``migrations/control_grants.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from psycopg import sql
from psycopg.rows import tuple_row

from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.declaration.yaml_source import YamlFaults, parse, read_bytes
from tenantry.errors import InputError
from tenantry.naming import CONTROL_DIRECTORY, CONTROL_PORTAL
from tenantry.postgres.privileges import PUBLIC, Grant, granted, owners
from tenantry.settings import migrations_dir

if TYPE_CHECKING:
    import psycopg

FILE: Final = "control_grants.yaml"
ROLES: Final = frozenset({"application", "directory", "portal"})
"""What the file calls the roles."""


@cache
def read(file: Path) -> tuple[tuple[str, Grant], ...]:
    """What the file grants: its word for the role, and the grant without a role, its object without a schema.

    ``InputError`` for a file that is not there, is no YAML, or has an entry without a reason.
    """
    try:
        content, _ = parse(read_bytes(file))
    except YamlFaults as faults:
        fault = faults.faults[0]
        hint = fault.hint if file.exists() else f"take control/, isolation.sql and {FILE} over from this Tenantry's own migrations/"
        raise InputError(f"{file.parent.name}/{file.name}:{fault.line}:{fault.column}: {fault.message}", hint) from None
    return tuple((role, grant) for role, entries in content.items() for entry in entries for grant in _entry(file, role, entry))


def _entry(file: Path, role: str, entry: Mapping[str, Any]) -> Iterable[Grant]:
    if role not in ROLES or entry.keys() != {"on", "grant", "reason"} or not str(entry["reason"]).strip():
        raise InputError(
            f"{file}: an entry of {role} is not a role's `on`, `grant` and `reason`", f"the roles are {', '.join(sorted(ROLES))}"
        )
    kind, _, name = str(entry["on"]).partition(" ")
    for written in entry["grant"]:
        privilege, _, columns = str(written).partition(" (")
        for column in columns.rstrip(")").split(", "):
            yield Grant("", privilege, kind, name, column)


def wanted(connection: psycopg.Connection[Any], schema: str, app_role: str) -> set[Grant]:
    """What the file grants as ``granted`` says it, in this database. A platform that was made before there was a directory or a
    portal has no such role, until its next run has made it."""
    roles, database = {"application": app_role}, connection.info.dbname
    roles |= {word: role for word, role in (("directory", CONTROL_DIRECTORY), ("portal", CONTROL_PORTAL)) if _there(connection, role)}
    names = {"database": database, "schema": schema}
    return {
        grant._replace(role=roles[role], name=names.get(grant.kind) or f"{schema}.{grant.name}")
        for role, grant in read(migrations_dir() / FILE)
        if role in roles
    }


def differences(connection: psycopg.Connection[Any], schema: str, app_role: str) -> list[str]:
    """Grants that the file has and the database has not, and the other way round, one sorted line each."""
    asked, found = wanted(connection, schema, app_role), granted(connection)
    return sorted([*(f"not granted: {grant}" for grant in asked - found), *(f"not in {FILE}: {grant}" for grant in found - asked)])


def apply(connection: psycopg.Connection[Any], schema: str, owner: str, app_role: str) -> None:
    """Takes away what the file does not grant, whoever has it, and grants what it does; in the caller's transaction, as ``owner``.

    What is not the owner's is left alone, ``differences`` names it. Also says which configuration keys the application may change.
    Objects that an older revision does not have yet are passed over.
    """
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
    ours = _ours(connection)
    columns = _columns(connection)
    asked = {
        grant
        for grant in wanted(connection, schema, app_role)
        if (grant.kind, grant.name) in ours and (not grant.part or (grant.name, grant.part) in columns)
    }

    def found() -> set[Grant]:
        return {grant for grant in granted(connection) if (grant.kind, grant.name) in ours or _later_of_ours(connection, grant)}

    for grant in sorted(found() - asked):
        if not grant.missing:
            connection.execute(_statement("REVOKE", grant))
    left = found()  # a table's privilege takes those of its columns along
    for grant in sorted({grant for grant in left if grant.missing} | (asked - left)):
        connection.execute(_statement("GRANT", grant))
    _keys(connection, schema)
    connection.execute("SET LOCAL ROLE NONE")


def _ours(connection: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    """Objects whose owner the session's role is, or is a member of."""
    owned = owners(connection)
    allowed = {role for role in set(owned.values()) if _member(connection, role)}
    return {what for what, role in owned.items() if role in allowed}


def _columns(connection: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return set(
            cursor.execute(
                "SELECT format('%I.%I', relnamespace::regnamespace, relname), attname FROM pg_class JOIN pg_attribute"
                " ON attrelid = pg_class.oid WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v')"
            )
        )


def _later_of_ours(connection: psycopg.Connection[Any], grant: Grant) -> bool:
    """Whether it is a default privilege, of a maker in whose name the session's role may change it."""
    if not grant.kind.startswith("later"):
        return False
    maker = grant.name.partition(" in ")[0]
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_has_role(current_user, to_regrole(%s), 'USAGE')", [maker]).fetchone()
    return bool(row and row[0])


def _there(connection: psycopg.Connection[Any], role: str) -> bool:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def _member(connection: psycopg.Connection[Any], role: str) -> bool:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", [role]).fetchone()
    return bool(row and row[0])


def _statement(verb: Literal["GRANT", "REVOKE"], grant: Grant) -> sql.Composed:
    """The names come from the catalog or the reviewed file, in PostgreSQL's own spelling: quoted where they have to be."""
    what, before = grant.kind, ""
    if grant.kind.startswith("later "):
        maker, _, schema = grant.name.partition(" in ")
        before = f"ALTER DEFAULT PRIVILEGES FOR ROLE {maker} " + (f"IN SCHEMA {schema} " if schema else "")
        what = f"{grant.kind.removeprefix('later ')}"
    column = f" ({grant.part})" if grant.part else ""
    text = f"{before}{verb} {grant.privilege}{column} ON {what.upper()} {'' if before else grant.name}"
    role = sql.SQL(PUBLIC) if grant.role == PUBLIC else sql.Identifier(grant.role)
    ending = sql.SQL(" TO {}" if verb == "GRANT" else " FROM {} CASCADE").format(role)
    return sql.SQL(text) + ending


def _keys(connection: psycopg.Connection[Any], schema: str) -> None:
    ours = [key for key in CONFIGURATION_KEYS.values() if key.editor == "tenant_admin" and key.runtime]
    checked = [(key.key, key.type) for key in ours if key.type in ("boolean", "colour")]
    lines = [(key.key, key.type, key.minimum, key.maximum, key.type == "css" or key.key.endswith(".body")) for key in ours]
    _fill(connection, sql.Identifier(schema, "application_keys"), ("text", "text"), checked)
    _fill(connection, sql.Identifier(schema, "portal_keys"), ("text", "text", "integer", "integer", "boolean"), lines)


def _fill(connection: psycopg.Connection[Any], table: sql.Identifier, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Makes the table's rows exactly these; one that is right is not touched."""
    row = connection.execute("SELECT to_regclass(%s)::text AS found", [table.as_string()]).fetchone()
    if not row or not (row["found"] if isinstance(row, dict) else row[0]):
        return  # an older revision
    columns = [list(column) for column in zip(*rows, strict=True)]
    given = sql.SQL("SELECT * FROM unnest({})").format(sql.SQL(", ").join(sql.SQL(f"%s::{kind}[]") for kind in types))
    connection.execute(sql.SQL("DELETE FROM {0} a WHERE NOT EXISTS (SELECT a.* INTERSECT {1})").format(table, given), columns)
    connection.execute(sql.SQL("INSERT INTO {} ").format(table) + given + sql.SQL(" ON CONFLICT DO NOTHING"), columns)
