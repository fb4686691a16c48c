"""postgresql.Grant: what one role may do with one kind of object."""

from __future__ import annotations

import zlib
from typing import Any, ClassVar, Final

import psycopg
from psycopg import sql

from local.plugins.framework import Context, Field, Props, ProviderError, ResourceType
from local.plugins.framework.values import has_unknowns
from local.plugins.postgresql.server import Server, explained, lock_database, lock_role, member_of

PRIVILEGES: Final = {
    "database": {"CREATE", "CONNECT", "TEMPORARY"},
    "table": {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"},
    "sequence": {"USAGE", "SELECT", "UPDATE"},
    "schema": {"CREATE", "USAGE"},
    "function": {"EXECUTE"},
    "procedure": {"EXECUTE"},
    "routine": {"EXECUTE"},
    "foreign_data_wrapper": {"USAGE"},
    "foreign_server": {"USAGE"},
    "column": {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
}
OUTSIDE_SCHEMAS: Final = {"database", "foreign_data_wrapper", "foreign_server"}
WITHOUT_OBJECTS: Final = {"database", "schema"}
ONE_OBJECT: Final = {"column", "foreign_data_wrapper", "foreign_server"}
PUBLIC: Final = "public"

# The privileges of role %(role)s (an oid, 0 for PUBLIC) on each object of a kind: (object's name, privileges).
ACL: Final = {
    "database": "SELECT datname, datacl FROM pg_database WHERE datname = %(database)s",
    "schema": "SELECT nspname, nspacl FROM pg_namespace WHERE nspname = %(schema)s",
    "foreign_data_wrapper": "SELECT fdwname, fdwacl FROM pg_foreign_data_wrapper WHERE fdwname = ANY(%(objects)s)",
    "foreign_server": "SELECT srvname, srvacl FROM pg_foreign_server WHERE srvname = ANY(%(objects)s)",
    "table": "SELECT relname, relacl FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r'",
    "sequence": "SELECT relname, relacl FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'S'",
    "function": "SELECT proname, proacl FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace",
    "column": """SELECT attname, attacl FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                  WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r' AND relname = ANY(%(objects)s)""",
}
ACL["procedure"] = ACL["routine"] = ACL["function"]


class Grant(ResourceType):
    """Its id is ``role_database[_schema]_objecttype[_object…][_column…]``."""

    token = "postgresql:index/grant:Grant"  # noqa: S105
    delete_before_replace = True
    fields: ClassVar = {
        "role": Field(required=True, replaces=True),
        "database": Field(required=True, replaces=True),
        "schema": Field(replaces=True),
        "objectType": Field(required=True, replaces=True, choices=tuple(PRIVILEGES)),
        "objects": Field(list, replaces=True, unordered=True),
        "columns": Field(list, replaces=True, unordered=True),
        "privileges": Field(list, required=True, unordered=True),
        "withGrantOption": Field(bool, default=False, replaces=True),
    }

    def check(self, inputs: Props, olds: Props) -> list[tuple[str, str]]:
        kind = inputs.get("objectType")
        if kind not in PRIVILEGES or any(has_unknowns(inputs.get(key)) for key in ("schema", "objects", "columns", "privileges")):
            return []
        objects, columns, privileges = (inputs.get(key) or [] for key in ("objects", "columns", "privileges"))
        refused = [each for each in privileges if each not in PRIVILEGES[kind] | {"ALL"}]
        rules = {
            "schema": (not inputs.get("schema") and kind not in OUTSIDE_SCHEMAS, f"a schema is needed for the object type {kind}"),
            "objects": (
                (objects and kind in WITHOUT_OBJECTS) or (len(objects) != 1 and kind in ONE_OBJECT),
                f"the object type {kind} takes {'no' if kind in WITHOUT_OBJECTS else 'exactly one'} object",
            ),
            "columns": (bool(columns) != (kind == "column"), "columns go with the object type column, and with no other"),
            "privileges": (
                bool(refused) or (len(privileges) != 1 and kind == "column"),
                f"{', '.join(refused)} is not an allowed privilege for object type {kind}"
                if refused
                else "a grant on columns is of exactly one privilege",
            ),
        }
        return [(name, reason) for name, (wrong, reason) in rules.items() if wrong]

    def create(self, client: Server, new: Props, ctx: Context) -> tuple[str, Props]:
        self._apply(client, new, new)
        id = _id(new)
        return id, self.read(client, id, new, ctx) or {}

    def update(self, client: Server, id: str, old: Props, new: Props, ctx: Context) -> Props:
        self._apply(client, old, new)
        return self.read(client, id, new, ctx) or {}

    def delete(self, client: Server, id: str, state: Props, ctx: Context) -> None:
        if self._exists(client, state):
            self._apply(client, state, None)

    def read(self, client: Server, id: str, state: Props, ctx: Context) -> Props | None:
        # An id does not tell its parts apart, so there is no import; granting again what is granted changes nothing.
        if not state.get("role") or not self._exists(client, state):
            return None
        kind, objects, columns = state["objectType"], state.get("objects") or [], state.get("columns") or []
        parameters = {"role": state["role"], "database": state["database"], "schema": _quoted(state.get("schema")), "objects": objects}
        if kind == "schema":
            parameters["schema"] = state["schema"]
        query = f"""SELECT name, ARRAY(SELECT privilege_type FROM aclexplode(acl)
                     WHERE grantee = COALESCE((SELECT oid FROM pg_roles WHERE rolname = %(role)s AND %(role)s <> '{PUBLIC}'), 0))
                      FROM ({ACL[kind]}) AS objects(name, acl)"""  # noqa: S608
        with explained(f"reading {_words(state)}"), client.transaction(state["database"]) as connection:
            found = dict(connection.execute(query, parameters).fetchall())  # type: ignore[arg-type]  # composed of our own words
        if kind == "column":
            held = [column for column in columns if set(state["privileges"]) <= set(found.get(column, []))]
            return {"id": _id(state | {"columns": held}), "columns": held}
        wanted = set(state["privileges"])
        for name, privileges in found.items():
            named = not objects or name in {each.split("(")[0] for each in objects} or kind in WITHOUT_OBJECTS
            # One object that differs is enough to report: the next update brings them all in line.
            if named and not _equal(kind, set(privileges), wanted):
                return {"id": _id(state), "privileges": privileges}
        return {"id": _id(state)}

    def _apply(self, client: Server, old: Props, new: Props | None) -> None:
        """Take away what was granted and, unless this is the end, grant what is to be, in one transaction."""
        kind, role = old["objectType"], old["role"]
        with explained(f"{'granting' if new else 'revoking'} {_words(new or old)}"), client.transaction(old["database"]) as connection:
            lock_role(connection, role)
            if kind == "database":
                lock_database(connection, old["database"])
            with member_of(connection, _owners(connection, old)):
                if kind != "column" or (old.get("columns") and old.get("privileges")):
                    connection.execute(sql.SQL("REVOKE {} ON {} FROM {}").format(_revoked(old), _target(old), _grantee(role)))
                if new and new["privileges"]:
                    statement = sql.SQL("GRANT {} ON {} TO {}").format(_privileges(new), _target(new), _grantee(role))
                    connection.execute(statement + sql.SQL(" WITH GRANT OPTION" if new.get("withGrantOption") else ""))

    def _exists(self, client: Server, state: Props) -> bool:
        """Whether the role, the database and the schema are all still there."""
        with explained(f"reading {_words(state)}"):
            with client.transaction() as connection:
                roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [state["role"]]).rowcount
                databases = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [state["database"]]).rowcount
            if not databases or not (roles or state["role"] == PUBLIC):
                return False
            if state["objectType"] in OUTSIDE_SCHEMAS or not state.get("schema"):
                return True
            with client.transaction(state["database"]) as connection:
                return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [state["schema"]]).rowcount > 0


