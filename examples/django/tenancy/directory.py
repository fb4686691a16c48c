"""Where the tenants are, and what their stores are entered with."""

from functools import cache

from psycopg.conninfo import make_conninfo

from tenantry.app import Directory
from tenantry.app.credentials import from_environment
from tenantry.app.secrets import Secrets

LOGIN = "tenantry__directory"


@cache
def directory():
    """The process's own. Not made where nothing is served: `manage.py migrate` has no password of it."""
    dsn = make_conninfo(dbname="tenantry", user=LOGIN, password=from_environment()[LOGIN])  # at PGHOST and PGPORT
    return Directory(dsn, credentials=Secrets())
