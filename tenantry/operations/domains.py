"""Asks Cloudflare how the custom host names are doing, and lets the registry say the same."""

from __future__ import annotations

from tenantry.clients import cloudflare
from tenantry.control import domains
from tenantry.settings import platform_settings
from tenantry.work.tasks.task import Context


def recheck(_: Context) -> str:
    """All custom host names in one pass: one request for each 1,000, where one for each tenant would soon meet the API's rate limit."""
    wanted = domains.custom()
    if not wanted:
        return ""
    found = cloudflare.hostname_states(platform_settings().zone_id)
    changed = domains.update({host: "active" if found.get(host) == "active" else "pending" for host in wanted})
    counts = {
        "looked at": len(wanted), "became active": list(changed.values()).count("active"),
        "became pending": list(changed.values()).count("pending"), "are not at Cloudflare": sum(host not in found for host in wanted),
    }  # fmt: skip
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
