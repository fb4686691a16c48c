"""One tenant with a database or a database server of its own; its cell's platform comes through a StackReference."""

from __future__ import annotations

import pulumi

from components.tenant import Tenant
from stacks import claims, gate, homes
from tenantry.clients.migrations import head
from tenantry.clients.postgres import sslmode
from tenantry.declaration import Declarations, naming
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings, tenants_dir


def run(slug: str, settings: PlatformSettings, everybody: Declarations) -> None:
    """Registers the resources of the tenant that the stack is named after."""
    declaration = everybody.get(slug)
    book = gate.read(slug)
    if declaration is None and slug not in book.tenants:
        raise InputError(
            f"no file tenants/{slug}.yaml, and no tenant {slug}",
            f"tenantry new {slug} --tier starter; or remove the stack, which holds nothing: pulumi stack rm {slug}",
        )
    held = homes.of_stack(book, everybody, settings)
    if declaration is not None and declaration.pooled and slug not in book.moves:
        raise InputError(f"tenant {slug} is pooled: its stack is {declaration.stack}, not {slug}", f"pulumi up --stack {declaration.stack}")
    present = [tenant for tenant in held if not tenant.declaration.gone]
    adoption = gate.enter(book, held, everybody, claims.of_tenants(present, settings), protects=settings.protects)
    if not present:
        return
    mine = present[0]
    cell = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{naming.cell_stack(mine.declaration.cell)}")
    tenant = Tenant(
        slug,
        {
            "declaration": mine.declaration,
            "row": mine.row,
            "tables": mine.tables,
            "signed_in": None,
            "protect": mine.protect,
            "settings": settings,
            "bucket": cell.require_output("bucket"),
            "revision": head("tenant"),
            "assets": tenants_dir(),
            "sslmode": sslmode(),
            "adoption": adoption,
            # None where the platform was last applied by a Tenantry that had no template.
            "template": cell.get_output("template"),
            "depends_on": [],
        },
    )
    pulumi.export("host", naming.host(slug, settings.domain))
    if mine.app_role in tenant.passwords:
        pulumi.export("password", tenant.passwords[mine.app_role])
    # By login role, as the registry names it: while a move is under way there may be two.
    pulumi.export("credentials", pulumi.Output.secret(dict(tenant.passwords)))
