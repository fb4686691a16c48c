"""Where somebody is sent after signing in: a page of the host where that was, or of the tenant's other hosts, and nowhere else."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from tenantry.control import users
from tenantry.control.database import transaction
from tenantry.errors import InputError

_VISIBLE: Final = re.compile(r"[!-~]{1,2000}", re.ASCII)
_PATH: Final = re.compile(r"/(?![/\\])[^\\]*", re.ASCII)


def checked(text: str, host: str) -> str:
    """``text`` where it is a path, or https at an active host of the tenant that ``host`` belongs to. ``InputError`` for anything else."""
    if _VISIBLE.fullmatch(text):
        if _PATH.fullmatch(text):
            return text
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = None
        # Nothing but scheme, host and path, said in the one way in which nobody can read another host out of it.
        if parts is not None and parts.scheme == "https" and parts.netloc == (parts.hostname or "") and _PATH.fullmatch(parts.path or "/"):
            with transaction() as connection:
                here, there = users.at(connection, host), users.at(connection, parts.netloc)
            if here is not None and there is not None and here.tenant == there.tenant:
                return text
    raise InputError("return_to leads elsewhere", "a path, as /settings, or an active host name of the tenant", code="return.foreign")
