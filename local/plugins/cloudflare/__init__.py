"""The stand-in for pulumi-cloudflare: `DnsRecord`, `CustomHostname`, `CustomHostnameFallbackOrigin`."""
