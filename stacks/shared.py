"""A cell: its platform and all of its pooled tenants."""

from __future__ import annotations

import pulumi

from components.pictures import Pictures
from components.platform import Platform
from components.tenant import Tenant
from stacks import claims, gate, stack_tenants
from stacks.credentials import handed_out, known
from tenantry import naming
from tenantry.declaration import Declarations
from tenantry.errors import InputError
from tenantry.postgres.revisions import head
from tenantry.postgres.server import sslmode
from tenantry.settings import PlatformSettings, tenants_dir


def run(cell: str, settings: PlatformSettings, files: Declarations) -> None:
    """Registers the resources of the cell ``cell`` and exports what applications and dedicated stacks need of it."""
    stack = naming.cell_stack(cell)
    book, state = gate.read(stack)
    admitted = gate.admit(book, files)
    declared = admitted.declared
    held = stack_tenants.of_stack(book, declared, settings)
    present = [tenant for tenant in held if not tenant.declaration.gone]
    if cell != naming.MAIN_CELL and not present and stack not in book.claims.values():
        raise InputError(
            f"no tenant is in the cell {cell}, and there is no such cell",
            f"a cell comes into being with its first tenant: tenantry new SLUG --tier starter --cell {cell}",
        )
    logical = "platform"
    planned = [*claims.of_cell(cell, settings, logical), *claims.of_tenants(present, settings)]
    if cell != naming.MAIN_CELL:
        gate.require_cell(book, naming.MAIN_CELL)  # it has the registry
    adoption = gate.enter(book, state, held, admitted, planned, settings)

    platform = Platform(
        logical,
        {
            "cell": cell,
            "settings": settings,
            "control_revision": head("control"),
            "tenant_revision": head("tenant"),
            "signed": any(tenant.signed for tenant in present),
            "connections": gate.room(),
            "adoption": adoption,
        },
    )
    passwords: dict[str, pulumi.Output[str]] = {}
    # By login role, as the registry names it: while a move is under way a tenant may have two.
    credentials: dict[str, pulumi.Output[str]] = {}
    secrets: dict[str, pulumi.Output[str]] = {}
    if platform.app_secret is None:
        credentials[naming.cell_app(cell)] = platform.app_password
    else:
        secrets[naming.cell_app(cell)] = platform.app_secret
    if platform.directory_secret is not None:
        secrets[naming.CONTROL_DIRECTORY] = platform.directory_secret
        pulumi.export("directory_secret", platform.directory_secret)
    elif platform.directory_password is not None:
        credentials[naming.CONTROL_DIRECTORY] = platform.directory_password
    pictures = Pictures(tenants_dir())
    for mine in present:
        slug = mine.declaration.slug
        tenant = Tenant(
            slug,
            {
                "declaration": mine.declaration,
                "row": mine.row,
                "tables": mine.tables,
                "signed_in": cell if mine.signed else None,
                "protect": mine.protect,
                "settings": settings,
                "bucket": platform.bucket,
                "revision": head("tenant"),
                "pictures": gate.pictures(admitted, mine.declaration, settings) or pictures,
                "sslmode": sslmode(),
                "adoption": adoption,
                "template": None,
                "depends_on": platform.ready,
            },
        )
        secrets |= tenant.secrets
        if tenant.secrets:
            continue
        credentials |= tenant.passwords
        if mine.app_role in tenant.passwords:
            passwords[slug] = tenant.passwords[mine.app_role]
    pulumi.export("cell", cell)
    pulumi.export("bucket", platform.bucket)
    pulumi.export("assets_role", platform.assets_role)
    if platform.template is not None:
        pulumi.export("template", platform.template)
    pulumi.export("app_role", naming.cell_app(cell))
    # Where there are secrets, no output has a password.
    if platform.app_secret is None:
        pulumi.export("app_password", pulumi.Output.secret(platform.app_password))
        pulumi.export("passwords", handed_out(passwords))
    else:
        pulumi.export("secrets", known(secrets))
    pulumi.export("credentials", handed_out(credentials))
