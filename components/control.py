"""ControlPlane: the control database with the registry's tables and roles. There is one, in the cell ``main``."""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_postgresql as postgresql

from components.adoption import Adoption
from components.resources.store import Store
from tenantry.naming import CONTROL_APP, CONTROL_DATABASE, CONTROL_OWNER, CONTROL_SCHEMA
from tenantry.postgres import login_limits


class ControlPlaneArgs(TypedDict):
    revision: str
    """Head of migrations/control."""
    connections: int
    """How many sessions the service may have at one time."""
    protect: bool
    adoption: Adoption


class ControlPlane(pulumi.ComponentResource):
    """The control database; tenants' records need it, so everything else of the platform depends on ``store``."""

    store: Store

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:ControlPlane", name, None, opts)
        adopt = args["adoption"].of

        def child(logical_name: str, *, protect: bool = False, retain: bool | None = None) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self, protect=protect and args["protect"], import_=adopt(logical_name), retain_on_delete=retain
            )

        owner = postgresql.Role(f"{name}-owner", name=CONTROL_OWNER, login=False, opts=child(f"{name}-owner"))
        app = postgresql.Role(
            f"{name}-app",
            name=CONTROL_APP,
            login=True,
            connection_limit=args["connections"],
            statement_timeout=login_limits.STATEMENT,
            idle_in_transaction_session_timeout=login_limits.IDLE_IN_TRANSACTION,
            opts=child(f"{name}-app"),
        )
        database = postgresql.Database(
            f"{name}-database", name=CONTROL_DATABASE, owner=owner.name, opts=child(f"{name}-database", protect=True)
        )
        schema = postgresql.Schema(
            f"{name}-schema",
            name=CONTROL_SCHEMA,
            database=database.name,
            owner=owner.name,
            # It goes with its database: dropped alone, its tables would be in the way.
            opts=child(f"{name}-schema", protect=True, retain=True),
        )
        self.store = Store(
            f"{name}-tables",
            {
                "tree": "control",
                "server": None,
                "database": database.name,
                "schema": schema.name,
                "owner": owner.name,
                "app_role": app.name,
                "tenant_id": None,
                "limits": login_limits.SETTINGS,
                "login": True,
                "revision": args["revision"],
            },
            pulumi.ResourceOptions(parent=self, protect=args["protect"]),
        )
        self.register_outputs({"database": CONTROL_DATABASE})
