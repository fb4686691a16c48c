"""What doctor asks services outside of the platform."""

from __future__ import annotations

from tenantry import naming, waiting
from tenantry.clients import aws, cloudflare
from tenantry.clients.smtp import Mailer
from tenantry.control import admission
from tenantry.errors import WorkError
from tenantry.operations import mailing
from tenantry.postgres import row_context
from tenantry.settings import platform_settings


def aws_account() -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        account = str(aws.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise WorkError(str(error), "check AWS_REGION and the credentials, and AWS_ENDPOINT_URL where it is set") from error
    declared = platform_settings().account_id
    if account != declared:
        raise WorkError(
            f"the credentials are of account {account}, the settings say {declared}", "correct tenantry:accountId in Pulumi.yaml"
        )
    return f"account {account}"


def row_contexts() -> str:
    """Whether what applications sign is accepted, in each cell of which a tenant takes signed row contexts."""
    settings = platform_settings()
    declared = admission.load().declared
    cells = sorted({tenant.cell for tenant in declared.values() if tenant.row_context == "signed" and tenant.isolation == "rls"})
    found = [f"{cell}: {row_context.refuse_stale(cell, naming.context_key(settings.bucket_prefix, cell))}" for cell in cells]
    return ", ".join(found) or "plain"


def cloudflare_zone() -> str:
    from cloudflare import CloudflareError

    settings = platform_settings()
    try:
        with waiting.on("Cloudflare"):
            zone = cloudflare.client().zones.get(zone_id=settings.zone_id)
    except CloudflareError as error:
        raise WorkError(f"zone {settings.zone_id}: {error}", "check CLOUDFLARE_API_TOKEN and tenantry:zoneId") from error
    return f"zone {zone.name}"


def mail_server() -> str:
    domain, smtp = mailing.settings()
    with Mailer(smtp, domain) as mailer:
        mailer.check()
    return f"{smtp.host}:{smtp.port}, {'in plain' if smtp.tls == 'none' else smtp.tls}, from {smtp.sender}"
