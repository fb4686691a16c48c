"""Calls to services outside: AWS, Cloudflare, SMTP, git. No Pulumi and no SQL in here."""
