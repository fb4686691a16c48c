"""Where a page of a list by time ends, as one word that the next one is asked with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from tenantry.errors import InputError

_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def of(moment: datetime, name: str) -> str:
    """The word for what comes behind ``name``, which is of that moment."""
    return f"{(moment - _ZERO) // _TICK}~{name}"


def read(text: str) -> tuple[datetime, str]:
    """The same back. ``InputError`` for what is no such word."""
    digits, sign, name = text.partition("~")
    if not sign or not name or not (digits.isascii() and digits.isdecimal()) or len(digits) > 17:
        raise InputError("`after` is not where a page ended", "ask with the `after` of the page before")
    return _ZERO + int(digits) * _TICK, name
