"""Requests to the service, each done once: see ``tenantry.control.api_requests``, of which this is the face for ``web/``."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from psycopg import Error as DatabaseError

from tenantry.control import api_requests
from tenantry.control.api_requests import Begun, answer
from tenantry.errors import TransientError
from tenantry.postgres.server import passes

__all__ = ["Begun", "DatabaseError", "answer", "begin", "forget", "passes"]

_LEFT: set[UUID] = set()
"""Requests that this process was at when PostgreSQL went away, and could not let go of: nobody is at them any more."""


def begin(holder: str, route: str, name: str, digest: bytes) -> Begun:
    """Takes a request on, or says how it stands; one that this process had to leave is taken on at once."""
    begun = api_requests.begin(holder, route, name, digest)
    if begun.how != "underway" or begun.id not in _LEFT:
        return begun
    forget(begun.id)
    return api_requests.begin(holder, route, name, digest)


def forget(request_id: UUID) -> None:
    """Lets a request be tried again: it came to nothing, by a cause that passes. One that has asked for a run stays, to be answered."""
    _LEFT.add(request_id)
    with suppress(DatabaseError, TransientError):  # the error that led here is the one to tell
        api_requests.forget(request_id)
        _LEFT.discard(request_id)
