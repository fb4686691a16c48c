"""Store: the tables of one schema, migrated, isolated, and used by one login role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import psycopg
import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components import guard_lines, store_login
from components.login_secret import LoginSecretArgs
from components.resources.declared import DeclaredProvider
from components.store_login import Handed
from tenantry import naming
from tenantry.control import passwords, registry
from tenantry.errors import WorkError
from tenantry.postgres import (
    connect_rights,
    extensions,
    guards,
    login_limits,
    logins,
    migrations,
    revisions,
    row_context,
    template,
)
from tenantry.postgres.server import may_act_as


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
    """Where the login's password is, and nowhere else; not there: it is in the state, and handed out by the stack."""
    connections: NotRequired[int]
    """Of ``app_role``, where there is a ``secret``: the login that takes turns with it has the same limit."""


def _connect(props: Mapping[str, Any]) -> psycopg.Connection:
    server = store_login.server(props)
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
        "connections",
    )
    # Not `server`: an address changes when a server is restored elsewhere; the data is still the tenant's.
    replaces = frozenset({"tree", "database", "schema", "owner"})

    def drift(self, state: Mapping[str, Any]) -> list[str]:
        if passwords.choice() == "renew" and store_login.nobody_knows(state):
            return ["password"]
        return [] if state.get("posture") == state.get("expected_posture") else ["posture"]

    def create(self, props: dict[str, Any]) -> CreateResult:
        login = store_login.in_secret(props)
        if login is None:
            keep = passwords.choice() == "keep" and _stands(props)
            login = Handed(props["app_role"], passwords.UNKNOWN) if keep else store_login.anew(props["app_role"])
        outs = self._apply(props, login)
        if props.get("tenant_id"):
            registry.ready(props["tenant_id"])
        return CreateResult(f"{props['database']}.{props['schema']}", outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        if _olds["app_role"] != _news["app_role"]:
            self.delete(_id, _olds)
        outs = self._apply(_news, store_login.after(_olds, _news), alone=not (_olds.get("secret") or _news.get("secret")))
        store_login.take_away(_olds, _news)
        return UpdateResult(outs)

    def _apply(self, props: dict[str, Any], login: Handed, *, alone: bool = False) -> dict[str, Any]:
        """Idempotent: migrates, isolates, sets the password, and says how the tables are guarded now. ``alone``: there is one login."""
        if props.get("server"):
            with store_login.server(props).connect() as maintenance:
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
                first, second = store_login.both(props)
                if login.username == first and login.password != passwords.UNKNOWN:
                    logins.give_password(connection, first, login.password)
                logins.set_search_path(connection, props["app_role"], props["database"], props["schema"])
                login_limits.mend(connection, first)
                login_limits.mend(connection, second)
                login_limits.shut_large_objects(connection)
                posture = _digest(guard_lines.of(connection, props))
            if not props["login"]:
                logins.end_sessions(connection, first)
            if alone:
                logins.drop_second(connection, first)
        if login.username == second and login.renewed:
            logins.renew(store_login.server(props), first, second, login.password, props["database"], props["schema"])
        outs = {name: value for name, value in props.items() if name != "secret_arn"}
        outs |= {"posture": posture, "expected_posture": posture, **store_login.written(props, login)}
        if login.password == passwords.UNKNOWN:
            return {**outs, "password": passwords.UNKNOWN, "password_known": False}
        # Where there is a secret it knows the password, and the state does not: what it had would be given back one day.
        return {**outs, "password": passwords.UNKNOWN if props.get("secret") else login.password}

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
        if lines and not store_login.opens(props):
            lines.append("login with another password")
        return ReadResult(id_, {**props, "posture": _digest(lines)}) if lines else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes the role's rights in this database away, and its secret; the tables go with their schema or database."""
        store_login.take_away(_props, {})
        try:
            connection = _connect(_props)
        except WorkError as error:
            if isinstance(error.__cause__, psycopg.OperationalError) and "does not exist" in error.message:
                with store_login.server(_props).connect() as maintenance:
                    logins.drop_second(maintenance, _props["app_role"])
                return
            raise
        with connection:
            logins.drop_second(connection, _props["app_role"])
            extensions.bring_home(connection, _props["schema"])
            extensions.refuse_to_leave(connection, _props["schema"])
            logins.take_rights(connection, _props["app_role"])


class Store(Resource, module="tenantry", name="Store"):
    """A schema's tables at the head of their migrations, with row-level security and one role that may use them."""

    password: pulumi.Output[str]
    """The application role's password (secret); empty where it is in a secret of its own, or nobody knows it."""

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
