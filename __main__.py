"""Tenantry's Pulumi program: the stack's name decides which of the two programs runs."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from stacks import dedicated, gate, shared
from tenantry import naming
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import TenantryError
from tenantry.settings import PlatformSettings, project_root, tenants_dir

try:
    stack = pulumi.get_stack()
    made: list[pulumi.Resource] = []
    pulumi.runtime.register_stack_transformation(lambda args: made.append(args.resource))
    settings = PlatformSettings.of_stack(stack, project_root(), {**get_config_env(), **CONFIG.get()})
    declarations = DeclarationStore(tenants_dir()).load()
    if (cell := naming.cell_of_stack(stack)) is not None:
        shared.run(cell, settings, declarations)
    else:
        dedicated.run(stack, settings, declarations)
    gate.leave(stack, made)
except TenantryError as error:
    # One line what, one line what to do. 32 tells every language host that this was shown: after any other it adds words of its own.
    pulumi.log.error(f"{error.message}\n{error.hint}".strip())
    raise SystemExit(32) from None
