"""For your application: finds the tenant of a request and connects to where it lives. docs/application.md is the contract.

Needs psycopg, and imports nothing of the platform: no Pulumi, no DBOS, no AWS. ``tenantry.app.asgi`` has the middleware,
``tenantry.app.sqlalchemy`` the engines.
"""

from tenantry.app.directory import Directory
from tenantry.app.tenant import Place, State, Tenant, current

__all__ = ["Directory", "Place", "State", "Tenant", "current"]
