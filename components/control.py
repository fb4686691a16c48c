"""ControlPlane: the control database with the registry's tables and roles. There is one, in the cell ``main``."""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_postgresql as postgresql

from components import own_database
from components.adoption import Adoption
from components.login_secret import LoginSecretArgs
from components.resources.login import Login, LoginArgs
from components.resources.store import Store
from tenantry.naming import CONTROL_APP, CONTROL_DATABASE, CONTROL_DIRECTORY, CONTROL_OWNER, CONTROL_PORTAL, CONTROL_SCHEMA
from tenantry.postgres import login_limits


class ControlPlaneArgs(TypedDict):
    revision: str
    """Head of migrations/control."""
    connections: int
    """How many sessions the service may have at one time."""
    protect: bool
    adoption: Adoption
    directory_secret: LoginSecretArgs | None
    """Of the login that looks tenants up; None: its password is an output."""


class ControlPlane(pulumi.ComponentResource):
    """The control database; tenants' records need it, so everything else of the platform depends on ``store``."""

    store: Store
    directory_password: pulumi.Output[str]
    """Secret: the password of the login that looks tenants up for applications; empty where it is in a secret of its own."""
    directory_secret: pulumi.Output[str] | None
    """The ARN of that secret, where the platform keeps one."""

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:ControlPlane", name, None, opts)
        adoption, logical = args["adoption"], f"{name}-directory"
        directory = postgresql.Role(
            logical,
            name=CONTROL_DIRECTORY,
            login=True,
            connection_limit=args["connections"],
            statement_timeout=login_limits.STATEMENT,
            idle_in_transaction_session_timeout=login_limits.IDLE_IN_TRANSACTION,
            opts=pulumi.ResourceOptions(parent=self, import_=adoption.of(logical)),
        )
        portal = postgresql.Role(
            f"{name}-portal",
            name=CONTROL_PORTAL,
            login=False,
            opts=pulumi.ResourceOptions(parent=self, import_=adoption.of(f"{name}-portal")),
        )
        self.store = own_database.made(
            name,
            {
                "tree": "control",
                "revision": args["revision"],
                "database": CONTROL_DATABASE,
                "schema": CONTROL_SCHEMA,
                "owner": CONTROL_OWNER,
                "app": CONTROL_APP,
                "connections": args["connections"],
                "guests": [directory, portal],
            },
            self,
            adoption,
            protect=args["protect"],
        )
        given: LoginArgs = {
            "database": CONTROL_DATABASE,
            "schema": CONTROL_SCHEMA,
            "app_role": directory.name,
            "limits": login_limits.SETTINGS,
        }
        if secret := args["directory_secret"]:
            given["secret"], given["connections"] = secret, args["connections"]
        login = Login(f"{logical}-login", given, pulumi.ResourceOptions(parent=self, depends_on=[self.store]))
        self.directory_password, self.directory_secret = login.password, login.secret_arn
        self.register_outputs({"database": CONTROL_DATABASE})
