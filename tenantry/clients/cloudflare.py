"""What Tenantry asks Cloudflare outside of Pulumi: what a killed run left behind, and how host names are doing.

Configured by CLOUDFLARE_API_TOKEN and CLOUDFLARE_BASE_URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tenantry import waiting
from tenantry.errors import InputError, TransientError, WorkError

RETRY = "run the same command again when it answers; nothing was begun"


@cache
def client() -> Any:
    """The official client; it retries 429 and 5xx by itself. ``InputError`` without credentials: it would raise a TypeError later."""
    from cloudflare import Cloudflare

    if not any(os.environ.get(name) for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY")):
        raise InputError("no Cloudflare API token: CLOUDFLARE_API_TOKEN not set", 'set it, or run: eval "$(tenantry local env)"')
    return Cloudflare(timeout=20.0, max_retries=2)


@contextmanager
def explained() -> Iterator[None]:
    """Turns what the client raises into ``WorkError``."""
    from cloudflare import APIStatusError, CloudflareError

    try:
        with waiting.on("Cloudflare"):
            yield
    except APIStatusError as error:
        answer = "; ".join(f"{entry.message} ({entry.code})" for entry in error.errors) or f"status {error.status_code}"
        hint = "check CLOUDFLARE_API_TOKEN and what it may do in this zone" if error.status_code in (401, 403) else RETRY
        reason = "refused the API token: " if error.status_code in (401, 403) else f"answered {error.status_code}: "
        passing = error.status_code == 429 or error.status_code >= 500
        raise (TransientError if passing else WorkError)(f"Cloudflare {reason}{answer}", hint) from error
    except CloudflareError as error:
        raise TransientError(f"Cloudflare at {client().base_url} cannot be reached: {error}", RETRY) from error


def find_record(zone_id: str, name: str, comment: str) -> str | None:
    """Import id (``zone/record``) of our DNS record of that name, or None."""
    with explained():
        for record in client().dns.records.list(zone_id=zone_id, name={"exact": name}):
            if record.comment == comment:
                return f"{zone_id}/{record.id}"
    return None


def find_validation_record(zone_id: str, domain: str, comment: str) -> str | None:
    """Import id of our ACM validation record for ``domain`` (``_<token>.<domain>``), or None."""
    with explained():
        for record in client().dns.records.list(zone_id=zone_id, type="CNAME", comment={"exact": comment}):
            if record.name.startswith("_") and record.name.endswith(f".{domain}"):
                return f"{zone_id}/{record.id}"
    return None


def find_hostname(zone_id: str, host: str) -> str | None:
    """Import id (``zone/hostname``) of a custom host name, or None."""
    with explained():
        for entry in client().custom_hostnames.list(zone_id=zone_id, hostname=host):
            if entry.hostname == host:
                return f"{zone_id}/{entry.id}"
    return None


def hostname_states(zone_id: str) -> dict[str, str]:
    """Custom host name → ``active`` when it and its certificate are, else what Cloudflare says of the one that is not."""
    found: dict[str, str] = {}
    with explained():
        for entry in client().custom_hostnames.list(zone_id=zone_id, per_page=1000):
            host, certificate = str(entry.status or "pending"), str(entry.ssl.status if entry.ssl else "pending")
            found[entry.hostname] = certificate if host == "active" else host
    return found
