"""Requests to the service, each done once: see ``tenantry.control.api_requests``, of which this is the face for ``web/``."""

from tenantry.control.api_requests import Begun, answer, begin, forget

__all__ = ["Begun", "answer", "begin", "forget"]
