"""Platform: what the tenants of a cell share: the bucket, the cell's database, its roles and row-level-secured tables."""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_postgresql as postgresql

from components.adoption import Adoption
from components.backups import BackupBucket
from components.bucket import CellBucket
from components.control import ControlPlane
from components.edge import Edge
from components.resources.store import Store, StoreArgs
from components.resources.template import Template
from tenantry import naming
from tenantry.postgres import login_limits
from tenantry.settings import PlatformSettings


class PlatformArgs(TypedDict):
    cell: str
    settings: PlatformSettings
    control_revision: str
    tenant_revision: str
    """Heads of migrations/control and migrations/tenant."""
    signed: bool
    """Whether a tenant of the cell takes signed row contexts."""
    connections: int
    """How many sessions one login of the platform's may have at one time, so that it never takes the server's last ones."""
    adoption: Adoption


class Platform(pulumi.ComponentResource):
    """A cell. The cell ``main`` also holds what there is one of: the control plane, the backups' bucket and the edge."""

    bucket: pulumi.Output[str]
    assets_role: pulumi.Output[str]
    ready: list[pulumi.Resource]
    """What a tenant of this cell depends on."""
    app_password: pulumi.Output[str]
    """Secret: the application's password for the row-level-secured tables."""
    template: pulumi.Output[str] | None
    """The database that new tenants' own are copied from; only the main cell has it."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:Platform", name, None, opts)
        cell, settings, adoption = args["cell"], args["settings"], args["adoption"]
        self.ready = []
        self.template = None

        if cell == naming.MAIN_CELL:
            control = ControlPlane(
                f"{name}-control",
                {
                    "revision": args["control_revision"],
                    "connections": args["connections"],
                    "protect": settings.protects,
                    "adoption": adoption,
                },
                pulumi.ResourceOptions(parent=self),
            )
            self.ready.append(control.store)
            BackupBucket(f"{name}-backups", {"settings": settings, "adoption": adoption}, pulumi.ResourceOptions(parent=self))
            Edge(f"{name}-edge", {"settings": settings, "adoption": adoption}, pulumi.ResourceOptions(parent=self))
            self.template = Template(
                f"{name}-template",
                {"database": naming.TEMPLATE_DATABASE, "revision": args["tenant_revision"]},
                pulumi.ResourceOptions(parent=self),
            ).database

        bucket = CellBucket(
            f"{name}-bucket", {"cell": cell, "settings": settings, "adoption": adoption}, pulumi.ResourceOptions(parent=self)
        )

        def child(logical_name: str, *, protect: bool = False, retain: bool | None = None) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self, protect=protect and settings.protects, import_=adoption.of(logical_name), retain_on_delete=retain
            )

        owner = postgresql.Role(f"{name}-owner", name=naming.cell_owner(cell), login=False, opts=child(f"{name}-owner"))
        app = postgresql.Role(
            f"{name}-app",
            name=naming.cell_app(cell),
            login=True,
            connection_limit=args["connections"],
            statement_timeout=login_limits.STATEMENT,
            idle_in_transaction_session_timeout=login_limits.IDLE_IN_TRANSACTION,
            opts=child(f"{name}-app"),
        )
        database = postgresql.Database(
            f"{name}-database", name=naming.cell_database(cell), owner=owner.name, opts=child(f"{name}-database", protect=True)
        )
        schema = postgresql.Schema(
            f"{name}-schema",
            name=naming.SHARED_SCHEMA,
            database=database.name,
            owner=owner.name,
            # It goes with its database, as the control database's does.
            opts=child(f"{name}-schema", protect=True, retain=True),
        )
        tables: StoreArgs = {
            "tree": "tenant",
            "server": None,
            "database": database.name,
            "schema": schema.name,
            "owner": owner.name,
            "app_role": app.name,
            "tenant_id": None,
            "limits": login_limits.SETTINGS,
            "login": True,
            "revision": args["tenant_revision"],
        }
        if args["signed"]:
            tables["context_key"] = naming.context_key(settings.bucket_prefix, cell)
        store = Store(f"{name}-tables", tables, pulumi.ResourceOptions(parent=self, protect=settings.protects))
        self.ready.append(store)
        self.bucket = bucket.bucket
        self.assets_role = bucket.assets_role
        self.app_password = store.password
        self.register_outputs({"bucket": bucket.bucket, "assets_role": bucket.assets_role})
