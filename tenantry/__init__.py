"""Tenantry: tenants of a white-label SaaS, declared in YAML and made real by Pulumi."""

__version__ = "0.1.0"
