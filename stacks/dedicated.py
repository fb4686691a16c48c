"""One tenant with a database or a database server of its own; its cell's platform comes through a StackReference."""

from __future__ import annotations

import pulumi

from components.tenant import Tenant
from stacks import claims, gate
from tenantry.clients.migrations import head
from tenantry.clients.postgres import sslmode
from tenantry.declaration import Declarations, naming
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings, tenants_dir


def run(slug: str, settings: PlatformSettings, everybody: Declarations) -> None:
    """Registers the resources of the tenant that the stack is named after."""
    declaration = everybody.get(slug)
    if declaration is not None and declaration.pooled:
        raise InputError(f"tenant {slug} is pooled: its stack is {declaration.stack}, not {slug}", f"pulumi up --stack {declaration.stack}")
    own = [declaration] if declaration else []
    present = [d for d in own if d.state != "deleted"]
    adoption = gate.enter(slug, own, everybody, claims.of_tenants(present, settings))
    if declaration is None:
        raise InputError(f"no file tenants/{slug}.yaml, and no tenant {slug}", f"tenantry new {slug} --tier starter")
    if not present:
        return
    cell = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{naming.cell_stack(declaration.cell)}")
    tenant = Tenant(
        slug,
        {
            "declaration": declaration,
            "settings": settings,
            "bucket": cell.require_output("bucket"),
            "revision": head("tenant"),
            "assets": tenants_dir(),
            "sslmode": sslmode(),
            "adoption": adoption,
            "depends_on": [],
        },
    )
    pulumi.export("host", naming.host(slug, settings.domain))
    pulumi.export("password", tenant.password)
