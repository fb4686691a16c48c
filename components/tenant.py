"""Tenant: everything that one declaration becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

import pulumi

from components.adoption import Adoption
from components.configuration import TenantConfiguration
from components.database import TenantDatabase
from components.domain import TenantDomain
from components.pictures import Pictures
from components.resources.record import TenantRecord
from components.resources.signed_tenant import SignedTenant, SignedTenantArgs
from components.storage import tenant_storage
from tenantry import naming
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.placement import Location, Place, Row
from tenantry.settings import PlatformSettings


class Tables(NamedTuple):
    """Tables of a tenant's own: at home, or at either end of a move."""

    place: Place
    login: bool
    """Whether the application may log in."""
    protect: bool
    """Whether they refuse to be removed."""


class TenantArgs(TypedDict):
    declaration: TenantDeclaration
    row: Row | None
    """The registry's row; None: another stack holds the tenant, and this one only tables of it."""
    tables: Sequence[Tables]
    signed_in: str | None
    """The cell in whose shared tables the tenant's rows are or will be, and open to signed contexts only; None: nowhere."""
    settings: PlatformSettings
    bucket: pulumi.Input[str]
    """The cell's bucket."""
    revision: str
    """Head of migrations/tenant."""
    pictures: Pictures
    sslmode: str
    """How to connect to a server of the tenant's own (libpq's PGSSLMODE)."""
    protect: bool
    """Whether what is not tables refuses to be deleted where it holds data: the record of a tenant whose rows are shared."""
    adoption: Adoption
    template: str | None
    """The database on the platform's server that a database of its own is copied from, where there is one."""
    depends_on: Sequence[pulumi.Resource]
    """The cell's tables and the registry, where they are in the same stack."""


class Tenant(pulumi.ComponentResource):
    """A tenant: registry row, database, configuration, host names, branding, first administrator.

    One that is declared ``archived`` or ``deleted`` is not a tenant, and no stack makes one of it.
    """

    passwords: Mapping[str, pulumi.Output[str]]
    """Secret: the password of each login role of the tenant's own, by role."""
    secrets: Mapping[str, pulumi.Output[str]]
    """The ARNs of the secrets that they are in, by role; empty where the platform keeps none."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:Tenant", name, None, opts)
        before = list(args["depends_on"])
        if args["signed_in"]:
            signed: SignedTenantArgs = {
                "cell": args["signed_in"],
                "tenant_id": str(args["declaration"].id),
                "admitted": args["declaration"].state == "active",
            }
            before.append(SignedTenant(f"{name}-context", signed, pulumi.ResourceOptions(parent=self, depends_on=list(before))))
        made: list[pulumi.Resource] = [self._whole(name, args, args["row"], before)] if args["row"] else []
        passwords: dict[str, pulumi.Output[str]] = {}
        secrets: dict[str, pulumi.Output[str]] = {}
        for tables in args["tables"]:
            database = TenantDatabase(
                naming.tenant_resources(name, tables.place.turn),
                {
                    "declaration": args["declaration"],
                    "place": tables.place,
                    "settings": args["settings"],
                    "revision": args["revision"],
                    "protect": tables.protect,
                    "login": tables.login,
                    "sslmode": args["sslmode"],
                    "adoption": args["adoption"],
                    "template": args["template"],
                    "depends_on": made or list(args["depends_on"]),
                },
                pulumi.ResourceOptions(parent=self),
            )
            role = Location.of(args["declaration"].slug, tables.place).app_role
            if database.password is not None:
                passwords[role] = database.password
            if database.secret is not None:
                secrets[role] = database.secret
        self.passwords, self.secrets = passwords, secrets
        self.register_outputs({})

    def _whole(self, name: str, args: TenantArgs, row: Row, before: Sequence[pulumi.Resource]) -> TenantRecord:
        """All of the tenant that is not tables; its record."""
        declaration, settings = args["declaration"], args["settings"]
        protect = args["protect"]
        # First to be made, last to be removed: while anything of the tenant stands, the registry and the ledger know it.
        record = TenantRecord(
            f"{name}-record",
            {
                "tenant_id": str(declaration.id),
                "slug": declaration.slug,
                "row": row,
                "domains": sorted(declaration.domains),
                "admin": {"name": declaration.admin.name, "email": declaration.admin.email},
            },
            # The rows of an rls tenant go with its record; nothing else of it holds data.
            pulumi.ResourceOptions(parent=self, protect=protect and row["isolation"] == "rls", depends_on=list(before)),
        )
        after_record = pulumi.ResourceOptions(parent=self, depends_on=[record])
        TenantConfiguration(f"{name}-config", {"declaration": declaration}, after_record)
        tenant_storage(
            f"{name}-storage",
            {"declaration": declaration, "bucket": args["bucket"], "pictures": args["pictures"]},
            after_record,
        )
        if TenantDomain.needed(declaration):
            TenantDomain(
                f"{name}-domain",
                {"declaration": declaration, "settings": settings, "adoption": args["adoption"]},
                after_record,
            )
        return record
