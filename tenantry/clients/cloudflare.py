"""What Tenantry asks Cloudflare outside of Pulumi: what a killed run left behind.

Configured by CLOUDFLARE_API_TOKEN and CLOUDFLARE_BASE_URL.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def client() -> Any:
    """The official client; it retries 429 and 5xx by itself."""
    from cloudflare import Cloudflare

    return Cloudflare(timeout=30.0, max_retries=4)


def find_record(zone_id: str, name: str, comment: str) -> str | None:
    """Import id (``zone/record``) of our DNS record of that name, or None."""
    for record in client().dns.records.list(zone_id=zone_id, name={"exact": name}):
        if record.comment == comment:
            return f"{zone_id}/{record.id}"
    return None


def find_validation_record(zone_id: str, domain: str, comment: str) -> str | None:
    """Import id of our ACM validation record for ``domain`` (``_<token>.<domain>``), or None."""
    for record in client().dns.records.list(zone_id=zone_id, type="CNAME", comment={"exact": comment}):
        if record.name.startswith("_") and record.name.endswith(f".{domain}"):
            return f"{zone_id}/{record.id}"
    return None


def find_hostname(zone_id: str, host: str) -> str | None:
    """Import id (``zone/hostname``) of a custom host name, or None."""
    for entry in client().custom_hostnames.list(zone_id=zone_id, hostname=host):
        if entry.hostname == host:
            return f"{zone_id}/{entry.id}"
    return None
