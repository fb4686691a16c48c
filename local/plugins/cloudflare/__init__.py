"""The stand-in for pulumi-cloudflare: DNS records, custom host names, the fallback origin."""

VERSION = "6.23.1"
