"""Where the tenants are, and what their stores are entered with."""

from functools import cache

from tenantry.app import Directory
from tenantry.app.secrets import Secrets, directory_dsn


@cache
def directory():
    """The process's own. Not made where nothing is served: `manage.py migrate` has no password of it."""
    return Directory(directory_dsn, credentials=Secrets())
