"""Tenant: everything that one declaration becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import pulumi

from components.adoption import Adoption
from components.configuration import TenantConfiguration
from components.database import TenantDatabase
from components.domain import TenantDomain
from components.resources.record import TenantRecord
from components.storage import tenant_storage
from tenantry.declaration import TenantDeclaration, placement
from tenantry.settings import PlatformSettings


class TenantArgs(TypedDict):
    declaration: TenantDeclaration
    settings: PlatformSettings
    bucket: pulumi.Input[str]
    """The cell's bucket."""
    revision: str
    """Head of migrations/tenant."""
    assets: Path
    """The folder that asset paths are relative to."""
    sslmode: str
    """How to connect to a server of the tenant's own (libpq's PGSSLMODE)."""
    adoption: Adoption
    depends_on: Sequence[pulumi.Resource]
    """The cell's tables and the registry, where they are in the same stack."""


class Tenant(pulumi.ComponentResource):
    """A tenant: registry row, database, configuration, host names, branding, first administrator.

    Its data is protected until the declaration says ``offboarding``; ``deleted`` is not a tenant, and no stack makes one of it.
    """

    password: pulumi.Output[str] | None
    """Secret: the password of the tenant's own login role, where it has one."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:Tenant", name, None, opts)
        declaration, settings, adoption = args["declaration"], args["settings"], args["adoption"]
        protect = settings.protects and declaration.state in ("active", "suspended")
        # First to be made, last to be removed: while anything of the tenant stands, the registry and the ledger know it.
        record = TenantRecord(
            f"{name}-record",
            {
                "tenant_id": str(declaration.id),
                "slug": declaration.slug,
                "row": placement.row(declaration, settings),
                "domains": sorted(declaration.domains),
                "admin": {"name": declaration.admin.name, "email": declaration.admin.email},
            },
            # The rows of an rls tenant go with its record; nothing else of it holds data.
            pulumi.ResourceOptions(parent=self, protect=protect and declaration.isolation == "rls", depends_on=list(args["depends_on"])),
        )
        after_record = pulumi.ResourceOptions(parent=self, depends_on=[record])
        TenantConfiguration(f"{name}-config", {"declaration": declaration}, after_record)
        tenant_storage(
            f"{name}-storage",
            {"declaration": declaration, "bucket": args["bucket"], "assets": args["assets"]},
            after_record,
        )
        if TenantDomain.needed(declaration):
            TenantDomain(
                f"{name}-domain",
                {"declaration": declaration, "settings": settings, "adoption": adoption},
                after_record,
            )
        self.password = None
        if declaration.isolation != "rls":
            self.password = TenantDatabase(
                f"{name}-db",
                {
                    "declaration": declaration,
                    "settings": settings,
                    "revision": args["revision"],
                    "protect": protect,
                    "sslmode": args["sslmode"],
                    "adoption": adoption,
                    "depends_on": [record],
                },
                pulumi.ResourceOptions(parent=self),
            ).password
        self.register_outputs({})
