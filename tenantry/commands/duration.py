"""A length of time as people type it."""

from __future__ import annotations

import re
from datetime import timedelta

from tenantry.errors import InputError

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse(text: str) -> timedelta:
    """``7d``, ``12h`` or ``30m``; ``InputError`` for anything else."""
    found = re.fullmatch(r"([0-9]{1,5})([dhms])", text)
    if found is None:
        raise InputError(f"{text!r} is not a length of time", "for example 7d, 12h or 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
