"""An ordinary project's settings; a request's transaction is its tenant's."""

import os

SECRET_KEY = "-"  # noqa: S105  # nothing is signed here
ALLOWED_HOSTS = ["*"]  # the directory knows the hosts
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["tasks"]
MIDDLEWARE = ["tenancy.middleware.TryAgain"]
# The name is for `manage.py migrate`, which Tenantry runs in each store. What is served has none: no tenant, no database.
DATABASES = {"default": {"ENGINE": "tenancy", "NAME": os.environ.get("PGDATABASE", ""), "ATOMIC_REQUESTS": True}}
USE_TZ = True
