"""Edge: what every host name of the platform shares: wildcard DNS, the wildcard certificate, the fallback origin. In the cell ``main``."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.adoption import Adoption
from components.aws import Certificate
from components.cloudflare import CustomHostnameFallbackOrigin, DnsRecord
from tenantry.settings import PlatformSettings

AUTOMATIC_TTL = 1  # Cloudflare's word for "choose yourself"
MARK = "tenantry"  # comment or tag that says a thing is ours


class EdgeArgs(TypedDict):
    settings: PlatformSettings
    adoption: Adoption


class Edge(pulumi.ComponentResource):
    """Wildcard DNS and certificate of the platform's domain; a new tenant's host name needs no record of its own."""

    certificate_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:platform:Edge", name, None, opts)
        settings = args["settings"]
        adopt = args["adoption"].of

        def child(logical_name: str) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, import_=adopt(logical_name))

        DnsRecord(
            f"{name}-wildcard",
            zone_id=settings.zone_id,
            name=f"*.{settings.domain}",
            type="CNAME",
            content=settings.endpoint,
            ttl=AUTOMATIC_TTL,
            proxied=True,
            comment=MARK,
            opts=child(f"{name}-wildcard"),
        )
        CustomHostnameFallbackOrigin(
            f"{name}-fallback-origin",
            zone_id=settings.zone_id,
            origin=settings.endpoint,
            opts=pulumi.ResourceOptions(parent=self),
        )
        certificate = Certificate(
            f"{name}-certificate",
            domain_name=settings.domain,
            subject_alternative_names=[f"*.{settings.domain}"],
            validation_method="DNS",
            tags={MARK: "edge"},
            opts=child(f"{name}-certificate"),
        )
        # A domain and its wildcard are validated by the same record, so one is enough; ACM renews for as long as it stands.
        validation = certificate.domain_validation_options.apply(lambda options: options[0])
        DnsRecord(
            f"{name}-certificate-validation",
            zone_id=settings.zone_id,
            name=validation.apply(lambda option: str(option["resourceRecordName"]).rstrip(".")),
            type="CNAME",
            content=validation.apply(lambda option: str(option["resourceRecordValue"]).rstrip(".")),
            ttl=AUTOMATIC_TTL,
            proxied=False,
            comment=MARK,
            opts=child(f"{name}-certificate-validation"),
        )
        self.certificate_arn = certificate.arn
        self.register_outputs({"certificate_arn": certificate.arn})
