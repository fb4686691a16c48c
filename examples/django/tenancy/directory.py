"""Where the tenants are, and their passwords."""

import json
import subprocess
from functools import cache

from psycopg.conninfo import make_conninfo

from tenantry.app import Directory
from tenantry.app.credentials import from_environment

LOGIN = "tenantry__directory"


def password(tenant):
    """Of the tenant's login: that of the environment, or asked for, as after a move."""
    return from_environment().get(tenant.role) or _asked(tenant.slug, tenant.role)


@cache
def _asked(slug, role):
    # On a laptop. In production this is a call to where you keep secrets.
    told = subprocess.run(["tenantry", "credentials", slug, "--json"], check=True, capture_output=True, text=True)
    return json.loads(told.stdout)["password"]


@cache
def directory():
    """The process's own. Not made where nothing is served: `manage.py migrate` has no password of it."""
    dsn = make_conninfo(dbname="tenantry", user=LOGIN, password=from_environment()[LOGIN])  # at PGHOST and PGPORT
    return Directory(dsn, credentials=password)
