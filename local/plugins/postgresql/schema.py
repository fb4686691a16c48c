"""postgresql.Schema."""

from __future__ import annotations

from typing import ClassVar

from psycopg import sql

from local.plugins.framework import Context, Field, Props, ProviderError, ResourceType
from local.plugins.postgresql.server import Server, explained, member_of


class Schema(ResourceType):
    """Its id is ``database.schema``."""

    token = "postgresql:index/schema:Schema"  # noqa: S105
    fields: ClassVar = {
        "name": Field(autoname=True),
        "database": Field(computed=True, replaces=True),
        "owner": Field(computed=True),
        "ifNotExists": Field(bool, default=True),
        "dropCascade": Field(bool, default=False),
        # Deprecated as an input in favour of Grant, and not served; the official plugin reports none either.
        "policies": Field(list, output=True),
    }

    def create(self, client: Server, new: Props, ctx: Context) -> tuple[str, Props]:
        database, name, owner = new.get("database") or client.database, new["name"], new.get("owner")
        with explained(f"creating schema {name} in database {database}"), client.transaction(database) as connection:
            row = connection.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()").fetchone()
            with member_of(connection, [role for role in (row and row[0], owner) if role]):
                # An existing schema is taken over, whatever ifNotExists says: so does the official plugin.
                if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]).fetchone() is None:
                    authorization = sql.SQL(" AUTHORIZATION {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)) + authorization)
                elif owner:
                    connection.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(owner)))
        id = f"{database}.{name}"
        return id, self.read(client, id, new, ctx) or {}

    def read(self, client: Server, id: str, state: Props, ctx: Context) -> Props | None:
        database, name = _place(client, id, state)
        with explained(f"reading schema {name} of database {database}"):
            with client.transaction() as connection:
                if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
                    return None
            with client.transaction(database) as connection:
                row = connection.execute("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s", [name]).fetchone()
        return {"id": f"{database}.{name}", "name": name, "database": database, "owner": row[0], "policies": []} if row else None

    def update(self, client: Server, id: str, old: Props, new: Props, ctx: Context) -> Props:
        database, before, name = new["database"], old["name"], new["name"]
        with explained(f"updating schema {before} of database {database}"), client.transaction(database) as connection:
            if name != before:
                connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(before), sql.Identifier(name)))
            if new.get("owner") and old.get("owner") != new["owner"]:
                connection.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(new["owner"])))
        return self.read(client, id, new, ctx) or {}

    def delete(self, client: Server, id: str, state: Props, ctx: Context) -> None:
        database, name = _place(client, id, state)
        if self.read(client, id, state, ctx) is None:
            return
        mode = sql.SQL("CASCADE" if state.get("dropCascade") else "RESTRICT")
        owners = [state["owner"]] if state.get("owner") else []
        with (
            explained(f"deleting schema {name} of database {database}"),
            client.transaction(database) as connection,
            member_of(connection, owners),
        ):
            connection.execute(sql.SQL("DROP SCHEMA {} {}").format(sql.Identifier(name), mode))


def _place(client: Server, id: str, state: Props) -> tuple[str, str]:
    """The schema's database and name: as recorded, or on import from the id."""
    if state.get("name"):
        return state.get("database") or client.database, state["name"]
    parts = id.split(".")
    if len(parts) != 2:
        raise ProviderError(f"schema ID {id} has not the expected format 'database.schema'", "Give it as database.schema.")
    return parts[0], parts[1]