def _id(new: Props) -> str:
    parts = [new["role"], new["database"]]
    if new["objectType"] not in OUTSIDE_SCHEMAS:
        parts.append(new.get("schema") or "")
    parts.append(new["objectType"])
    parts += sorted(new.get("objects") or [], key=_hash) + sorted(new.get("columns") or [], key=_hash)
    return "_".join(parts)


def _hash(text: str) -> str:
    """Terraform's order of a set of strings, which shows in ids and states."""
    return str(zlib.crc32(text.encode()))


def _equal(kind: str, granted: set[str], wanted: set[str]) -> bool:
    return granted == wanted or ("ALL" in wanted and granted == PRIVILEGES[kind])


def _words(new: Props) -> str:
    where = f" schema {new['schema']} of" if new.get("schema") else ""
    return f"{', '.join(new['privileges']) or 'nothing'} on {new['objectType']}:{where} database {new['database']}, role {new['role']}"


def _owners(connection: psycopg.Connection, new: Props) -> list[str]:
    """Who has to grant: the owners of the schema and its tables."""
    kind, schema = new["objectType"], new.get("schema")
    if kind in OUTSIDE_SCHEMAS:
        return []
    query = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %(schema)s"
    if kind != "schema":
        query += " UNION SELECT tableowner FROM pg_tables WHERE schemaname = %(schema)s"
    owners = [row[0] for row in connection.execute(query, {"schema": schema}).fetchall()]
    if not owners:
        raise ProviderError(
            f"could not find schema '{schema}' in database {new['database']}", "Create the schema first, or correct its name."
        )
    resolve = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    database_owner = connection.execute(resolve).fetchone()
    return [database_owner[0] if owner == "pg_database_owner" and database_owner else owner for owner in owners]


