"""Store: the tables of one schema, migrated, isolated, and used by one login role."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import psycopg
import pulumi
from psycopg import sql
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components import guard_lines
from components.login_secret import LoginSecretArgs
from components.resources.declared import DeclaredProvider
from tenantry import naming
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import passwords, registry
from tenantry.errors import WorkError
from tenantry.postgres import (
    connect_rights,
    extensions,
    guards,
    login_limits,
    logins,
    migrations,
    own_server,
    revisions,
    row_context,
    template,
)
from tenantry.postgres.server import Server, may_act_as


class ServerAddress(TypedDict):
    """A tenant's own server. Its account stays in the secret; no password passes through a property."""

    address: pulumi.Input[str]
    port: pulumi.Input[int]
    secret_arn: pulumi.Input[str]


class StoreArgs(TypedDict):
    tree: str
    """``control`` or ``tenant``: which migrations the tables come from."""
    server: ServerAddress | None
    """The tenant's own server; None: the platform's, from PGHOST and the like."""
    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    owner: pulumi.Input[str]
    """The role that the tables belong to."""
    app_role: pulumi.Input[str]
    """The role that uses them; it gets a password made here."""
    tenant_id: str | None
    """Set for a tenant's own store: its tables take no other tenant's rows, and need no context."""
    limits: Mapping[str, str]
    """The settings of ``app_role`` that bound its sessions (tenantry/postgres/login_limits.py)."""
    login: bool
    """False ends the role's sessions; that it cannot open another is the Role's business."""
    revision: str
    """Head of the migrations."""
    context_key: NotRequired[str]
    """For shared tables of which a tenant takes signed row contexts: the secret with the key that signs them."""
    secret: NotRequired[LoginSecretArgs]
    """Where the login's password is written for applications; not there: it is handed out by the stack."""


def _server(props: Mapping[str, Any]) -> Server:
    own = props.get("server")
    return own_server.at(own["address"], int(own["port"]), own["secret_arn"]) if own else Server.from_environment()


def _connect(props: Mapping[str, Any]) -> psycopg.Connection:
    server = _server(props)
    try:
        return server.connect(props["database"])
    except WorkError as error:
        if "permission denied" not in error.message:
            raise
    # The database lets only its owner in: an administrator that is no superuser comes in as the owner's member.
    with server.connect() as maintenance:
        if maintenance.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [props["owner"]]).fetchone():
            may_act_as(maintenance, props["owner"])
    return server.connect(props["database"])


def _password_holds(props: Mapping[str, Any]) -> bool:
    """Whether the login gets in with the password that it was given. One that nobody knows holds."""
    password = props["password"]
    return password == passwords.UNKNOWN or logins.password_holds(_server(props), props["database"], props["app_role"], password)


def _secret(props: Mapping[str, Any]) -> LoginSecret | None:
    found = props.get("secret")
    return LoginSecret(found["kind"], found["name"], dict(found["tags"])) if found else None


def _content(props: Mapping[str, Any], password: str) -> dict[str, Any]:
    """What the login's secret says: the keys that RDS writes, and two of ours."""
    server = _server(props)
    return {
        "engine": "postgres",
        "host": server.host,
        "port": server.port,
        "username": props["app_role"],
        "password": password,
        "dbname": props["database"],
        "schema": props["schema"],
        "tenant_id": props.get("tenant_id"),
    }


def _written(props: Mapping[str, Any], password: str) -> dict[str, str]:
    """Writes the password into the login's secret, where it has one: the output that says where. One that nobody knows is left."""
    secret = _secret(props)
    if secret is None or password == passwords.UNKNOWN:
        return {}
    return {"secret_arn": secret.write(_content(props, password))}


def _known_to_its_secret(props: Mapping[str, Any]) -> str:
    """The password that only the login's secret knows since a state was lost; UNKNOWN where it is no longer right, or there is none."""
    secret = _secret(props)
    found = secret.read() if secret else None
    if found is None or found.get("username") != props["app_role"]:
        return passwords.UNKNOWN
    held = {**props, "password": str(found["password"])}
    return held["password"] if _password_holds(held) else passwords.UNKNOWN


