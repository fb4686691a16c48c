"""What is served: the project, behind the look-up of the tenant by host."""

import os

from django.core.asgi import get_asgi_application
from tenancy.directory import directory

from tenantry.app.asgi import TenantMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
application = TenantMiddleware(get_asgi_application(), directory())
