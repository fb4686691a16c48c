"""What is answered when a tenant's store does not let the application in."""

import logging

from django.db import OperationalError
from django.http import JsonResponse
from django.utils.deprecation import MiddlewareMixin
from psycopg.errors import InsufficientPrivilege, UndefinedTable

from tenancy.directory import directory
from tenantry.errors import TransientError

log = logging.getLogger(__name__)


class TryAgain(MiddlewareMixin):
    """The tenant moves, was shut this moment, or a migration is at work there. Nothing was written; the next look-up knows."""

    def process_exception(self, request, error):
        shut = isinstance(error, (OperationalError, TransientError))
        if not shut and not isinstance(error.__cause__, (UndefinedTable, InsufficientPrivilege)):
            return None
        tenant = request.scope["tenant"]
        log.warning("%s is to try again: %s", tenant.slug, error)
        directory().forget(tenant.id)
        return JsonResponse({"detail": "One moment, please try again."}, status=503, headers={"Retry-After": "1"})
