"""Platform: what the tenants of a cell share: the bucket, the cell's database, its roles and row-level-secured tables."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components import login_secret, own_database
from components.adoption import Adoption
from components.backups import BackupBucket
from components.bucket import CellBucket
from components.control import ControlPlane
from components.edge import Edge
from components.own_database import OwnDatabase
from components.resources.template import Template
from tenantry import naming
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
    app_secret: pulumi.Output[str] | None
    """The ARN of the secret that it is in, where the platform keeps one."""
    directory_password: pulumi.Output[str] | None
    """Secret: the password of the login that looks tenants up; only the main cell has it."""
    directory_secret: pulumi.Output[str] | None
    """The ARN of the secret that it is in, where the platform keeps one."""
    template: pulumi.Output[str] | None
    """The database that new tenants' own are copied from; only the main cell has it."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:Platform", name, None, opts)
        cell, settings, adoption = args["cell"], args["settings"], args["adoption"]
        control: ControlPlane | None = None
        self.ready = []
        self.template = self.directory_password = self.directory_secret = None

        if cell == naming.MAIN_CELL:
            control = ControlPlane(
                f"{name}-control",
                {
                    "revision": args["control_revision"],
                    "connections": args["connections"],
                    "protect": settings.protects,
                    "adoption": adoption,
                    "directory_secret": login_secret.of_directory(settings),
                },
                pulumi.ResourceOptions(parent=self),
            )
            self.ready.append(control.store)
            self.directory_password, self.directory_secret = control.directory_password, control.directory_secret
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

        tables: OwnDatabase = {
            "tree": "tenant",
            "revision": args["tenant_revision"],
            "database": naming.cell_database(cell),
            "schema": naming.SHARED_SCHEMA,
            "owner": naming.cell_owner(cell),
            "app": naming.cell_app(cell),
            "connections": args["connections"],
        }
        if args["signed"]:
            tables["context_key"] = naming.context_key(settings.bucket_prefix, cell)
        if secret := login_secret.of_cell(cell, settings):
            tables["secret"] = secret
            if control is not None:
                tables["guests"] = [control.store]  # where the secret is written down
        store = own_database.made(name, tables, self, adoption, protect=settings.protects)
        self.ready.append(store)
        self.bucket = bucket.bucket
        self.assets_role = bucket.assets_role
        self.app_password, self.app_secret = store.password, store.secret_arn
        self.register_outputs({"bucket": bucket.bucket, "assets_role": bucket.assets_role})
