"""TenantDomain: the DNS record of a dedicated tenant, and a custom host name with its certificate for each domain of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import pulumi

from components.adoption import Adoption
from components.cloudflare import CustomHostname, DnsRecord
from components.edge import AUTOMATIC_TTL, MARK
from tenantry import naming
from tenantry.declaration import TenantDeclaration
from tenantry.settings import PlatformSettings


class TenantDomainArgs(TypedDict):
    declaration: TenantDeclaration
    settings: PlatformSettings
    adoption: Adoption


class TenantDomain(pulumi.ComponentResource):
    """Host names. A certificate that waits for the tenant's own DNS stays pending; nothing here waits for it."""

    def __init__(self, name: str, args: TenantDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:TenantDomain", name, None, opts)
        declaration, settings = args["declaration"], args["settings"]

        def child(logical_name: str, after: Sequence[pulumi.Resource] = (), ignore: Sequence[str] = ()) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self,
                import_=args["adoption"].of(logical_name),
                # A host name that was another tenant's goes on as it stands: its certificate, and whoever is on it.
                aliases=args["adoption"].aliases(logical_name),
                depends_on=list(after),
                ignore_changes=list(ignore),
            )

        hostnames = [
            CustomHostname(
                f"{name}-{host}",
                zone_id=settings.zone_id,
                hostname=host,
                # Keys as on the wire: components.cloudflare leaves out the declarations that would translate them.
                ssl={"method": "http", "type": "dv", "bundleMethod": "ubiquitous"},
                # Cloudflare answers with both; its provider keeps them at a refresh, and would take them back at each run that comes after.
                opts=child(f"{name}-{host}", ignore=["ssl.wildcard", "ssl.settings"]),
            )
            for host in declaration.domains
        ]
        if not declaration.pooled:
            DnsRecord(
                f"{name}-record",
                zone_id=settings.zone_id,
                name=naming.host(declaration.slug, settings.domain),
                type="CNAME",
                content=settings.endpoint,
                ttl=AUTOMATIC_TTL,
                proxied=True,
                comment=f"{MARK} {declaration.slug}",
                # Removed in the other order: no name may lead to an edge that would let someone else claim it.
                opts=child(f"{name}-record", hostnames),
            )
        self.register_outputs({})

    @staticmethod
    def needed(declaration: TenantDeclaration) -> bool:
        """Whether the platform's wildcard is not enough for this tenant."""
        return not declaration.pooled or bool(declaration.domains)
