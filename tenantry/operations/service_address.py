"""Where people find the service: one address for the platform's own people; a tenant's find it at the tenant's host names."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import urlsplit

from tenantry.errors import InputError

VARIABLE: Final = "TENANTRY_SERVICE_URL"
"""The service as people reach it, through the proxy: https://admin.example."""
DEFAULT: Final = "http://127.0.0.1:8080"

LOCAL: Final = frozenset({"127.0.0.1", "localhost"})
"""Hosts that browsers take for secure without TLS. The two are one machine, so a service that is at one of them is at both."""

_URL: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)


def url() -> str:
    """The service's address, without a path. ``InputError`` for what is none, or would send a session in the clear."""
    said = os.environ.get(VARIABLE) or DEFAULT
    found = said.rstrip("/").lower()
    if not _URL.fullmatch(found):
        raise InputError(f"{VARIABLE} cannot be {said[:200]!r}", "scheme and host name, for example https://admin.example")
    if found.startswith("http:") and urlsplit(found).hostname not in LOCAL:
        raise InputError(
            f"{VARIABLE} is not https", "without TLS whoever is on the way has the session; http://127.0.0.1 and localhost will do"
        )
    return found


def is_own(host: str) -> bool:
    """Whether the platform's own people are served at ``host`` (without a port)."""
    own = urlsplit(url()).hostname
    return host == own or (host in LOCAL and own in LOCAL)
