"""The stand-in for pulumi-postgresql: `Role`, `Database` and `Schema` on a real PostgreSQL server.

What each does follows terraform-provider-postgresql, release by release; the version is the one this was compared with.
"""
