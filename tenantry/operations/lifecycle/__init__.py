"""A tenant's way out and back: suspended, off-boarded under a hold, brought back, archived or deleted with a signed record."""

from tenantry.operations.lifecycle.change import request
from tenantry.operations.lifecycle.deletion import request as request_deletion
from tenantry.operations.lifecycle.expiry import expired, hold_expiry

__all__ = ["expired", "hold_expiry", "request", "request_deletion"]
