"""postgresql.Database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

import psycopg
from psycopg import sql

from local.plugins.framework import Context, Field, PartialFailure, Props, ProviderError, ResourceType
from local.plugins.postgresql.server import Server, explained, join, leave, lock_role, member_of

READ: Final = """
SELECT d.datname, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, t.spcname,
       d.datconnlimit, d.datallowconn, d.datistemplate
  FROM pg_database d JOIN pg_tablespace t ON d.dattablespace = t.oid WHERE d.datname = %s
"""
COLUMNS: Final = (
    "name",
    "owner",
    "encoding",
    "lcCollate",
    "lcCtype",
    "tablespaceName",
    "connectionLimit",
    "allowConnections",
    "isTemplate",
)


class Database(ResourceType):
    """Its id is its name."""

    token = "postgresql:index/database:Database"  # noqa: S105
    fields: ClassVar = {
        "name": Field(autoname=True),
        "owner": Field(computed=True),
        "template": Field(computed=True, replaces=True),
        "encoding": Field(computed=True, replaces=True),
        "lcCollate": Field(computed=True, replaces=True),
        "lcCtype": Field(computed=True, replaces=True),
        "tablespaceName": Field(computed=True),
        "connectionLimit": Field(int, default=-1, minimum=-1),
        "allowConnections": Field(bool, default=True),
        "isTemplate": Field(bool, computed=True),
        "alterObjectOwnership": Field(bool, default=False),
    }

    def create(self, client: Server, new: Props, ctx: Context) -> tuple[str, Props]:
        name, owner = new["name"], new.get("owner") or client.current_user
        options = [
            sql.SQL("OWNER {}").format(sql.Identifier(owner)),
            _option("TEMPLATE", new.get("template") or "template0", sql.Identifier),
            _option("ENCODING", new.get("encoding") or "UTF8", sql.Literal),
        ]
        options += [
            _option(word, new[key], sql.Literal) for key, word in (("lcCollate", "LC_COLLATE"), ("lcCtype", "LC_CTYPE")) if new.get(key)
        ]
        if new.get("tablespaceName"):
            options.append(_option("TABLESPACE", new["tablespaceName"], sql.Identifier))
        options += [
            sql.SQL("ALLOW_CONNECTIONS {}").format(sql.Literal(new["allowConnections"])),
            sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(new["connectionLimit"])),
            sql.SQL("IS_TEMPLATE {}").format(sql.Literal(bool(new.get("isTemplate")))),
        ]
        with explained(f"creating database {name}"), client.session() as connection, _as_owner(client, connection, new.get("owner")):
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(" ").join(options)))
        return name, self.read(client, name, new, ctx) or {}

    def read(self, client: Server, id: str, state: Props, ctx: Context) -> Props | None:
        with explained(f"reading database {id}"), client.transaction() as connection:
            row = connection.execute(READ, [id]).fetchone()
        if row is None:
            return None
        # The server does not remember the template; template0 is what is used where the program names none.
        return dict(zip(COLUMNS, row, strict=True)) | {"id": row[0], "template": state.get("template") or "template0"}

    def update(self, client: Server, id: str, old: Props, new: Props, ctx: Context) -> Props:
        before, name = old["name"], new["name"]
        changed = {key for key in self.fields if not self.same(key, old.get(key), new.get(key))}
        database = sql.Identifier(name)
        done = before
        try:
            with explained(f"updating database {before}"), client.session() as connection:
                if "name" in changed:
                    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(before), database))
                    done = name
                if changed & {"owner", "alterObjectOwnership"} and new.get("owner") and new.get("alterObjectOwnership"):
                    _reassign_objects(client, name, new["owner"])
                if "owner" in changed and new.get("owner"):
                    with _as_owner(client, connection, new["owner"]):
                        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(new["owner"])))
                if "tablespaceName" in changed:
                    space = new.get("tablespaceName")
                    clause = (
                        sql.SQL("RESET TABLESPACE")
                        if not space or space.upper() == "DEFAULT"
                        else _option("SET TABLESPACE", space, sql.Identifier)
                    )
                    connection.execute(sql.SQL("ALTER DATABASE {} {}").format(database, clause))
                for key, words in (
                    ("connectionLimit", "CONNECTION LIMIT"),
                    ("allowConnections", "ALLOW_CONNECTIONS"),
                    ("isTemplate", "IS_TEMPLATE"),
                ):
                    if key in changed:
                        connection.execute(sql.SQL("ALTER DATABASE {} WITH " + words + " {}").format(database, sql.Literal(new[key])))
        except ProviderError as error:
            # These statements have no common transaction: what was done has to be recorded.
            current = self.read(client, done, old, ctx)
            raise PartialFailure(id, old | (current or {}), error.message, error.hint) from error
        return self.read(client, name, new, ctx) or {}

    def delete(self, client: Server, id: str, state: Props, ctx: Context) -> None:
        name = state["name"]
        database = sql.Identifier(name)
        with explained(f"dropping database {name}"), client.session() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                return
            with _as_owner(client, connection, state.get("owner")):
                if state.get("isTemplate"):
                    connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(database))
                connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name]
                )
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@contextmanager
def _as_owner(client: Server, connection: psycopg.Connection, owner: str | None) -> Iterator[None]:
    """Makes the current user a member of the owner for the block, which a role that is no superuser has to be to give a database away."""
    if not owner:
        yield
        return
    # Two creations at once would undo each other's membership.
    lock_role(connection, client.current_user)
    joined = join(connection, owner, client.current_user)
    try:
        yield
    finally:
        if joined and not connection.closed:  # else: what broke it is the error to tell of, and whether it passes is read from its words
            leave(connection, owner, client.current_user)


def _reassign_objects(client: Server, name: str, owner: str) -> None:
    with client.transaction(name) as connection:
        lock_role(connection, client.current_user)
        row = connection.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [name]).fetchone()
        current = row[0] if row else owner
        if current != owner:
            with member_of(connection, [current]):
                connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(sql.Identifier(current), sql.Identifier(owner)))


def _option(words: str, value: str, quoted: type[sql.Identifier] | type[sql.Literal]) -> sql.Composable:
    """``WORDS value``, where DEFAULT is SQL's own word."""
    return sql.SQL(words) + sql.SQL(" ") + (sql.SQL("DEFAULT") if value.upper() == "DEFAULT" else quoted(value))
