"""Idempotent calls to what lies outside: PostgreSQL, AWS, Cloudflare. No Pulumi in here."""