def _stands(props: Mapping[str, Any]) -> bool:
    """Whether the tables are there, and so is the login, with a password that was handed out."""
    with _connect(props) as connection:
        return bool(guards.found(connection, props["schema"]))


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class StoreProvider(DeclaredProvider):
    inputs = (
        "tree",
        "server",
        "database",
        "schema",
        "owner",
        "app_role",
        "tenant_id",
        "limits",
        "login",
        "revision",
        "guards",
        "context_key",
        "secret",
    )
    # Not `server`: an address changes when a server is restored elsewhere; the data is still the tenant's.
    replaces = frozenset({"tree", "database", "schema", "owner"})

    def drift(self, state: Mapping[str, Any]) -> list[str]:
        if passwords.choice() == "renew" and state.get("password") == passwords.UNKNOWN:
            return ["password"]
        return [] if state.get("posture") == state.get("expected_posture") else ["posture"]

    def create(self, props: dict[str, Any]) -> CreateResult:
        password = passwords.UNKNOWN if passwords.choice() == "keep" and _stands(props) else secrets.token_urlsafe(32)
        if password == passwords.UNKNOWN:
            password = _known_to_its_secret(props)
        outs = self._apply(props, password)
        if props.get("tenant_id"):
            registry.ready(props["tenant_id"])
        return CreateResult(f"{props['database']}.{props['schema']}", outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        if _olds["app_role"] != _news["app_role"]:
            self.delete(_id, _olds)
        password = passwords.after_loss(str(_olds["password"]), lambda: _password_holds(_olds))
        if password == passwords.UNKNOWN:
            password = _known_to_its_secret(_olds)
        outs = self._apply(_news, password)
        before, now = _secret(_olds), _secret(_news)
        if before is not None and (now is None or (before.kind, before.name) != (now.kind, now.name)):
            before.erase()
        return UpdateResult(outs)

    def _apply(self, props: dict[str, Any], password: str) -> dict[str, Any]:
        """Idempotent: migrates, isolates, sets the password, and says how the tables are guarded now."""
        if props.get("server"):
            with _server(props).connect() as maintenance:
                connect_rights.shut(maintenance)
        copied = props["schema"] == naming.TENANT_SCHEMA and not props.get("server")
        with _connect(props) as connection:
            if props.get("context_key"):
                row_context.install(connection, props["context_key"], owner=props["owner"], app_role=props["app_role"])
            # All in one transaction: a commit costs more than what it commits.
            with migrations.applied(
                connection,
                props["tree"],
                props["schema"],
                owner=props["owner"],
                app_role=props["app_role"],
                tenant_id=props.get("tenant_id") or "",
                platform_role=props["owner"] if props["tree"] == "control" else "",
                first=template.taken_over_by(props["owner"]) if copied else None,
            ):
                if password != passwords.UNKNOWN:
                    logins.give_password(connection, props["app_role"], password)
                logins.set_search_path(connection, props["app_role"], props["database"], props["schema"])
                login_limits.mend(connection, props["app_role"])
                login_limits.shut_large_objects(connection)
                posture = _digest(guard_lines.of(connection, props))
            if not props["login"]:
                logins.end_sessions(connection, props["app_role"])
        known = {} if password != passwords.UNKNOWN else {"password_known": False}
        outs = {name: value for name, value in props.items() if name != "secret_arn"}
        return {**outs, **known, **_written(props, password), "password": password, "posture": posture, "expected_posture": posture}

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Finds dropped policies, changed grants, missing tables, a login that changed itself; ``up`` after a refresh puts them right."""
        try:
            connection = _connect(props)
        except WorkError as error:
            if isinstance(error.__cause__, psycopg.OperationalError) and "does not exist" in error.message:
                return ReadResult("", {})
            raise
        with connection:
            lines = guard_lines.of(connection, props)
        if lines and props["login"] and not _password_holds(props):
            lines.append("login with another password")
        if lines and (secret := _secret(props)) and props["password"] != passwords.UNKNOWN:
            found = secret.read() or {}
            if (found.get("username"), found.get("password")) != (props["app_role"], props["password"]):
                lines.append("secret that says something else")
        return ReadResult(id_, {**props, "posture": _digest(lines)}) if lines else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes the role's rights in this database away, and its secret; the tables go with their schema or database."""
        if (secret := _secret(_props)) is not None:
            secret.erase()
        try:
            connection = _connect(_props)
        except WorkError as error:
            if isinstance(error.__cause__, psycopg.OperationalError) and "does not exist" in error.message:
                return
            raise
        with connection:
            extensions.bring_home(connection, _props["schema"])
            extensions.refuse_to_leave(connection, _props["schema"])
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_props["app_role"]]).fetchone():
                logins.end_sessions(connection, _props["app_role"])
                connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(_props["app_role"])))


class Store(Resource, module="tenantry", name="Store"):
    """A schema's tables at the head of their migrations, with row-level security and one role that may use them."""

    password: pulumi.Output[str]
    """The application role's password (secret)."""

    secret_arn: pulumi.Output[str] | None = None
    """The ARN of the secret that the password is in, where the platform keeps one."""

    posture: pulumi.Output[str]
    """Digest of the policies, flags and grants that were last found."""

    def __init__(self, name: str, args: StoreArgs, opts: pulumi.ResourceOptions) -> None:
        # The stores of a platform that other files guarded are guarded anew, though their tables have not changed.
        outputs: dict[str, str | None] = {
            "guards": revisions.guards(args["tree"]),
            "password": None,
            "posture": None,
            "expected_posture": None,
        }
        if args.get("secret"):
            outputs["secret_arn"] = None
        # Deleting takes the role's rights away: done after its replacement was made, it would take the new ones.
        opts = pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(additional_secret_outputs=["password"], delete_before_replace=True)
        )
        super().__init__(StoreProvider(), name, {**args, **outputs}, opts)
