"""TenantConfiguration: the configuration rows that a tenant's file declares."""

from __future__ import annotations

import json
from typing import TypedDict

import pulumi

from components.resources.configuration_rows import ConfigurationRows
from tenantry.declaration import TenantDeclaration


class TenantConfigurationArgs(TypedDict):
    declaration: TenantDeclaration


class TenantConfiguration(pulumi.ComponentResource):
    """The declared rows of ``tenant_configurations``; what is set at runtime stays untouched."""

    def __init__(self, name: str, args: TenantConfigurationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:TenantConfiguration", name, None, opts)
        declaration = args["declaration"]
        rows = {key: json.dumps(value, sort_keys=True, ensure_ascii=False) for key, value in declaration.configuration().items()}
        ConfigurationRows(f"{name}-rows", {"tenant_id": str(declaration.id), "rows": rows}, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
