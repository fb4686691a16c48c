"""postgresql.Role: a role, its attributes, settings and memberships."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final

import psycopg
from psycopg import sql

from local.plugins.framework import UNKNOWN, Context, Field, Props, ProviderError, ResourceType
from local.plugins.postgresql.server import Server, explained, lock_role, member_of

FLAGS: Final = {
    "superuser": ("rolsuper", "SUPERUSER"),
    "createDatabase": ("rolcreatedb", "CREATEDB"),
    "createRole": ("rolcreaterole", "CREATEROLE"),
    "inherit": ("rolinherit", "INHERIT"),
    "login": ("rolcanlogin", "LOGIN"),
    "replication": ("rolreplication", "REPLICATION"),
    "bypassRowLevelSecurity": ("rolbypassrls", "BYPASSRLS"),
}
TIMEOUTS: Final = {"statementTimeout": "statement_timeout", "idleInTransactionSessionTimeout": "idle_in_transaction_session_timeout"}
READ: Final = """
SELECT rolname, rolconnlimit, COALESCE(rolvaliduntil::text, 'infinity'), rolconfig,
       rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolcanlogin, rolreplication, rolbypassrls,
       ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid ORDER BY 1)
  FROM pg_roles WHERE rolname = %s
"""


class Role(ResourceType):
    """Its id is its name."""

    token = "postgresql:index/role:Role"  # noqa: S105
    fields: ClassVar = {
        "name": Field(autoname=True),
        "password": Field(secret=True),
        "encrypted": Field(),
        "encryptedPassword": Field(bool, default=True),
        "roles": Field(list, unordered=True),
        "searchPaths": Field(list),
        "validUntil": Field(default="infinity"),
        "connectionLimit": Field(int, default=-1, minimum=-1),
        "superuser": Field(bool, default=False),
        "createDatabase": Field(bool, default=False),
        "createRole": Field(bool, default=False),
        "inherit": Field(bool, default=True),
        "login": Field(bool, default=False),
        "replication": Field(bool, default=False),
        "bypassRowLevelSecurity": Field(bool, default=False),
        "statementTimeout": Field(int, minimum=0),
        "idleInTransactionSessionTimeout": Field(int, minimum=0),
        "assumeRole": Field(),
        "skipDropRole": Field(bool, default=False),
        "skipReassignOwned": Field(bool, default=False),
    }

    def create(self, client: Server, new: Props, ctx: Context) -> tuple[str, Props]:
        name = new["name"]
        with explained(f"creating role {name}"), client.transaction() as connection:
            options = [sql.SQL(_flag(new, key)) for key in FLAGS]
            options += _password(new)
            options.append(sql.SQL("VALID UNTIL {}").format(sql.Literal(_expiry(new))))
            options.append(sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(new["connectionLimit"])))
            connection.execute(sql.SQL("CREATE ROLE {} WITH {}").format(sql.Identifier(name), sql.SQL(" ").join(options)))
            _grant(connection, name, new)
            _configure(connection, name, {}, new)
        return name, self.read(client, name, new, ctx) or {}

    def read(self, client: Server, id: str, state: Props, ctx: Context) -> Props | None:
        with explained(f"reading role {id}"), client.transaction() as connection:
            row = connection.execute(READ, [id]).fetchone()
            if row is None:
                return None
            name, limit, expiry, config, *flags, roles = row
            settings = dict(entry.split("=", 1) for entry in config or [])
            found: Props = dict(zip(FLAGS, flags, strict=True))
            found |= {key: int(settings.get(setting, 0)) for key, setting in TIMEOUTS.items()}
            found |= {
                "id": name,
                "name": name,
                "connectionLimit": limit,
                "validUntil": expiry,
                "roles": roles,
                "searchPaths": [part.strip('"') for part in settings["search_path"].split(", ")] if "search_path" in settings else [],
                "assumeRole": settings.get("role", ""),
                "encryptedPassword": True,
                "skipDropRole": bool(state.get("skipDropRole")),
                "skipReassignOwned": bool(state.get("skipReassignOwned")),
            }
            if state.get("password"):
                found["password"] = _current_password(client, connection, name, found["login"], state["password"])
            return found

    def update(self, client: Server, id: str, old: Props, new: Props, ctx: Context) -> Props:
        before, name = old["name"], new["name"]
        with explained(f"updating role {before}"), client.transaction() as connection:
            lock_role(connection, before)
            if name != before:
                connection.execute(sql.SQL("ALTER ROLE {} RENAME TO {}").format(sql.Identifier(before), sql.Identifier(name)))
            options = [sql.SQL(_flag(new, key)) for key in FLAGS if bool(old.get(key)) != bool(new.get(key))]
            # A renamed role keeps no MD5 password, so the password is set again then.
            if new.get("password") and (old.get("password") != new["password"] or name != before):
                options.append(sql.SQL("PASSWORD {}").format(sql.Literal(new["password"])))
            if old.get("validUntil") != new.get("validUntil"):
                options.append(sql.SQL("VALID UNTIL {}").format(sql.Literal(_expiry(new))))
            if old.get("connectionLimit") != new["connectionLimit"]:
                options.append(sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(new["connectionLimit"])))
            if options:
                connection.execute(sql.SQL("ALTER ROLE {} WITH {}").format(sql.Identifier(name), sql.SQL(" ").join(options)))
            _revoke(connection, name)
            _grant(connection, name, new)
            _configure(connection, name, old, new)
        return self.read(client, name, new, ctx) or {}

    def delete(self, client: Server, id: str, state: Props, ctx: Context) -> None:
        name = state["name"]
        with explained(f"deleting role {name}"), client.transaction() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
                return
            lock_role(connection, name)
            role = sql.Identifier(name)
            if not state.get("skipReassignOwned"):
                with member_of(connection, [name]):
                    connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(role, sql.Identifier(client.current_user)))
                    connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            if not state.get("skipDropRole"):
                connection.execute(sql.SQL("DROP ROLE {}").format(role))

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        paths = inputs.get("searchPaths")
        if isinstance(paths, list) and any(path is not UNKNOWN and ", " in path for path in paths):
            return [("searchPaths", "a search path cannot contain ', '")]
        return []


def _flag(new: Props, key: str) -> Any:
    return FLAGS[key][1] if new.get(key) else f"NO{FLAGS[key][1]}"


def _expiry(new: Props) -> str:
    wanted = new.get("validUntil") or "infinity"
    return "infinity" if wanted.lower() == "infinity" else wanted


def _password(new: Props) -> list[sql.Composable]:
    password = new.get("password")
    if not password:
        return []
    if password.upper() == "NULL":
        return [sql.SQL("PASSWORD NULL")]
    return [sql.SQL("ENCRYPTED PASSWORD {}" if new["encryptedPassword"] else "UNENCRYPTED PASSWORD {}").format(sql.Literal(password))]


def _grant(connection: psycopg.Connection, name: str, new: Props) -> None:
    for role in new.get("roles") or []:
        with explained(f"granting role {role} to {name}"):
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name)))


def _revoke(connection: psycopg.Connection, name: str) -> None:
    query = "SELECT pg_get_userbyid(roleid) FROM pg_auth_members JOIN pg_roles ON member = pg_roles.oid WHERE rolname = %s"
    for (role,) in connection.execute(query, [name]).fetchall():
        with explained(f"revoking role {role} from {name}"):
            connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), sql.Identifier(name)))


def _configure(connection: psycopg.Connection, name: str, old: Props, new: Props) -> None:
    role = sql.Identifier(name)
    paths = sql.SQL(", ").join(map(sql.Identifier, new.get("searchPaths") or [])) if new.get("searchPaths") else sql.SQL("DEFAULT")
    connection.execute(sql.SQL("ALTER ROLE {} SET search_path TO {}").format(role, paths))
    for key, setting in TIMEOUTS.items():
        if (old.get(key) or 0) != (new.get(key) or 0):
            value = sql.Literal(new.get(key)) if new.get(key) else sql.SQL("DEFAULT")
            connection.execute(sql.SQL("ALTER ROLE {} SET {} TO {}").format(role, sql.Identifier(setting), value))
    if (old.get("assumeRole") or "") != (new.get("assumeRole") or ""):
        value = sql.Identifier(new["assumeRole"]) if new.get("assumeRole") else sql.SQL("DEFAULT")
        connection.execute(sql.SQL("ALTER ROLE {} SET ROLE TO {}").format(role, value))


def _current_password(client: Server, connection: psycopg.Connection, name: str, login: bool, recorded: str) -> str:
    """The recorded password where the server's may be the same, else the server's hash, which a refresh shows as drift.

    A SCRAM hash tells nothing without the password's derivation, so the recorded one stays, as in the official plugin.
    """
    if not login or not client.superuser:
        return recorded
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = CURRENT_USER AND rolsuper").fetchone() is None:
        raise ProviderError(
            f"could not read the password of role {name}: {client.current_user} is not a superuser",
            "Set superuser=False on the provider: then it does not try.",
        )
    row = connection.execute("SELECT COALESCE(passwd, '') FROM pg_shadow WHERE usename = %s", [name]).fetchone()
    current: str = row[0] if row else ""
    if recorded.startswith(("md5", "SCRAM-SHA-256")):
        return current
    # MD5 is PostgreSQL's old password format, compared with here, chosen nowhere.
    md5 = "md5" + hashlib.md5((recorded + name).encode(), usedforsecurity=False).hexdigest()
    return recorded if current == md5 or current.startswith("SCRAM-SHA-256") else current
