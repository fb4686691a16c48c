"""Login: a login role of the platform's own that works with functions alone, in one database that has its tables already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import psycopg
import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components import store_login
from components.login_secret import LoginSecretArgs
from components.resources.declared import DeclaredProvider
from components.store_login import Handed
from tenantry.control import passwords
from tenantry.naming import CONTROL_APP, CONTROL_OWNER
from tenantry.postgres import control_grants, login_limits, logins
from tenantry.postgres.server import Server, may_act_as


class LoginArgs(TypedDict):
    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    """Where the names that it uses are."""
    app_role: pulumi.Input[str]
    """The role; it gets a password made here, and what migrations/control_grants.yaml gives it."""
    limits: Mapping[str, str]
    """The settings of the role that bound its sessions (tenantry/postgres/login_limits.py)."""
    secret: NotRequired[LoginSecretArgs]
    """Where its password is kept, on a platform that keeps secrets of logins: then the state does not know it."""
    connections: NotRequired[int]
    """Of ``app_role``, where there is a ``secret``: the login that takes turns with it has the same limit."""


def _connect(props: Mapping[str, Any]) -> psycopg.Connection:
    return Server.from_environment().connect(props["database"])


def _holds(props: Mapping[str, Any]) -> bool:
    if props.get("secret"):
        return store_login.opens(props)
    known = props["password"]
    return known == passwords.UNKNOWN or logins.password_holds(Server.from_environment(), props["database"], props["app_role"], known)


class LoginProvider(DeclaredProvider):
    inputs = tuple(LoginArgs.__annotations__)
    replaces = frozenset({"database", "schema", "app_role"})

    def drift(self, state: Mapping[str, Any]) -> list[str]:
        if passwords.choice() == "renew" and store_login.nobody_knows(state):
            return ["password"]
        return ["faults"] if state.get("faults") else []

    def create(self, props: dict[str, Any]) -> CreateResult:
        role, login = str(props["app_role"]), store_login.in_secret(props)
        if login is None:
            keep = passwords.choice() == "keep" and self._has_password(props)
            login = Handed(role, passwords.UNKNOWN) if keep else store_login.anew(role)
        return CreateResult(role, self._apply(props, login))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        outs = self._apply(_news, store_login.after(_olds, _news), alone=not (_olds.get("secret") or _news.get("secret")))
        store_login.take_away(_olds, _news)
        return UpdateResult(outs)

    @staticmethod
    def _has_password(props: Mapping[str, Any]) -> bool:
        """Whether it may have been handed out. A role that was just made again after a loss has none: only a superuser could tell."""
        with _connect(props) as connection:
            found = "SELECT has_database_privilege(rolname, current_database(), 'CONNECT') FROM pg_roles WHERE rolname = %s"
            return connection.execute(found, [props["app_role"]]).fetchone() == (True,)

    @staticmethod
    def _apply(props: dict[str, Any], login: Handed, *, alone: bool = False) -> dict[str, Any]:
        """``alone``: there is one login, and not another that takes turns with it."""
        first, second = store_login.both(props)
        with _connect(props) as connection:
            may_act_as(connection, CONTROL_OWNER)
            with connection.transaction():
                if login.username == first and login.password != passwords.UNKNOWN:
                    logins.give_password(connection, first, login.password)
                logins.set_search_path(connection, first, props["database"], props["schema"])
                for role in (first, second):
                    login_limits.mend(connection, role)
                control_grants.apply(connection, props["schema"], CONTROL_OWNER, CONTROL_APP)
            if alone:
                logins.drop_second(connection, first)
        if login.username == second and login.renewed:
            logins.renew(Server.from_environment(), first, second, login.password, props["database"], props["schema"])
        known = {} if login.password != passwords.UNKNOWN else {"password_known": False}
        outs = {name: value for name, value in props.items() if name != "secret_arn"}
        outs |= {**known, **store_login.written(props, login)}
        return {**outs, "password": passwords.UNKNOWN if props.get("secret") else login.password, "faults": []}

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Finds a login that changed itself; what it may do besides is found with the tables that it has no right to."""
        with _connect(props) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [props["app_role"]]).fetchone() is None:
                return ReadResult("", {})
            first, second = store_login.both(props)
            faults = login_limits.faults(connection, first).get(first, [])
            faults += [f"{second} {fault}" for fault in login_limits.faults(connection, second).get(second, [])]
            if not props.get("secret") and second in logins.both(connection, first):
                faults.append(f"{second} is left of a time when logins had secrets")
        if not _holds(props):
            faults = [*faults, "has another password"]
        return ReadResult(id_, {**props, "faults": faults})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes its rights away, or the role could not be dropped, and its secret."""
        store_login.take_away(_props, {})
        with _connect(_props) as connection:
            logins.drop_second(connection, _props["app_role"])
            logins.take_rights(connection, _props["app_role"])


class Login(Resource, module="tenantry", name="Login"):
    """What a role needs to log in: a password, limits, and the rights that the reviewed file gives it."""

    password: pulumi.Output[str]
    """Secret; empty where it is in a secret of its own."""
    secret_arn: pulumi.Output[str] | None = None
    """The ARN of that, where the platform keeps one."""

    def __init__(self, name: str, args: LoginArgs, opts: pulumi.ResourceOptions) -> None:
        outputs = {"password": None, "faults": None, **({"secret_arn": None} if args.get("secret") else {})}
        opts = pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(additional_secret_outputs=["password"], delete_before_replace=True)
        )
        super().__init__(LoginProvider(), name, {**args, **outputs}, opts)
