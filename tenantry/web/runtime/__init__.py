"""``/runtime/…``: who a host belongs to and how it should look, from memory. Pure ASGI, in front of whatever else is served."""

from tenantry.web.runtime.app import RuntimeApp

__all__ = ["RuntimeApp"]
