"""TenantAdmin: the invitation of a tenant's first administrator."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.resources.invitation import AdminInvitation
from tenantry.declaration import TenantDeclaration


class TenantAdminArgs(TypedDict):
    declaration: TenantDeclaration


class TenantAdmin(pulumi.ComponentResource):
    """An open invitation for the declared administrator; its token is issued after the run and never passes through the engine."""

    def __init__(self, name: str, args: TenantAdminArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:TenantAdmin", name, None, opts)
        declaration = args["declaration"]
        AdminInvitation(
            f"{name}-invitation",
            {"tenant_id": str(declaration.id), "email": declaration.admin.email, "name": declaration.admin.name},
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
