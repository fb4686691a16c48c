"""ControlPlane: the control database with the registry's tables and roles. There is one, in the cell ``main``."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components import own_database
from components.adoption import Adoption
from components.resources.store import Store
from tenantry.naming import CONTROL_APP, CONTROL_DATABASE, CONTROL_OWNER, CONTROL_SCHEMA


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
            },
            self,
            args["adoption"],
            protect=args["protect"],
        )
        self.register_outputs({"database": CONTROL_DATABASE})
