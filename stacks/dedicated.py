"""One tenant with a database or a database server of its own.

What it needs of its cell are names, which it knows by itself. A StackReference would copy *all* outputs of the cell into this stack's
state, the credentials of every tenant of the cell among them.
"""

from __future__ import annotations

import pulumi

from components.database import storage
from components.pictures import Pictures
from components.tenant import Tenant
from stacks import claims, gate, stack_tenants
from stacks.credentials import handed_out, known
from tenantry import naming
from tenantry.clients import aws
from tenantry.declaration import Declarations
from tenantry.errors import InputError
from tenantry.postgres import template
from tenantry.postgres.revisions import head
from tenantry.postgres.server import sslmode
from tenantry.settings import PlatformSettings, tenants_dir


def run(slug: str, settings: PlatformSettings, files: Declarations) -> None:
    """Registers the resources of the tenant that the stack is named after."""
    book, state = gate.read(slug)
    admitted = gate.admit(book, files)
    declared = admitted.declared
    declaration = declared.get(slug)
    if declaration is None and slug not in book.tenants:
        raise InputError(
            f"no file tenants/{slug}.yaml, and no tenant {slug}",
            f"tenantry new {slug} --tier starter; or remove the stack, which holds nothing: pulumi stack rm {slug}",
        )
    held = stack_tenants.of_stack(book, declared, settings)
    if declaration is not None and declaration.pooled and slug not in book.moves:
        raise InputError(f"tenant {slug} is pooled: its stack is {declaration.stack}, not {slug}", f"pulumi up --stack {declaration.stack}")
    present = [tenant for tenant in held if not tenant.declaration.gone]
    if present:
        gate.require_cell(book, present[0].declaration.cell)
        _refuse_smaller_disk(present[0], settings)
    adoption = gate.enter(book, state, held, admitted, claims.of_tenants(present, settings), settings)
    if not present:
        return
    mine = present[0]
    tenant = Tenant(
        slug,
        {
            "declaration": mine.declaration,
            "row": mine.row,
            "tables": mine.tables,
            "signed_in": None,
            "protect": mine.protect,
            "settings": settings,
            "bucket": naming.bucket(settings.bucket_prefix, mine.declaration.cell),
            "revision": head("tenant"),
            "pictures": Pictures(tenants_dir()),
            "sslmode": sslmode(),
            "adoption": adoption,
            # None where the platform was last applied by a Tenantry that had no template.
            "template": naming.TEMPLATE_DATABASE if template.revision() else None,
            "depends_on": [],
        },
    )
    pulumi.export("host", naming.host(slug, settings.domain))
    if tenant.secrets:
        pulumi.export("secrets", known(tenant.secrets))
        return
    if mine.app_role in tenant.passwords:
        pulumi.export("password", tenant.passwords[mine.app_role])
    # By login role, as the registry names it: while a move is under way there may be two.
    pulumi.export("credentials", handed_out(tenant.passwords))


def _refuse_smaller_disk(mine: stack_tenants.StackTenant, settings: PlatformSettings) -> None:
    """Raises ``InputError`` for a limit below what the tenant's own server has: RDS refuses to shrink a disk, in the middle of a run."""
    if not any(tables.place.isolation == "instance" for tables in mine.tables):
        return
    slug = mine.declaration.slug
    server = aws.describe_server(naming.server_identifier(settings.bucket_prefix, slug), slug)
    wanted = storage(mine.declaration)
    if server is not None and (has := int(server["AllocatedStorage"])) > wanted:
        raise InputError(
            f"tenant {slug}: limits.storage_gb asks for a disk of {wanted} GB, its server has {has}, and RDS shrinks none",
            f"put limits.storage_gb: {has} back, or move the tenant to a smaller server: tenantry move {slug} --to database, and back",
        )