def _target(new: Props) -> sql.Composable:
    kind, objects = new["objectType"], new.get("objects") or []
    if kind in WITHOUT_OBJECTS:
        return sql.SQL(kind.upper() + " ") + sql.Identifier(new[kind])
    if kind in OUTSIDE_SCHEMAS:
        return sql.SQL(kind.upper().replace("_", " ") + " ") + sql.Identifier(objects[0])
    word = sql.SQL("TABLE" if kind == "column" else kind.upper())
    if not objects:
        return sql.SQL("ALL {}S IN SCHEMA {}").format(word, sql.Identifier(new["schema"]))
    return word + sql.SQL(" ") + sql.SQL(", ").join(_object(new["schema"], each) for each in objects)


def _object(schema: str, name: str) -> sql.Composable:
    """A table, or a function with the types of its arguments, which are SQL and cannot be quoted."""
    name, parenthesis, types = name.partition("(")
    return sql.Identifier(schema, name) + sql.SQL(parenthesis + types)  # type: ignore[arg-type]  # see above


def _privileges(new: Props) -> sql.Composable:
    words = sql.SQL(", ").join(map(_word, new["privileges"]))
    if new["objectType"] != "column":
        return words
    return words + sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, new["columns"])))


def _revoked(old: Props) -> sql.Composable:
    # Revoking only what was granted leaves a role's grants on single columns alone.
    named = old["objectType"] not in OUTSIDE_SCHEMAS | WITHOUT_OBJECTS and old.get("objects") and old.get("privileges")
    return _privileges(old) if named else sql.SQL("ALL PRIVILEGES")


def _word(privilege: Any) -> sql.SQL:
    """A privilege as SQL; only known words get here."""
    if privilege != "ALL" and not any(privilege in allowed for allowed in PRIVILEGES.values()):
        raise ProviderError(f"{privilege} is not a privilege", "See PostgreSQL's GRANT for the privileges of each kind of object.")
    return sql.SQL(privilege)


def _grantee(role: str) -> sql.Composable:
    return sql.SQL("PUBLIC") if role == PUBLIC else sql.Identifier(role)


def _quoted(schema: str | None) -> str | None:
    """The schema's name as ::regnamespace reads it."""
    return None if schema is None else '"' + schema.replace('"', '""') + '"'
