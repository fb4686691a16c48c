"""TenantAdmin: the invitation of a tenant's first administrator."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.resources.invitation import AdminInvitation
from tenantry.declaration import TenantDeclaration


class TenantAdminArgs(TypedDict):
    declaration: TenantDeclaration


class TenantAdmin(AdminInvitation, module="tenantry", name="AdminInvitation"):
    """An open invitation for the declared administrator; its token is issued after the run and never passes through the engine.

    The one resource it needs, not a component around it: every tenant has it, and every registration costs each run.
    """

    def __init__(self, name: str, args: TenantAdminArgs, opts: pulumi.ResourceOptions) -> None:
        declaration = args["declaration"]
        super().__init__(name, {"tenant_id": str(declaration.id), "email": declaration.admin.email, "name": declaration.admin.name}, opts)
