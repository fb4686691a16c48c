"""TenantConfiguration: the configuration rows that a tenant's file declares."""

from __future__ import annotations

import json
from typing import TypedDict

import pulumi

from components.resources.configuration_rows import ConfigurationRows
from tenantry.declaration import TenantDeclaration


class TenantConfigurationArgs(TypedDict):
    declaration: TenantDeclaration


class TenantConfiguration(ConfigurationRows, module="tenantry", name="ConfigurationRows"):
    """The declared rows of ``tenant_configurations``; what is set at runtime stays untouched.

    The one resource it needs, not a component around it: every tenant has it, and every registration costs each run.
    """

    def __init__(self, name: str, args: TenantConfigurationArgs, opts: pulumi.ResourceOptions) -> None:
        declaration = args["declaration"]
        rows = {key: json.dumps(value, sort_keys=True, ensure_ascii=False) for key, value in declaration.configuration().items()}
        super().__init__(name, {"tenant_id": str(declaration.id), "rows": rows}, opts)
