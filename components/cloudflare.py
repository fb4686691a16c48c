"""The classes of pulumi-cloudflare that we use."""

from __future__ import annotations

from components.official import official

CustomHostname = official("pulumi_cloudflare", "custom_hostname").CustomHostname
CustomHostnameFallbackOrigin = official("pulumi_cloudflare", "custom_hostname_fallback_origin").CustomHostnameFallbackOrigin
DnsRecord = official("pulumi_cloudflare", "dns_record").DnsRecord
